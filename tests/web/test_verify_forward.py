"""``/v1/verify/forward``: may a request pass, asked by the proxy that guards a brand's pages."""

from collections.abc import Iterator

import httpx2
import pytest
from joserfc.jwk import RSAKey
from tests.conftest import run_apart
from tests.web.hub import Hub, running_hub

from consentid.embedded.postgres import EmbeddedPostgres

FORWARD = "/v1/verify/forward"
NEWS = "https://news.halcyon.example"


@pytest.fixture(scope="module")
def guarding(
    postgres: EmbeddedPostgres,
    template_database: str,
    valkey_url: str,
    portal: tuple[str, RSAKey],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Hub]:
    """A hub that lets a proxy on this machine ask, behind the same proxy."""
    urls = run_apart(postgres.create_database("forward", template=template_database))
    settings = {
        "CONSENTID_FORWARD_AUTH_PROXIES": "127.0.0.1",
        "CONSENTID_TRUSTED_PROXIES": "127.0.0.1",
    }
    folder = tmp_path_factory.mktemp("forward")
    with running_hub(folder, urls, portal, valkey_url=valkey_url, settings=settings) as hub:
        yield hub


@pytest.fixture(scope="module")
def consent_token(guarding: Hub) -> str:
    return guarding.decide(guarding.sign_in())["consent_token"]


def ask(hub: Hub, token: str | None, **headers: str) -> httpx2.Response:
    sent = {name.replace("_", "-"): text for name, text in headers.items()}
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    return hub.http.get(FORWARD, headers={"Consent-Audience": NEWS, **sent})


def test_a_good_token_passes_and_nothing_is_told(guarding: Hub, consent_token: str) -> None:
    for wanted in ({}, {"Consent_Purposes": "ads"}, {"Consent_Purposes": "ads security"}):
        for _ in range(2):
            answer = ask(guarding, consent_token, **wanted)
            assert answer.status_code == 204, answer.text
            assert answer.content == b""
            assert answer.headers["cache-control"] == "no-store"
            assert not any("consent" in name.lower() for name in answer.headers)
    in_cookie = {"Consent_Cookie": "consent", "Cookie": f"a=b; consent={consent_token}"}
    assert ask(guarding, None, **in_cookie).status_code == 204
    # The proxy named a cookie: what the browser says in Authorization is not for us.
    assert ask(guarding, consent_token, Consent_Cookie="consent").status_code == 401


@pytest.mark.parametrize("token", [None, "x.y.z", "A" * 9_000])
def test_no_token_or_a_bad_one_does_not_pass(guarding: Hub, token: str | None) -> None:
    answer = ask(guarding, token)
    assert answer.status_code == 401
    assert answer.content == b""


def test_what_was_not_granted_does_not_pass(guarding: Hub, consent_token: str) -> None:
    for purposes in ("content", "ads,content", "no.such"):
        assert ask(guarding, consent_token, Consent_Purposes=purposes).status_code == 401


def test_a_token_for_somebody_else_does_not_pass(guarding: Hub, consent_token: str) -> None:
    other = {"Consent_Audience": "https://market.halcyon.example"}
    headers = {name.replace("_", "-"): text for name, text in other.items()}
    answer = guarding.http.get(
        FORWARD, headers={**headers, "Authorization": f"Bearer {consent_token}"}
    )
    assert answer.status_code == 401
    unknown = guarding.http.get(
        FORWARD,
        headers={
            "Consent-Audience": "https://nobody.example",
            "Authorization": f"Bearer {consent_token}",
        },
    )
    assert unknown.status_code == 403
    assert unknown.json()["code"] == "audience_unknown"


def test_a_withdrawal_closes_the_gate(guarding: Hub) -> None:
    subject = guarding.sign_in()
    token = guarding.decide(subject)["consent_token"]
    assert ask(guarding, token, Consent_Purposes="ads").status_code == 204
    guarding.http.post(
        "/v1/withdrawals",
        json={"reach": "group", "all": True},
        headers={**subject, "Idempotency-Key": "gate"},
    )
    assert ask(guarding, token, Consent_Purposes="ads").status_code == 401


def test_whom_a_trusted_proxy_speaks_for_is_not_who_asks(guarding: Hub, consent_token: str) -> None:
    """Proxies of this kind name the visitor; the peer is what counts."""
    answer = ask(guarding, consent_token, X_Forwarded_For="198.51.100.7")
    assert answer.status_code == 204


def test_the_address_is_for_named_proxies_alone(hub: Hub) -> None:
    token = hub.decide(hub.sign_in())["consent_token"]
    for spoofed in ({}, {"X_Forwarded_For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}):
        answer = ask(hub, token, **spoofed)
        assert answer.status_code == 403
        assert answer.json()["code"] == "forward_not_allowed"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Consent-Audience": "with blank"},
        {"Consent-Audience": NEWS, "Consent-Purposes": "ADS"},
        {"Consent-Audience": NEWS, "Consent-Purposes": ","},
        {"Consent-Audience": NEWS, "Consent-Cookie": "a;b"},
    ],
)
def test_a_proxy_that_says_it_wrongly_is_told(guarding: Hub, headers: dict[str, str]) -> None:
    answer = guarding.http.get(FORWARD, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["where"].lower().replace("_", "-").startswith("consent-")
