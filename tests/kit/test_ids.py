import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant

_LATEST = ((1 << 48) - 1) * 1000
_instants = st.integers(0, _LATEST).map(Instant)
_randomness = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


@given(_instants, _randomness)
def test_version_and_variant_are_those_of_rfc_9562(instant: Instant, randomness: bytes) -> None:
    made = uuid7(instant, randomness)
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == instant // 1000


@given(_instants, _instants, _randomness, _randomness)
def test_a_later_millisecond_is_a_larger_id(
    one: Instant, other: Instant, some: bytes, more: bytes
) -> None:
    if one // 1000 < other // 1000:
        assert uuid7(one, some) < uuid7(other, more)


def test_the_example_of_rfc_9562_appendix_a_6() -> None:
    randomness = bytes.fromhex("0cc3") + bytes.fromhex("18c4dc0c0c07398f")
    made = uuid7(Instant(0x017F22E279B0 * 1000), randomness)
    assert made == uuid.UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")


@given(st.binary(max_size=20).filter(lambda raw: len(raw) != RANDOM_BYTES))
def test_another_amount_of_randomness_is_refused(randomness: bytes) -> None:
    with pytest.raises(ValueError, match="10 random bytes"):
        uuid7(Instant(0), randomness)
