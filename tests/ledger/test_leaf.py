import json
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from consentid.kit.instants import Instant
from consentid.ledger.leaf import Kind, encode_leaf, origin_of

ZERO = bytes(32)


def leaf(kind: Kind = Kind.DECISION, number: int = 1, commitment: bytes = ZERO) -> bytes:
    return encode_leaf(
        kind=kind,
        event_id=UUID(int=number),
        at=Instant(1_800_000_000_000_000),
        origin="consent.example/ledger",
        commitment=commitment,
    )


def test_the_shipped_encoding_never_changes() -> None:
    assert leaf() == (
        b'{"commitment":"' + b"00" * 32 + b'","id":"00000000-0000-0000-0000-000000000001",'
        b'"kind":"decision","origin":"consent.example/ledger","time":1800000000000000,"v":1}'
    )


@given(st.sampled_from(Kind), st.integers(0, 2**128 - 1), st.binary(min_size=32, max_size=32))
def test_two_events_never_share_a_leaf(kind: Kind, number: int, commitment: bytes) -> None:
    made = leaf(kind, number, commitment)
    read = json.loads(made)
    assert (read["kind"], UUID(read["id"]).int) == (kind, number)
    assert bytes.fromhex(read["commitment"]) == commitment
    assert set(read) == {"v", "kind", "id", "time", "origin", "commitment"}


def test_a_log_is_named_by_the_issuers_address_without_scheme() -> None:
    assert origin_of("https://consent.example") == "consent.example/ledger"
    assert origin_of("http://consent.localhost:7600/") == "consent.localhost:7600/ledger"
