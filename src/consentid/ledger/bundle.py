"""A proof that stands alone: an index, the way up to the root, and the signed checkpoint.

Whoever has it, the entry and the log's key needs nothing else.  Spec: C2SP tlog-proof.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from consentid.kit.errors import MalformedError
from consentid.ledger.checkpoint import Checkpoint, open_checkpoint
from consentid.ledger.note import MAX_BYTES, Note, NoteKey
from consentid.ledger.tree import HASH_BYTES, check_inclusion, leaf_hash

MEDIA_TYPE: Final = "text/plain"
_HEAD: Final = "c2sp.org/tlog-proof@v1"
_MAX_HASHES: Final = 63
_MAX_DIGITS: Final = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A proof as it was read, unverified."""

    index: int
    proof: tuple[bytes, ...]
    note: str
    """The checkpoint, signed."""
    extra: bytes | None = None
    """Signed by nobody."""


def encode(bundle: Bundle) -> str:
    """A proof as it is handed out."""
    lines = [_HEAD]
    if bundle.extra is not None:
        lines.append(f"extra {_b64(bundle.extra)}")
    lines += (f"index {bundle.index}", *map(_b64, bundle.proof), "", bundle.note)
    return "\n".join(lines)


def decode(unverified_bundle: bytes | str) -> Bundle:
    """Read a proof without believing it.

    Raises:
        MalformedError: it is none.
    """
    raw = unverified_bundle.encode() if isinstance(unverified_bundle, str) else unverified_bundle
    if len(raw) > 2 * MAX_BYTES:
        raise _bad(f"a proof has at most {2 * MAX_BYTES} bytes")
    try:
        whole = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad("a proof is UTF-8") from error
    head, separator, note = whole.partition("\n\n")
    first, *lines = head.split("\n")
    if first != _HEAD or not separator or not lines:
        raise _bad(f"a proof begins with {_HEAD} and an index, and has a checkpoint")
    extra = None
    if lines[0].startswith("extra "):
        extra = _bytes(lines.pop(0).removeprefix("extra "))
    keyword, _, digits = lines[0].partition(" ") if lines else ("", "", "")
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS
    if keyword != "index" or not is_number or str(int(digits)) != digits:
        raise _bad("a proof names its index as a decimal number")
    if len(lines) - 1 > _MAX_HASHES:
        raise _bad(f"a proof has at most {_MAX_HASHES} hashes")
    hashes = tuple(_bytes(line) for line in lines[1:])
    if any(len(each) != HASH_BYTES for each in hashes):
        raise _bad(f"each hash of a proof has {HASH_BYTES} bytes")
    return Bundle(index=int(digits), proof=hashes, note=note, extra=extra)


def check(
    bundle: Bundle, entry: bytes, *, origin: str, keys: Sequence[NoteKey]
) -> tuple[Checkpoint, Note]:
    """Check that an entry is in the log; the checkpoint, and the note for its cosignatures.

    Raises:
        MalformedError: it is not, or the checkpoint does not hold.
    """
    checkpoint, note = open_checkpoint(bundle.note, origin=origin, keys=keys)
    check_inclusion(
        bundle.proof,
        leaf=leaf_hash(entry),
        index=bundle.index,
        size=checkpoint.size,
        root=checkpoint.root,
    )
    return checkpoint, note


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    try:
        raw = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except ValueError as error:
        raise _bad("a proof's hashes are base64") from error
    if _b64(raw) != text:
        raise _bad("a proof's hashes are base64")
    return raw


def _bad(message: str) -> MalformedError:
    return MalformedError("bad_proof", message, where="proof")
