"""Signed notes: a text, and lines that say who signed it.

A note's text is nothing until ``check`` found a known key's signature on it.
Spec: C2SP signed-note.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from consentid.kit.errors import MalformedError

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
MAX_BYTES: Final = 65_536
MAX_SIGNATURES: Final = 64
KEY_BYTES: Final = 32
_KEY_ID_BYTES: Final = 4
_DASH: Final = "\u2014 "
_FIRST_PRINTABLE: Final = 0x20


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature line, unverified."""

    name: str
    key_id: bytes
    """4 bytes."""
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text that ends in a newline, and its signatures, unverified."""

    text: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteKey:
    """A public Ed25519 key with its name; ``kind`` says what its signatures mean."""

    name: str
    public: bytes
    """32 bytes."""
    kind: int = ED25519

    @property
    def key_id(self) -> bytes:
        """4 bytes."""
        return key_id(self.name, self.kind, self.public)


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """What a signature line names its key by, beside the name.  4 bytes."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:_KEY_ID_BYTES]


def format_key(key: NoteKey) -> str:
    """A key as it is handed out: ``name+id+key`` (C2SP calls it a vkey)."""
    encoded = base64.b64encode(bytes([key.kind]) + key.public).decode()
    return f"{key.name}+{key.key_id.hex()}+{encoded}"


def parse_key(unverified_text: str, *, where: str = "key") -> NoteKey:
    """Read a key as it is handed out.

    Raises:
        MalformedError: it is none, its id does not fit, or it is not for Ed25519.
    """
    name, _, rest = unverified_text.strip().partition("+")
    named_id, _, encoded = rest.partition("+")
    try:
        raw = _decode(encoded or "-")
    except ValueError as error:
        raise _bad_key("a key is written name+id+key, the last in base64", where) from error
    if not _is_name(name):
        raise _bad_key("the key's name is empty, or has a space or a plus in it", where)
    if len(raw) != 1 + KEY_BYTES or raw[0] not in {ED25519, COSIGNATURE}:
        raise _bad_key("the key is not one for Ed25519", where)
    key = NoteKey(name=name, public=raw[1:], kind=raw[0])
    if key.key_id.hex() != named_id:
        raise _bad_key("the key's id is not that of the name and the key", where)
    return key


def sign_with(key: NoteKey, signature: bytes) -> Signature:
    """The line for a signature that was made with a key."""
    return Signature(name=key.name, key_id=key.key_id, signature=signature)


def format_note(note: Note) -> str:
    """A note as it is handed out."""
    lines = (
        f"{_DASH}{each.name} {base64.b64encode(each.key_id + each.signature).decode()}\n"
        for each in note.signatures
    )
    return f"{note.text}\n{''.join(lines)}"


def parse_note(unverified_note: bytes | str) -> Note:
    """Read a note without believing it.

    Raises:
        MalformedError: it is none.
    """
    raw = unverified_note.encode() if isinstance(unverified_note, str) else unverified_note
    if len(raw) > MAX_BYTES:
        raise _bad_note(f"a note has at most {MAX_BYTES} bytes")
    try:
        whole = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad_note("a note is UTF-8") from error
    if any(ord(each) < _FIRST_PRINTABLE and each != "\n" for each in whole):
        raise _bad_note("a note has no control characters")
    text, separator, block = whole.rpartition("\n\n")
    if not separator or not block.endswith("\n"):
        raise _bad_note("a note ends in an empty line and lines of signatures")
    lines = block[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise _bad_note(f"a note has at most {MAX_SIGNATURES} signatures")
    return Note(text=f"{text}\n", signatures=tuple(_parse_line(each) for each in lines))


def check(note: Note, keys: Sequence[NoteKey]) -> tuple[NoteKey, ...]:
    """Check plain signatures: the keys, of those given, that signed.

    Raises:
        MalformedError: none of them did, or the signature of one is wrong.
    """
    signed = [
        key
        for line in note.signatures
        for key in matching(line, keys)
        if verified(key, line.signature, note.text.encode())
    ]
    if not signed:
        names = ", ".join(key.name for key in keys)
        raise _bad_note(f"no signature of a known key ({names})")
    return tuple(signed)


def matching(line: Signature, keys: Iterable[NoteKey]) -> Iterable[NoteKey]:
    """The known key that a line names, if there is one: both name and id count."""
    return (key for key in keys if (key.name, key.key_id) == (line.name, line.key_id))


def verified(key: NoteKey, signature: bytes, message: bytes) -> bool:
    """True; a wrong signature of a known key spoils the note.

    Raises:
        MalformedError: the signature is wrong.
    """
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise _bad_note(f"the signature of {key.name} is wrong") from error
    return True


def _parse_line(line: str) -> Signature:
    name, separator, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not separator or not _is_name(name):
        raise _bad_note("a signature line is a dash, a name and a signature")
    try:
        raw = _decode(encoded)
    except ValueError as error:
        raise _bad_note(f"the signature of {name} is not base64") from error
    if len(raw) <= _KEY_ID_BYTES:
        raise _bad_note(f"the signature of {name} is cut short")
    return Signature(name=name, key_id=raw[:_KEY_ID_BYTES], signature=raw[_KEY_ID_BYTES:])


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(each.isspace() for each in name)


def _decode(encoded: str) -> bytes:
    raw = binascii.a2b_base64(encoded.encode("ascii"), strict_mode=True)
    if base64.b64encode(raw).decode() != encoded:
        msg = "not canonical base64"
        raise ValueError(msg)
    return raw


def _bad_note(message: str) -> MalformedError:
    return MalformedError("bad_note", message, where="note")


def _bad_key(message: str, where: str) -> MalformedError:
    return MalformedError("bad_note_key", message, where=where)
