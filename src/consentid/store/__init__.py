"""SQL and only SQL: tables, migrations, the unit of work, one file per noun.

May import ``core`` and ``kit`` for their types.  Functions take a connection that the flow opened:
a flow owns its transaction, the store never commits.  Instants are the database's own, read once
per transaction after the subject's row is locked (``clock.now``).

Invariants: decisions, the log and the outbox are append-only for the serving role, by privilege
and by trigger, and staged entries leave into the log only; nothing personal stands in clear
(projections, record bodies and replayed answers are sealed under the subject's key); secrets and
tokens are stored hashed.
"""
