import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tokens.making import KEYS, LIST_URI, NOW, STRANGER, compact, issue_list, pen

from consentid.kit import base64url
from consentid.kit.errors import MalformedError
from consentid.tokens import status
from consentid.tokens.reasons import Inactive, Reason
from consentid.tokens.status import VerifiedList

# draft-ietf-oauth-status-list-21 sections 4.1 and 4.2
SHORT = (1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1)
SHORT_LST = "eNrbuRgAAhcBXQ"
# appendix C.1: 2^20 entries
LONG_SET = [0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345]
LONG_LST = (
    "eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogE"
    "AAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAA"
    "A7KpLAAAAAAAAAAAAAAAAAAAAAJsLCQAAAAAAAAAAADjelAAAAAAAAAAAKjDMAQAAA"
    "ACAZC8L2AEb"
)


def verify(token: str, *, uri: str = LIST_URI, now_s: float = NOW) -> VerifiedList | Inactive:
    return status.verify_list(token, keys=KEYS, uri=uri, now_s=now_s)


def list_with(lst: str, **changed: object) -> str:
    """A list signed with the right key around any ``lst``."""
    payload = {
        "sub": LIST_URI,
        "iat": NOW,
        "exp": NOW + 600,
        "ttl": 300,
        "status_list": {"bits": 1, "lst": lst},
        **changed,
    }
    return pen(compact(payload), {"alg": "ES256", "kid": "key-1", "typ": "statuslist+jwt"})


def test_the_drafts_short_list_is_read_and_written() -> None:
    bits = status.pack(16, [i for i, bit in enumerate(SHORT) if bit])
    assert bits == bytes.fromhex("b9a3")
    assert status.decode_list(SHORT_LST) == bits
    assert status.encode_list(bits) == SHORT_LST


def test_the_drafts_long_list_is_read_where_the_limit_is_raised() -> None:
    bits = status.decode_list(LONG_LST, max_bytes=2**17)
    assert [i for i in range(2**20) if status.is_set(bits, i)] == LONG_SET
    with pytest.raises(MalformedError, match="more than 16384"):
        status.decode_list(LONG_LST)


@given(st.sets(st.integers(0, 1_023)))
def test_a_list_has_exactly_the_bits_that_were_set(indices: set[int]) -> None:
    bits = status.decode_list(status.encode_list(status.pack(1_024, indices)))
    assert {i for i in range(1_024) if status.is_set(bits, i)} == indices


@pytest.mark.parametrize("idx", [-1, 16, 2**40])
def test_a_token_outside_the_list_is_invalid(idx: int) -> None:
    assert status.is_set(b"\0\0", idx)


@pytest.mark.parametrize("entries", [0, 7, 2**17 + 8])
def test_a_list_of_a_wrong_size_is_not_made(entries: int) -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        status.pack(entries, [])


def test_an_index_outside_is_not_set() -> None:
    with pytest.raises(ValueError, match="outside"):
        status.pack(8, [8])


def test_a_list_is_verified() -> None:
    found = verify(issue_list((5,)))
    assert isinstance(found, VerifiedList)
    assert (found.is_set(5), found.is_set(6), found.ttl_s) == (True, False, 300)


BOMB = base64url.encode(zlib.compress(bytes(30_000_000), 9))

BAD_LISTS = {
    "another list": (issue_list(uri=f"{LIST_URI}0"), Reason.WRONG_STATUS_LIST),
    "signed by a stranger": (issue_list(key=STRANGER), Reason.BAD_SIGNATURE),
    "of an unknown key": (issue_list(kid="key-2"), Reason.UNKNOWN_KEY),
    "expired": (issue_list(iat_s=NOW - status.LIFETIME_S), Reason.EXPIRED),
    "of the future": (issue_list(iat_s=NOW + 31), Reason.NOT_YET_VALID),
    "a bomb": (list_with(BOMB), Reason.BAD_CLAIMS),
    "one byte too many": (
        list_with(status.encode_list(bytes(status.MAX_LIST_BYTES + 1))),
        Reason.BAD_CLAIMS,
    ),
    "cut short": (
        list_with(base64url.encode(zlib.compress(bytes(100))[:-1])),
        Reason.BAD_CLAIMS,
    ),
    "more after the end": (
        list_with(base64url.encode(zlib.compress(bytes(100)) + b"x")),
        Reason.BAD_CLAIMS,
    ),
    "not zlib": (list_with("AAAA"), Reason.BAD_CLAIMS),
    "two bits each": (
        list_with("", status_list={"bits": 2, "lst": SHORT_LST}),
        Reason.BAD_CLAIMS,
    ),
    "without exp": (list_with(SHORT_LST, exp=None), Reason.BAD_CLAIMS),
    "ttl zero": (list_with(SHORT_LST, ttl=0), Reason.BAD_CLAIMS),
    "padded": (list_with(SHORT_LST + "=="), Reason.BAD_CLAIMS),
}


@pytest.mark.parametrize("name", BAD_LISTS)
def test_a_bad_list_is_not_used(name: str) -> None:
    token, reason = BAD_LISTS[name]
    assert verify(token) == Inactive(reason)


def test_the_longest_list_fits_whatever_its_bits() -> None:
    noise = bytes((i * i * 31 + i // 7) & 0xFF for i in range(status.MAX_LIST_BYTES))
    signing_input = status.unsigned_list(LIST_URI, noise, kid="key-1", iat_s=NOW)
    assert len(signing_input) + 87 < status.MAX_TOKEN_LENGTH


@pytest.mark.parametrize("size", [0, status.MAX_LIST_BYTES + 1])
def test_a_list_that_nobody_would_read_is_not_signed(size: int) -> None:
    with pytest.raises(MalformedError, match="1 to 16384"):
        status.unsigned_list(LIST_URI, bytes(size), kid="key-1", iat_s=NOW)
