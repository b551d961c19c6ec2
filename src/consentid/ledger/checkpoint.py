"""Checkpoints: the head of a log, signed.  Spec: C2SP tlog-checkpoint."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from consentid.kit.errors import MalformedError
from consentid.ledger import note
from consentid.ledger.note import Note, NoteKey
from consentid.ledger.tree import HASH_BYTES, MAX_SIZE

_LINES: Final = 3
_MAX_DIGITS: Final = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How large a log is, and the root over it."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


def encode(checkpoint: Checkpoint) -> str:
    """The text that is signed."""
    root = base64.b64encode(checkpoint.root).decode()
    lines = (checkpoint.origin, str(checkpoint.size), root, *checkpoint.extensions)
    return "".join(f"{line}\n" for line in lines)


def decode(unverified_text: str) -> Checkpoint:
    """Read a note's text as a checkpoint.

    Raises:
        MalformedError: it is none.
    """
    lines = unverified_text.removesuffix("\n").split("\n")
    if len(lines) < _LINES or not all(lines):
        raise _bad("a checkpoint has an origin, a size, a root, and no empty line")
    origin, size, root, *extensions = lines
    # Decimal in ASCII, one spelling for each size.
    if not (size.isascii() and size.isdigit() and len(size) <= _MAX_DIGITS):
        raise _bad("a checkpoint's size is a decimal number")
    if str(int(size)) != size or int(size) > MAX_SIZE:
        raise _bad("a checkpoint's size has no leading zeroes, and is below 2^63")
    try:
        hash_ = binascii.a2b_base64(root.encode(), strict_mode=True)
    except ValueError as error:
        raise _bad("a checkpoint's root is not base64") from error
    if len(hash_) != HASH_BYTES or base64.b64encode(hash_).decode() != root:
        raise _bad(f"a checkpoint's root is {HASH_BYTES} bytes in base64")
    return Checkpoint(origin=origin, size=int(size), root=hash_, extensions=tuple(extensions))


def open_checkpoint(
    unverified_note: bytes | str, *, origin: str, keys: Sequence[NoteKey]
) -> tuple[Checkpoint, Note]:
    """A log's checkpoint that one of the log's keys signed, and the note for its cosignatures.

    Raises:
        MalformedError: not a checkpoint, another log's, not signed by any of the keys, or one of
            their signatures is wrong.
    """
    unverified = note.parse_note(unverified_note)
    note.check(unverified, keys)
    checkpoint = decode(unverified.text)
    if checkpoint.origin != origin:
        raise MalformedError(
            "foreign_origin",
            f"the checkpoint is of {checkpoint.origin}, not of {origin}",
            where="origin",
        )
    return checkpoint, unverified


def _bad(message: str) -> MalformedError:
    return MalformedError("bad_checkpoint", message, where="checkpoint")
