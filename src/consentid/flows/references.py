"""Opaque references that we hand out and take back: sealed, so that nobody reads or makes one.

Each has a kind and a holder (a pairwise sector, or a client): a reference of another kind, or of
another holder, does not open.
"""

from enum import StrEnum
from typing import TypeVar

import msgspec

from consentid.flows.context import Context
from consentid.keyring import wrapping
from consentid.keyring.deriving import Job, derived_key
from consentid.kit import base64url
from consentid.kit.errors import MalformedError, UnreadableError

_MAX_LENGTH = 1_024

T = TypeVar("T")


class ReferenceKind(StrEnum):
    """What a reference is for."""

    ADDRESSEE = "addressee"
    CONSISTENCY = "consistency"
    CURSOR = "cursor"
    DEVICE = "device"
    EVENTS = "events"
    PAIRING = "pairing"
    SERVED = "served"
    SNAPSHOT = "snapshot"
    VISIT = "visit"


def seal_reference(
    context: Context, kind: ReferenceKind, *, holder: str, content: msgspec.Struct
) -> str:
    """Make a reference."""
    sealed = wrapping.seal(
        derived_key(context.keyring.master, Job.REFERENCE),
        msgspec.msgpack.encode(content),
        nonce=context.randomness(wrapping.NONCE_BYTES),
        aad=f"{kind}\0{holder}".encode(),
    )
    return base64url.encode(sealed)


def open_reference(
    context: Context, kind: ReferenceKind, unverified: str, *, holder: str, into: type[T]
) -> T:
    """Take a reference back.

    Raises:
        MalformedError: it is not one of ours, or not of this kind and holder.
    """
    try:
        _check_length(unverified)
        content = wrapping.open_sealed(
            derived_key(context.keyring.master, Job.REFERENCE),
            base64url.decode(unverified),
            aad=f"{kind}\0{holder}".encode(),
        )
        return msgspec.msgpack.decode(content, type=into)
    except (ValueError, MalformedError, UnreadableError) as error:
        raise MalformedError(
            f"bad_{kind}",
            f"This is not a {kind} reference that you were given: send it as you received it.",
            where=str(kind),
        ) from error


def _check_length(unverified: str) -> None:
    if len(unverified) > _MAX_LENGTH:
        raise MalformedError("bad_reference", "It is too long.")
