import os

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from tests.tokens.making import HEADER, KEYS, PAYLOAD, compact, pen

from consentid.tokens import consent, jws
from consentid.tokens.jws import Signed, to_der
from consentid.tokens.reasons import Inactive, Reason

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
EDGES = [1, 0x7F, 0x80, 0xFF, 2**128, 2**247, 2**248 - 1, 2**248, 2**255 - 1, 2**255, ORDER - 1]
numbers = st.one_of(st.sampled_from(EDGES), st.integers(1, ORDER - 1))


@given(r=numbers, s=numbers)
def test_a_signature_becomes_the_der_that_the_library_makes(r: int, s: int) -> None:
    assert to_der(r.to_bytes(32) + s.to_bytes(32)) == encode_dss_signature(r, s)


def test_a_number_out_of_range_is_no_signature() -> None:
    good = (5).to_bytes(32)
    for bad in (0, ORDER, ORDER + 1, 2**256 - 1):
        assert to_der(bad.to_bytes(32) + good) is None
        assert to_der(good + bad.to_bytes(32)) is None
    assert to_der(bytes(64)) is None
    for _ in range(1_000):
        raw = os.urandom(64)
        r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
        assert (to_der(raw) is None) == (not (0 < r < ORDER and 0 < s < ORDER))


def open_it(token: str, heads: dict[bytes, str]) -> str | Reason:
    found = jws.open_unproven(
        token,
        typ=consent.TYPE,
        max_length=8_192,
        read=consent.read_claims,
        keys=KEYS,
        heads=heads,
    )
    if isinstance(found, Inactive):
        return found.reason
    return found.unverified_kid if found.is_proven() else Reason.BAD_SIGNATURE


def test_a_known_header_is_the_one_that_we_write_and_no_other() -> None:
    heads = dict(jws.heads_of(KEYS, typ=consent.TYPE))
    assert [pen(PAYLOAD).split(".")[0].encode()] == list(heads)
    for header in (
        compact(HEADER),
        compact({"typ": "consent+jwt", "kid": "key-1", "alg": "ES256"}),
        b'{ "alg":"ES256","kid":"key-1","typ":"consent+jwt"}',
    ):
        assert open_it(pen(PAYLOAD, header), heads) == open_it(pen(PAYLOAD, header), {}) == "key-1"
    others: list[dict[str, object]] = [
        {"alg": "none"},
        {"typ": "JWT"},
        {"crit": []},
        {"kid": "key-2"},
    ]
    for changed in others:
        token = pen(PAYLOAD, {**HEADER, **changed})
        told = open_it(token, heads)
        assert isinstance(told, Reason)
        assert told == open_it(token, {})


def test_names_that_no_header_can_carry_make_no_head() -> None:
    assert jws.heads_of(["", "x" * 13, "a b", "ä"], typ=consent.TYPE) == {}


def test_what_holds_is_told_with_its_key() -> None:
    found = jws.open_signed(
        pen(PAYLOAD), typ=consent.TYPE, max_length=8_192, read=consent.read_claims, keys=KEYS
    )
    assert isinstance(found, Signed)
    assert found.claims.aud == PAYLOAD["aud"]
