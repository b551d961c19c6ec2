"""Where a list of captures goes on."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from consentid.flows.context import Context
from consentid.flows.references import ReferenceKind, open_reference, seal_reference
from consentid.kit.instants import Instant
from consentid.store.captures import CaptureRow

PAGE = 50


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    recorded_at: int
    id: bytes


def open_cursor(
    context: Context, unverified: str | None, *, holder: str
) -> tuple[Instant, UUID] | None:
    """The place that a cursor stands for; None where there is none yet.

    Raises:
        MalformedError: it is not one of this holder's.
    """
    if unverified is None:
        return None
    at = open_reference(context, ReferenceKind.CURSOR, unverified, holder=holder, into=_Cursor)
    return Instant(at.recorded_at), UUID(bytes=at.id)


def seal_next(context: Context, rows: Sequence[CaptureRow], *, holder: str) -> str | None:
    """The cursor behind the first page of some rows; None where that is all of them."""
    if len(rows) <= PAGE:
        return None
    last = rows[PAGE - 1]
    place = _Cursor(recorded_at=last.recorded_at, id=last.id.bytes)
    return seal_reference(context, ReferenceKind.CURSOR, holder=holder, content=place)
