"""What came of an act for each brand and partner, written with it: the outbox row.

The effects of one act are sealed under the subject's key.  They are told by the pump, which learns
from them whom the subject has met: whoever holds one of its rows, and nobody else, hears of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from consentid.core.decision import DecisionId
from consentid.core.saying import Saying
from consentid.core.sharing import Line
from consentid.events.contract import Kind
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject, seal_for
from consentid.keyring import wrapping
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant
from consentid.store.acts import NewEvent

_EFFECTS: Final = b"effects/1\0"


class LineEffect(msgspec.Struct, frozen=True, array_like=True):
    """What holds for one line, before and after."""

    path: tuple[str, ...]
    """Whose answer it is, and over whom it was passed on; the last holds it."""
    revision: int
    before: tuple[tuple[str, ...], tuple[str, ...]] | None
    after: tuple[tuple[str, ...], tuple[str, ...]]
    """Yes and no."""
    ends_at: int | None


class Effects(msgspec.Struct, frozen=True, array_like=True):
    """What came of one act."""

    decisions: tuple[bytes, ...]
    lines: tuple[LineEffect, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineState:
    """One row of a subject: a line, what it said and says, and its revision now."""

    line: Line
    said: Saying | None
    saying: Saying
    rev: int


def write_effects(
    context: Context,
    subject: OpenSubject,
    states: Sequence[LineState],
    *,
    decisions: Sequence[DecisionId] = (),
    at: Instant,
) -> NewEvent:
    """The outbox row of one act; ``states`` are all rows of each line that it touches."""
    event_id: UUID = decisions[-1] if decisions else uuid7(at, context.randomness(RANDOM_BYTES))
    body = Effects(decisions=tuple(each.bytes for each in decisions), lines=tuple(_by_line(states)))
    return NewEvent(
        id=event_id,
        kind=Kind.CONSENT,
        subject_version=subject.version,
        sealed=seal_for(
            context, subject.key, msgspec.msgpack.encode(body), aad=_EFFECTS + event_id.bytes
        ),
    )


def read_effects(key: bytes, sealed: bytes, event_id: UUID) -> Effects:
    """Open an outbox row with its subject's key.

    Raises:
        UnreadableError: it was sealed under another key.
    """
    body = wrapping.open_sealed(key, sealed, aad=_EFFECTS + event_id.bytes)
    return msgspec.msgpack.decode(body, type=Effects)


def path_of(line: Line) -> tuple[str, ...]:
    """A line as it is stored and told."""
    return tuple(map(str, (line.origin, *line.actors)))


def revision_of(revs: Sequence[int]) -> int:
    """A line's revision: its rows' rise one by one, and none ever falls or goes."""
    return sum(revs)


def _by_line(states: Sequence[LineState]) -> list[LineEffect]:
    """A line has one row for each audience of its holder; they say the same."""
    lines: dict[Line, list[LineState]] = {}
    for each in states:
        lines.setdefault(each.line, []).append(each)
    return [_effect(line, of_line) for line, of_line in lines.items()]


def _effect(line: Line, states: Sequence[LineState]) -> LineEffect:
    said = next((each.said for each in states if each.said is not None), None)
    saying = states[0].saying
    return LineEffect(
        path=path_of(line),
        revision=revision_of([each.rev for each in states]),
        before=None if said is None else (said.yes, said.no),
        after=(saying.yes, saying.no),
        ends_at=saying.ends_at,
    )
