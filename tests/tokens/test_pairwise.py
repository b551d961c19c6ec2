import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentid.tokens.pairwise import pairwise_decision_id, pairwise_sub

KEY = bytes(range(32))


def test_sub_is_what_the_contract_says() -> None:
    subject = bytes(16)
    mac = hmac.new(KEY, b"sub/1\x00brand/news\x00" + subject, hashlib.sha256).digest()[:16]
    expected = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
    assert pairwise_sub(KEY, "brand/news", subject) == expected
    assert len(expected) == 22


@given(st.binary(min_size=16, max_size=16))
def test_no_two_sectors_and_no_two_kinds_share_an_identifier(value: bytes) -> None:
    made = {
        pairwise_sub(KEY, "brand/news", value),
        pairwise_sub(KEY, "brand/shop", value),
        pairwise_sub(KEY, "partner/news", value),
        pairwise_sub(bytes(32), "brand/news", value),
        pairwise_decision_id(KEY, "brand/news", value),
        pairwise_decision_id(KEY, "brand/shop", value),
    }
    assert len(made) == 6


def test_a_sector_cannot_reach_into_the_subject() -> None:
    with pytest.raises(ValueError, match="NUL"):
        pairwise_sub(KEY, "brand/news\0x", b"")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        pairwise_sub(b"", "brand/news", b"")
