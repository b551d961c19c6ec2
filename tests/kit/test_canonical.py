import hashlib
import json
from random import Random
from typing import cast

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from consentid.kit import canonical
from consentid.kit.canonical import Json

_SAFE = 2**53 - 1
_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_scalars = st.none() | st.booleans() | st.integers(-_SAFE, _SAFE) | _text
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=12,
)


@given(_values)
def test_it_agrees_with_another_implementation(value: Json) -> None:
    assert canonical.encode(value) == rfc8785.dumps(value)


@given(_values)
def test_it_reads_back_as_what_was_written(value: Json) -> None:
    assert json.loads(canonical.encode(value)) == value


@given(st.dictionaries(_text, _scalars, max_size=6), st.randoms())
def test_the_order_of_keys_makes_no_difference(value: dict[str, Json], random: Random) -> None:
    keys = list(value)
    random.shuffle(keys)
    assert canonical.encode({key: value[key] for key in keys}) == canonical.encode(value)


def test_the_sorting_example_of_rfc_8785_section_3_2_3() -> None:
    value = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\xf6": 7}
    order = list(json.loads(canonical.encode(value)).values())
    assert order == [2, 4, 6, 7, 1, 5, 3]


def test_tuples_and_lists_are_the_same_array() -> None:
    assert canonical.encode((1, "a")) == canonical.encode([1, "a"]) == b'[1,"a"]'


@pytest.mark.parametrize("value", [1.0, float("nan"), 2**53, -(2**53), "\ud800", {"\udfff": 1}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    for nested in (value, [value], {"key": value}):
        with pytest.raises(ValueError, match="has no canonical form"):
            canonical.encode(cast("Json", nested))


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", bytearray(1), {"key": object()}])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        canonical.encode(cast("Json", value))


def test_a_digest_is_sha_256_over_the_canonical_bytes() -> None:
    assert canonical.digest({"b": 1, "a": []}) == hashlib.sha256(b'{"a":[],"b":1}').digest()
