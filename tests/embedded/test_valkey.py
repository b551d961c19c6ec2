import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from valkey.asyncio import Valkey

from consentid.embedded.errors import EmbeddedServerError
from consentid.embedded.valkey import EmbeddedValkey

_HOLDER = """
import sys
from pathlib import Path
from consentid.embedded.valkey import EmbeddedValkey
server = EmbeddedValkey(Path(sys.argv[1]))
print(server.start(), flush=True)
sys.stdin.read()
"""


async def test_it_answers_on_its_socket(valkey_url: str) -> None:
    client = Valkey.from_url(valkey_url)
    assert await client.set("tests:embedded", "here", nx=True)
    assert await client.get("tests:embedded") == b"here"
    await client.aclose()


def test_it_runs_without_a_port_and_without_a_file(valkey_url: str) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(valkey_url.removeprefix("unix://"))
        connection.sendall(b"CONFIG GET port\r\n")
        assert connection.recv(100) == b"*2\r\n$4\r\nport\r\n$1\r\n0\r\n"
        connection.sendall(b"CONFIG GET save\r\n")
        assert connection.recv(100) == b"*2\r\n$4\r\nsave\r\n$0\r\n\r\n"


async def test_it_forgets_all_when_it_stops(server_folder: Path) -> None:
    server = EmbeddedValkey(server_folder / "forgetful")
    for expected in (None, None):
        client = Valkey.from_url(server.start())
        assert await client.get("key") is expected
        await client.set("key", "value")
        await client.aclose()
        server.stop()


def test_killed_by_force_we_leave_no_server(server_folder: Path) -> None:
    folder = server_folder / "orphaned"
    holder = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-c", _HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline().startswith("unix://")
    with pytest.raises(EmbeddedServerError, match=f"in use by process {holder.pid}"):
        EmbeddedValkey(folder).start()
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    with EmbeddedValkey(folder) as successor:
        assert successor.url.endswith("valkey.sock")
