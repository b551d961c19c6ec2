import inspect

import pytest

from consentid.kit import errors
from consentid.kit.errors import ConsentidError, RateLimitedError, UnavailableError

_PASSING = [RateLimitedError, UnavailableError]
_FAMILIES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, ConsentidError)
]


@pytest.mark.parametrize("kind", [k for k in _FAMILIES if k not in _PASSING])
def test_every_family_carries_a_code_a_message_and_a_place(kind: type[ConsentidError]) -> None:
    error = kind("some_code", "what is wrong", where="$.choices[0]")
    assert (error.code, error.message, error.where) == (
        "some_code",
        "what is wrong",
        "$.choices[0]",
    )
    assert str(error) == "what is wrong"


@pytest.mark.parametrize("kind", _PASSING)
def test_what_passes_says_when_to_come_back(
    kind: type[RateLimitedError] | type[UnavailableError],
) -> None:
    error = kind("some_code", "later", retry_after_s=7)
    assert error.retry_after_s == 7
    assert error.where is None


def test_there_is_one_root() -> None:
    assert len(_FAMILIES) == 11
    assert all(kind.__name__.endswith("Error") for kind in _FAMILIES)
