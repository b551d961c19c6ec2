"""What is remembered of a verified token outlives neither expiry, nor key, nor revocation."""

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.tokens.making import AUDIENCE, JWKS, NOW, PAYLOAD, compact, issue_list, pen
from tests.verify.conftest import Clock, Issuer

from consentid.tokens import jwks
from consentid.verify import Active, Inactive, Reason, Verifier
from consentid.verify.recent import Recent

LIST_PATH = "/statuslists/1"
JWKS_PATH = "/jwks.json"


@pytest.fixture
def verifier(issuer: Issuer, clock: Clock) -> Iterator[Verifier]:
    with Verifier(issuer=issuer.url, audience=AUDIENCE, now=clock, remembered=8) as one:
        yield one


def remembered(verifier: Verifier) -> int:
    return len(verifier._judge._seen)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - its size shows nowhere else


def test_a_repetition_is_the_same_answer(issuer: Issuer, verifier: Verifier) -> None:
    token = issuer.token()
    first = verifier.verify(token)
    assert isinstance(first, Active)
    assert verifier.verify(token) is first
    assert remembered(verifier) == 1


def test_a_remembered_token_expires(issuer: Issuer, verifier: Verifier, clock: Clock) -> None:
    token = issuer.token(exp=NOW + 100)
    assert isinstance(verifier.verify(token), Active)
    clock.forward(99.999)
    assert isinstance(verifier.verify(token), Active)
    clock.forward(0.001)
    assert verifier.verify(token) == Inactive(Reason.EXPIRED)
    assert remembered(verifier) == 0


def test_a_remembered_token_is_revoked(issuer: Issuer, verifier: Verifier, clock: Clock) -> None:
    token = issuer.token()
    assert isinstance(verifier.verify(token), Active)
    issuer.publish(4_242, iat_s=NOW + 1)
    clock.forward(300)
    assert verifier.verify(token) == Inactive(Reason.SUPERSEDED)
    assert remembered(verifier) == 0
    assert verifier.verify(token) == Inactive(Reason.SUPERSEDED)


def test_a_remembered_token_is_a_no_without_a_list(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    token = issuer.token()
    assert isinstance(verifier.verify(token), Active)
    issuer.status = 503
    clock.forward(300)
    assert verifier.verify(token) == Inactive(Reason.STATUS_UNAVAILABLE)


def test_a_remembered_token_ends_with_its_key(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    """A key that is taken out of the set in an emergency takes its tokens along."""
    token = issuer.token(exp=NOW + 80_000)
    assert isinstance(verifier.verify(token), Active)
    other = ec.generate_private_key(ec.SECP256R1())
    issuer.documents[JWKS_PATH] = compact({"keys": [jwks.jwk("key-9", other.public_key())]})
    clock.forward(4 * 3_600)
    issuer.documents[LIST_PATH] = issue_list(
        iat_s=int(clock.now_s), uri=issuer.list_uri, kid="key-9", key=other
    ).encode()
    assert verifier.verify(token) == Inactive(Reason.UNKNOWN_KEY)
    issuer.documents[JWKS_PATH] = compact(JWKS)


def test_a_clock_set_back_makes_a_remembered_token_wait(
    issuer: Issuer, clock: Clock, verifier: Verifier
) -> None:
    token = issuer.token()
    assert isinstance(verifier.verify(token), Active)
    clock.forward(-7_200)
    for _ in range(2):
        assert verifier.verify(token) == Inactive(Reason.NOT_YET_VALID)


def test_nothing_is_remembered_of_a_bad_token(issuer: Issuer, verifier: Verifier) -> None:
    for bad in ("", "x.y.z", issuer.token()[:-4] + "AAAA", issuer.token(aud="https://x.example")):
        assert isinstance(verifier.verify(bad), Inactive)
    assert remembered(verifier) == 0


def test_a_long_token_is_verified_and_not_remembered(issuer: Issuer, verifier: Verifier) -> None:
    status = {"status_list": {"idx": 1, "uri": issuer.list_uri}}
    token = pen({**PAYLOAD, "iss": issuer.url, "status": status, "later": "x" * 2_000})
    assert isinstance(verifier.verify(token), Active)
    assert remembered(verifier) == 0


def test_the_memory_has_a_bound(issuer: Issuer, verifier: Verifier) -> None:
    for number in range(50):
        assert isinstance(verifier.verify(issuer.token(jti=f"t{number}")), Active)
    assert 0 < remembered(verifier) <= 8


def test_a_memory_of_none_remembers_nothing(issuer: Issuer, clock: Clock) -> None:
    with Verifier(issuer=issuer.url, audience=AUDIENCE, now=clock, remembered=0) as one:
        token = issuer.token()
        assert isinstance(one.verify(token), Active)
        assert isinstance(one.verify(token), Active)
        assert remembered(one) == 0


def test_what_is_used_often_stays() -> None:
    recent = Recent[str, int](4)
    for number in range(100):
        recent.put(str(number), number)
        recent.find("0")
    assert recent.find("0") == 0
    assert recent.find("1") is None
    assert len(recent) <= 4
    recent.forget("0")
    assert recent.find("0") is None
