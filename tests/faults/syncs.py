"""That every acknowledged commit was on the disk before: read from the system calls themselves.

One client writes, one act at a time, while ``strace`` looks at PostgreSQL and at the web processes.
Between the arrival of each write and the first byte of its 201, a sync of the write-ahead log has
to have ended well; and no process of PostgreSQL may answer while what it wrote there is unsynced.
"""

import asyncio
import re
import shutil
import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.faults.promises import Violation

PROMISE: Final = "every commit is synced"
STRACE: Final = shutil.which("strace")
_CALLS: Final = "read,recvfrom,write,writev,sendto,sendmsg,pwrite64,pwritev,fsync,fdatasync"
_LINE: Final = re.compile(
    r"(?P<pid>\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>|(?P<call>\w+)\()(?P<rest>.*)"
)
_DONE: Final = re.compile(r"\) += (?P<result>-?\d+)")
_SYNCS: Final = {"fsync", "fdatasync"}
_STORES: Final = {"pwrite64", "pwritev"}
_READS: Final = {"read", "recvfrom"}
_SENDS: Final = {"write", "writev", "sendto", "sendmsg"}
_WRITES: Final = ("POST /v1/decisions", "POST /v1/withdrawals")


async def attach(pids: Iterable[int], trace: Path) -> asyncio.subprocess.Process:
    """Look at processes and their children from now on."""
    assert STRACE is not None
    wanted = [word for pid in pids for word in ("-p", str(pid))]
    process = await asyncio.create_subprocess_exec(
        *(STRACE, "-f", "-y", "-s", "32", "-e", f"trace={_CALLS}", "-o", str(trace)),
        *wanted,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    for _ in range(len(wanted) // 2):
        line = await process.stderr.readline()
        assert b"attached" in line, line.decode()
    return process


async def why_not() -> str | None:
    """Why nothing can be looked at here: no strace, or nobody may look at others; None: it can."""
    if STRACE is None:
        return "no strace here"
    looked_at = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
    looking = await asyncio.create_subprocess_exec(
        *(STRACE, "-o", "/dev/null", "-p", str(looked_at.pid)), stderr=asyncio.subprocess.PIPE
    )
    assert looking.stderr is not None
    said = (await looking.stderr.readline()).decode().strip()
    looked_at.kill()
    await looked_at.wait()
    await looking.wait()
    return None if "attached" in said else said or "strace says nothing"


async def detach(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGINT)
    await process.communicate()


@dataclass(slots=True)
class Trace:
    """What a trace has shown so far, line by line."""

    lines: Sequence[str]
    acknowledged: int = 0
    violations: list[Violation] = field(default_factory=list[Violation])
    _begun: dict[int, str] = field(default_factory=dict[int, str])
    """Of each process, the call that it is in: a resumed line names no file."""
    _unsynced: dict[int, set[int]] = field(default_factory=dict[int, set[int]])
    """Of each process, the lines where it wrote to the log what no sync has covered."""
    _covered: dict[int, set[int]] = field(default_factory=dict[int, set[int]])
    """Of each sync under way, what was written when it began."""
    _arrived_at: int = -1
    _synced_at: int = -1

    def judge(self) -> None:
        """Hold all of it against the promise."""
        for number, line in enumerate(self.lines):
            told = _LINE.match(line)
            if told is None:
                continue
            pid, rest, begins = int(told["pid"]), told["rest"], told["resumed"] is None
            call = told["call"] or told["resumed"]
            if begins:
                self._begun[pid] = rest
            if "/pg_wal/" in self._begun.get(pid, ""):
                self._log_touched(number, pid, call, rest, begins=begins)
            elif call in _READS and any(each in rest for each in _WRITES):
                self._arrived_at = number
            elif call in _SENDS and begins:
                self._spoken(number, pid, rest)

    def _log_touched(self, number: int, pid: int, call: str, rest: str, *, begins: bool) -> None:
        if call in _STORES and begins:
            self._unsynced.setdefault(pid, set()).add(number)
        if call not in _SYNCS:
            return
        if begins:
            self._covered[pid] = {each for lines in self._unsynced.values() for each in lines}
        done = _DONE.search(rest)
        if done is not None and done["result"] == "0":
            self._synced_at = number
            for lines in self._unsynced.values():
                lines.difference_update(self._covered[pid])

    def _spoken(self, number: int, pid: int, rest: str) -> None:
        if '"HTTP/1.1 201' in rest:
            self.acknowledged += 1
            if self._synced_at < self._arrived_at:
                self._violated(number, "answered 201 without a sync")
        elif "socket:[" in rest and self._unsynced.get(pid):
            self._violated(number, "answered while what it wrote was not synced")

    def _violated(self, number: int, words: str) -> None:
        first = max(0, self._arrived_at, number - 40)
        shown = "\n".join(self.lines[first : number + 1])
        self.violations.append(Violation(promise=PROMISE, words=words, history=shown))
