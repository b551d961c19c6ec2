"""Looks at processes while they work: what they hold in memory, and what they take of a core."""

import asyncio
import itertools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.bench.day import wire

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_EACH_S: Final = 1.0
_KIB_A_MB: Final = 1e6 / 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One moment of one program."""

    at_s: float
    memory_mb: float
    """All its pages (RSS), as a container of its own is charged for; of a program of several
    processes, what they share is counted once (PSS).
    """
    cpu_s: float
    processes: int


@dataclass(slots=True, kw_only=True)
class Watch:
    """Several programs, each of one process or of many."""

    pids: Mapping[str, Callable[[], list[int]]]
    looks: dict[str, list[Look]] = field(default_factory=dict[str, list[Look]])

    async def keep_looking(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(_EACH_S)

    def look(self) -> None:
        for name, find in self.pids.items():
            pids = find()
            look = Look(
                at_s=wire.now_s(),
                memory_mb=sum(_memory_kb(pid, "Pss" if len(pids) > 1 else "Rss") for pid in pids)
                / _KIB_A_MB,
                cpu_s=sum(map(_cpu_s, pids)),
                processes=len(pids),
            )
            self.looks.setdefault(name, []).append(look)

    def told(self) -> dict[str, dict[str, float]]:
        """Of each program, what it held and took."""
        return {name: _told(looks) for name, looks in self.looks.items() if len(looks) > 1}


def _told(looks: list[Look]) -> dict[str, float]:
    first, last = looks[0], looks[-1]
    middle = looks[len(looks) // 2]
    # A process that ended takes its processor time with it: only what grew is counted.
    spent = sum(max(0.0, b.cpu_s - a.cpu_s) for a, b in itertools.pairwise(looks))
    return {
        "processes": last.processes,
        "memory_mb_at_first": round(first.memory_mb, 1),
        "memory_mb_halfway": round(middle.memory_mb, 1),
        "memory_mb_at_last": round(last.memory_mb, 1),
        "memory_mb_most": round(max(each.memory_mb for each in looks), 1),
        "cores": round(spent / (last.at_s - first.at_s), 3),
        "cpu_s": round(spent, 1),
    }


def _memory_kb(pid: int, kind: str) -> int:
    """Of a process that has ended: nothing."""
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return int(told.partition(f"\n{kind}:")[2].split()[0])


def _cpu_s(pid: int) -> float:
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(told[11]) + int(told[12])) / _TICKS
