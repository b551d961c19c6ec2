"""What clients asked, when, and what they were told: invoke, ok and fail of each act."""

import time
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from typing_extensions import override


class Kind(StrEnum):
    DECIDE = "decide"
    WITHDRAW = "withdraw"
    VERIFY = "verify"


class Said(StrEnum):
    """How an act ended for the client.  Whoever failed may have been heard all the same."""

    NOTHING = "invoke"
    OK = "ok"
    FAIL = "fail"
    YES = "yes"
    NO = "no"


@dataclass(slots=True, kw_only=True)
class Act:
    """One request of one client."""

    client: int
    kind: Kind
    node: int
    key: str
    """What a repetition has in common with the first; of a verification: the write it follows."""
    began_s: float
    ended_s: float = 0.0
    said: Said = Said.NOTHING
    words: str = ""
    """Of a failure, why; of a write, the decision."""
    at_least: bool = False
    """Whether the client said what it knows."""
    expects: Said = Said.OK
    since_s: float = 0.0
    """Of a verification: when the write that it follows was acknowledged."""
    answer: dict[str, Any] | None = None

    @property
    def staleness_s(self) -> float:
        """How long after an acknowledged withdrawal somebody asked who was still told yes."""
        return self.began_s - self.since_s

    @override
    def __str__(self) -> str:
        known = ", at_least" if self.at_least else ""
        took_ms = (self.ended_s - self.began_s) * 1_000
        return (
            f"{self.began_s:10.3f}s client {self.client} {self.kind} {self.key}"
            f" at node {self.node}{known} -> {self.said} {self.words} ({took_ms:.0f} ms)"
        )


@dataclass(slots=True)
class History:
    """All acts of a run, in the order in which they began."""

    acts: list[Act] = field(default_factory=list[Act])
    _since: float = field(default_factory=time.monotonic)

    def now_s(self) -> float:
        return time.monotonic() - self._since

    def begin(self, **told: Any) -> Act:
        act = Act(began_s=self.now_s(), **told)
        self.acts.append(act)
        return act

    def end(self, act: Act, said: Said, words: str = "") -> None:
        act.ended_s, act.said, act.words = self.now_s(), said, words

    def keep(self, path: Path) -> None:
        """Write a line of JSON for each act; of an answer nothing but the decision, no token."""
        lines = ({**asdict(act), "answer": None} for act in self.acts)
        path.write_bytes(msgspec.json.Encoder().encode_lines(lines))

    def around(self, act: Act, *, many: int = 12) -> str:
        """What the same client did before and after, for whoever has to find out why."""
        own = [each for each in self.acts if each.client == act.client]
        place = next(number for number, each in enumerate(own) if each is act)
        return "\n".join(map(str, own[max(0, place - many) : place + 3]))
