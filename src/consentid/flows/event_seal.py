"""How events lie in the database: under their subject's key, or one of ours where there is none.

What is told of an erasure has to be readable after the subject's key is gone, until it is past
its retention; it is sealed all the same, so that no dump shows whose it was.
"""

from typing import Final

import msgspec

from consentid.flows.context import Context
from consentid.flows.open_subject import seal_for
from consentid.keyring import wrapping
from consentid.keyring.deriving import Job, derived_key

_EVENT: Final = b"event/1\0%d/%d"
_TOLD: Final = b"told/1\0"


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is told of an act that leaves no decision."""

    parties: tuple[str, ...] = ()
    """To whom."""
    catalogue: int | None = None
    device: bytes | None = None
    client_id: str | None = None
    token: str | None = None
    capture: tuple[str, str, str] | None = None
    """Its id, for whom it is, and the state that it came to."""


def seal_told(context: Context, told: Told) -> bytes:
    """Seal what an outbox row tells without its subject's key."""
    return seal_for(context, _own_key(context), msgspec.msgpack.encode(told), aad=_TOLD)


def open_told(context: Context, sealed: bytes) -> Told:
    """Open it.

    Raises:
        UnreadableError: it was sealed under another master key.
    """
    body = wrapping.open_sealed(_own_key(context), sealed, aad=_TOLD)
    return msgspec.msgpack.decode(body, type=Told)


def seal_event(
    context: Context, key: bytes | None, body: bytes, *, stream_no: int, seq: int
) -> bytes:
    """Seal an event for its place; ``key`` is its subject's, None where it has none."""
    return seal_for(context, key or _own_key(context), body, aad=_EVENT % (stream_no, seq))


def open_event(
    context: Context, key: bytes | None, sealed: bytes, *, stream_no: int, seq: int
) -> bytes:
    """Open an event.

    Raises:
        UnreadableError: it is not the one of this place.
    """
    return wrapping.open_sealed(key or _own_key(context), sealed, aad=_EVENT % (stream_no, seq))


def _own_key(context: Context) -> bytes:
    return derived_key(context.keyring.master, Job.EVENT)
