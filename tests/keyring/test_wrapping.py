import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentid.keyring import wrapping
from consentid.kit.errors import UnreadableError

MASTER = bytes(range(32))
SUBJECT = b"subject-id-of-16"
KEY = bytes(range(32, 64))
NONCE = bytes(12)


def test_the_encodings_are_frozen() -> None:
    """These bytes are stored for years: a change here is a new version, never an edit."""
    wrapped = wrapping.wrap(MASTER, SUBJECT, KEY, nonce=NONCE)
    sealed = wrapping.seal(KEY, b"body", nonce=NONCE, aad=b"decision")
    salt = wrapping.commitment_salt(KEY, b"event")
    assert [value.hex() for value in (wrapped, sealed, salt)] == FROZEN
    assert (
        wrapping.commitment(salt, b"body")
        == hashlib.sha256(b"consentid/commitment/1\0" + salt + b"body").digest()
    )


FROZEN = [
    (
        "010000000000000000000000002e9d97fd9109a59a2081831e3401bfb6e27264601cb45618b8a789"
        "b8f9c263692df2a6ee06bdca21306659aa1b452c49"
    ),
    "01000000000000000000000000838a112338625a469db2c6572f79574b88719d40",
    "c6916801be27498639d53939bcd2e2fbf85706ce007f5c5e44f775ae2313791f",
]


@given(st.binary(max_size=300), st.binary(max_size=20))
def test_what_is_sealed_opens_with_its_key_and_place(body: bytes, aad: bytes) -> None:
    sealed = wrapping.seal(KEY, body, nonce=NONCE, aad=aad)
    assert len(sealed) == len(body) + 29
    assert wrapping.open_sealed(KEY, sealed, aad=aad) == body


@given(st.integers(0, 60), st.integers(1, 255))
def test_a_changed_byte_does_not_unwrap(at: int, by: int) -> None:
    wrapped = bytearray(wrapping.wrap(MASTER, SUBJECT, KEY, nonce=NONCE))
    wrapped[at] ^= by
    with pytest.raises(UnreadableError):
        wrapping.unwrap(MASTER, SUBJECT, bytes(wrapped))


def test_a_key_unwraps_for_its_own_subject_and_master_only() -> None:
    wrapped = wrapping.wrap(MASTER, SUBJECT, KEY, nonce=NONCE)
    assert wrapping.unwrap(MASTER, SUBJECT, wrapped) == KEY
    for master, subject in ((KEY, SUBJECT), (MASTER, SUBJECT[:-1]), (MASTER, SUBJECT + b"\0")):
        with pytest.raises(UnreadableError):
            wrapping.unwrap(master, subject, wrapped)


def test_a_body_opens_in_its_own_place_only() -> None:
    sealed = wrapping.seal(KEY, b"body", nonce=NONCE, aad=b"one")
    for key, aad in ((KEY, b"two"), (MASTER, b"one")):
        with pytest.raises(UnreadableError):
            wrapping.open_sealed(key, sealed, aad=aad)


def test_the_empty_and_the_short_are_refused() -> None:
    for sealed in (b"", b"\x01", b"\x01" + bytes(27), b"\x02" + bytes(60)):
        with pytest.raises(UnreadableError):
            wrapping.open_sealed(KEY, sealed, aad=b"")


def test_salts_differ_by_event_and_by_subject() -> None:
    salts = {wrapping.commitment_salt(key, e) for key in (KEY, MASTER) for e in (b"a", b"b")}
    assert len(salts) == 4


def test_lengths_are_checked() -> None:
    for call in (
        lambda: wrapping.wrap(MASTER, SUBJECT, b"short", nonce=NONCE),
        lambda: wrapping.wrap(MASTER, SUBJECT, KEY, nonce=b""),
        lambda: wrapping.seal(b"short", b"", nonce=NONCE, aad=b""),
        lambda: wrapping.commitment(b"short", b""),
        lambda: wrapping.new_subject_key(lambda count: bytes(count - 1)),
    ):
        with pytest.raises(ValueError, match="bytes, not"):
            call()
