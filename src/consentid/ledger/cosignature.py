"""Cosignatures: independent witnesses say that a checkpoint continues all they saw before.

Spec: C2SP tlog-cosignature (Ed25519).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from consentid.kit.errors import MalformedError
from consentid.ledger.note import COSIGNATURE, Note, NoteKey, matching, verified

_TIME_BYTES: Final = 8
_SIGNATURE_BYTES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """A witness's statement, checked."""

    name: str
    at_s: int
    """When the witness made it.  Seconds since the epoch, by its own clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Whose cosignatures count, and how many of them it takes."""

    witnesses: tuple[NoteKey, ...]
    quorum: int


def message(text: str, *, at_s: int) -> bytes:
    """What a witness signs."""
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def encode(*, at_s: int, signature: bytes) -> bytes:
    """The signature of a cosignature's line."""
    return at_s.to_bytes(_TIME_BYTES) + signature


def check(note: Note, witnesses: Sequence[NoteKey]) -> tuple[Cosigned, ...]:
    """The cosignatures of known witnesses, one for each.

    Raises:
        MalformedError: one of them is wrong.
    """
    found: dict[str, Cosigned] = {}
    known = [key for key in witnesses if key.kind == COSIGNATURE]
    for line in note.signatures:
        for key in matching(line, known):
            if len(line.signature) != _TIME_BYTES + _SIGNATURE_BYTES:
                raise MalformedError(
                    "bad_note", f"the cosignature of {key.name} is cut short", where="note"
                )
            at_s = int.from_bytes(line.signature[:_TIME_BYTES])
            verified(key, line.signature[_TIME_BYTES:], message(note.text, at_s=at_s))
            found[key.name] = Cosigned(name=key.name, at_s=at_s)
    return tuple(found.values())


def demand(note: Note, policy: Policy) -> tuple[Cosigned, ...]:
    """The cosignatures that a policy asks for.

    Raises:
        MalformedError: there are too few, or one is wrong.
    """
    found = check(note, policy.witnesses)
    if len(found) < policy.quorum:
        missing = sorted({key.name for key in policy.witnesses} - {each.name for each in found})
        raise MalformedError(
            "too_few_cosignatures",
            f"{len(found)} of {policy.quorum} cosignatures; missing: {', '.join(missing)}",
            where="note",
        )
    return found
