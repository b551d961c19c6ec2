"""Hold what is stored of a person's captures against what the log says of them.

A capture that is held, that an operator let go, or that waited until it expired has no entry, or
one of before; nothing follows from it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.capture import CaptureId, CaptureState
from consentid.flows.capture_body import OpenCapture, open_body
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject
from consentid.flows.stage_capture import handed_in
from consentid.kit.errors import GoneError, UnreadableError
from consentid.ledger.leaf import Kind
from consentid.store import captures

_UNSAID: Final = frozenset({CaptureState.HELD, CaptureState.DISCARDED, CaptureState.EXPIRED})
"""States that no entry says."""
_APART: Final = frozenset({"v", "at", "state"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an entry of the log says of somebody, opened."""

    kind: str
    body: Mapping[str, Any]


async def capture_faults(
    context: Context,
    connection: AsyncConnection,
    subject: OpenSubject,
    said: Iterable[Said],
    stored: Sequence[CaptureId],
) -> list[str]:
    """What is wrong with a person's captures that are ``stored``.

    ``said`` is all that the log says, oldest first.
    """
    of_captures: dict[UUID, list[Mapping[str, Any]]] = {}
    for each in said:
        if each.kind == Kind.CAPTURE:
            of_captures.setdefault(UUID(each.body["capture"]), []).append(each.body)
    faults = [f"capture {id_}: it is missing" for id_ in of_captures.keys() - {*stored}]
    for id_ in stored:
        fault = await _fault(context, connection, subject, id_, of_captures.get(id_, []))
        if fault is not None:
            faults.append(f"capture {id_}: {fault}")
    return faults


async def _fault(
    context: Context,
    connection: AsyncConnection,
    subject: OpenSubject,
    capture: CaptureId,
    said: Sequence[Mapping[str, Any]],
) -> str | None:
    try:
        row = await captures.find(connection, capture)
        if row is None:
            return "it is missing"
        opened = OpenCapture(row=row, body=open_body(context, row, subject))
    except ValueError:
        return "what is stored is no capture"
    except (UnreadableError, GoneError) as error:
        return f"what was said cannot be opened: {error.message}"
    return _unlike(opened, said)


def _unlike(capture: OpenCapture, said: Sequence[Mapping[str, Any]]) -> str | None:
    """In what a stored capture is not what the log says of it, the oldest first."""
    row, stored = capture.row, handed_in(capture)
    for body in said:
        others = [name for name in body.keys() - _APART if body[name] != stored.get(name)]
        if others:
            return f"{', '.join(sorted(others))} is not what the log says"
    last = said[-1].get("state") if said else None
    may_be = (None, CaptureState.PENDING) if row.state in _UNSAID else (row.state,)
    return None if last in may_be else f"it is {row.state}, and {last} by the log"
