import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.ports import free_port

from consentid.demo.errors import DemoError
from consentid.demo.processes import Child, listen

WAITS = "import time; from consentid.demo import lifeline; lifeline.hold(); time.sleep(600)"
PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE,
                         start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_gone(pid: int, within_s: float = 120.0) -> bool:
    give_up_at = time.monotonic() + within_s
    while is_alive(pid) and time.monotonic() < give_up_at:
        time.sleep(0.02)
    return not is_alive(pid)


def test_a_child_does_not_outlive_a_parent_that_is_killed() -> None:
    command = [sys.executable, "-c", PARENT, WAITS]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - our own programs
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
        assert is_alive(child)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    assert wait_until_gone(child)


def test_a_killed_child_can_be_started_again(tmp_path: Path) -> None:
    child = Child(
        "one", module="http.server", arguments=["--help"], environment={}, log=tmp_path / "log"
    )
    assert (child.pid, child.is_alive, child.last_words()) == (0, False, "")
    child.start()
    first = child.pid
    child.kill()
    assert not child.is_alive
    child.start()
    assert child.pid != first
    child.stop()
    assert not child.is_alive


def test_what_a_child_says_is_in_its_log(tmp_path: Path) -> None:
    child = Child(
        "one", module="no.such.module", arguments=[], environment={}, log=tmp_path / "log"
    )
    child.start()
    assert wait_until_gone(child.pid)
    child.stop()
    assert "No module named" in child.last_words()


def test_a_busy_port_is_refused_with_a_remedy() -> None:
    port = free_port()
    taken = listen(port)
    try:
        with pytest.raises(DemoError, match=rf"port {port} is in use.*--port"):
            listen(port)
    finally:
        for one in taken:
            one.close()


def test_the_port_is_open_on_loopback_only() -> None:
    taken = listen(free_port())
    try:
        assert {one.getsockname()[0] for one in taken} <= {"127.0.0.1", "::1"}
    finally:
        for one in taken:
            one.close()
