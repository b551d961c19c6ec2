import json
from typing import Any

import pytest
from tests.tokens.vector_making import FILE, make

from consentid.tokens import jwks, status, verifying
from consentid.tokens.reasons import Inactive
from consentid.tokens.status import VerifiedList

VECTORS: dict[str, Any] = json.loads(FILE.read_text())
KEYS = jwks.read_keys(json.dumps(VECTORS["jwks"]).encode())


def _verify(token: str) -> verifying.Verified | Inactive:
    return verifying.verify(
        token,
        keys=KEYS,
        issuer=VECTORS["issuer"],
        audience=VECTORS["audience"],
        now_s=VECTORS["now"],
    )


def _name(vector: dict[str, Any]) -> str:
    return vector["name"]


def test_the_vectors_are_what_their_maker_makes() -> None:
    assert make() == VECTORS


def test_no_two_vectors_have_one_name() -> None:
    names = [_name(vector) for vector in VECTORS["positive"] + VECTORS["negative"]]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("vector", VECTORS["positive"], ids=_name)
def test_a_good_token_is_verified(vector: dict[str, Any]) -> None:
    assert isinstance(_verify(vector["token"]), verifying.Verified)


@pytest.mark.parametrize("vector", VECTORS["negative"], ids=_name)
def test_a_bad_token_is_inactive_for_its_own_reason(vector: dict[str, Any]) -> None:
    assert _verify(vector["token"]) == Inactive(vector["reason"])


@pytest.mark.parametrize("vector", VECTORS["status_lists"], ids=_name)
def test_a_status_list_has_exactly_its_bits_set(vector: dict[str, Any]) -> None:
    found = status.verify_list(vector["token"], keys=KEYS, uri=vector["uri"], now_s=VECTORS["now"])
    assert isinstance(found, VerifiedList)
    assert [i for i in range(len(found.bits) * 8) if found.is_set(i)] == vector["set"]
