"""``/bc-authorize`` and polling at ``/token``, as an agent's system meets them."""

import json
import secrets
import time

import httpx2
import pytest
from tests.web.calling import GRANT, WORDS, Desk, Screen, open_desk
from tests.web.hub import Hub, Person, form_of
from tests.web.signing import SigningClient, register

from consentid.brandbook.client import GrantType

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def desk(hub: Hub) -> Desk:
    return open_desk(hub)


@pytest.fixture(scope="module")
def signing(hub: Hub) -> SigningClient:
    """A partner's call centre, which has a key."""
    return register(hub, "reach-desk", also=[GrantType.CIBA])


def test_the_metadata_names_endpoint_grant_and_mode(hub: Hub) -> None:
    metadata = hub.http.get("/.well-known/openid-configuration").json()
    issuer = metadata["issuer"]
    assert metadata["backchannel_authentication_endpoint"] == f"{issuer}/bc-authorize"
    assert metadata["backchannel_token_delivery_modes_supported"] == ["poll"]
    assert metadata["backchannel_user_code_parameter_supported"] is False
    assert GRANT in metadata["grant_types_supported"]


def test_an_agent_is_told_what_to_poll_with_and_how_often(desk: Desk) -> None:
    answer = desk.ask(Person(), requested_expiry="120")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["expires_in"], body["interval"]) == (120, 5)
    errors = [desk.poll(body["auth_req_id"]).json()["error"] for _ in range(2)]
    assert errors == ["authorization_pending", "slow_down"]


def test_only_registered_clients_that_prove_themselves_ask(hub: Hub, desk: Desk) -> None:
    form = {"scope": "openid", "binding_message": WORDS, "id_token_hint": hub.id_token(Person())}
    for client, error, status in (
        (desk.client_id, "invalid_client", 401),
        ("news-spa", "unauthorized_client", 400),
    ):
        answer = hub.http.post("/bc-authorize", data={**form, "client_id": client})
        assert (answer.status_code, answer.json()["error"]) == (status, error)
    auth = httpx2.BasicAuth(*hub.basic("news-web"))
    answer = hub.http.post("/bc-authorize", data=form, auth=auth)
    assert answer.json()["error"] == "unauthorized_client"
    answer = hub.token({"grant_type": GRANT, "auth_req_id": "x"}, "news-web")
    assert answer.json()["error"] == "unauthorized_client"


def test_a_person_is_named_by_one_hint_and_by_no_address(hub: Hub, desk: Desk) -> None:
    hint = hub.id_token(Person())
    wrong: list[dict[str, str]] = [
        {},
        {"login_hint": "mila@halcyon.example"},
        {"id_token_hint": hint, "login_hint_token": hint},
        {"id_token_hint": hint, "login_hint": "mila@halcyon.example"},
        {"login_hint_token": hint},
        {"id_token_hint": "mila@halcyon.example"},
    ]
    for form in wrong:
        answer = desk.ask(None, **form)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), form
        assert "mila" not in answer.text
    twice = form_of(
        ("scope", "openid"),
        ("binding_message", WORDS),
        ("id_token_hint", hint),
        ("id_token_hint", hint),
    )
    auth = httpx2.BasicAuth(desk.client_id, desk.secret)
    answer = hub.http.post("/bc-authorize", content=twice, headers=FORM, auth=auth)
    assert answer.json()["error"] == "invalid_request"
    assert desk.ask(Person(), binding_message="no").json()["error"] == "invalid_binding_message"
    assert hub.http.post("/bc-authorize?x=1", data={}, auth=auth).status_code == 400


def hint(client: SigningClient, sub: str, **changed: object) -> str:
    """The client's word for a person, signed."""
    now = int(time.time())
    claims = {
        "iss": client.client_id,
        "sub": sub,
        "aud": client.issuer,
        "iat": now,
        "exp": now + 60,
        "jti": secrets.token_hex(8),
    } | changed
    return client.sign(json.dumps(claims).encode(), typ="login-hint+jwt")


def test_a_partner_names_a_person_by_its_own_word_and_learns_of_nobody(
    hub: Hub, signing: SigningClient
) -> None:
    def ask(login_hint_token: str) -> httpx2.Response:
        return signing.post(
            "/bc-authorize",
            scope="openid",
            binding_message=WORDS,
            login_hint_token=login_hint_token,
        )

    answer = ask(hint(signing, "x" * 22))  # nobody is called so
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"auth_req_id", "expires_in", "interval"}
    polled = signing.post("/token", grant_type=GRANT, auth_req_id=answer.json()["auth_req_id"])
    assert polled.json()["error"] == "authorization_pending"
    assert ask(hint(signing, "mila@halcyon.example")).json()["error"] == "invalid_request"
    late = hint(signing, "x" * 22, exp=int(time.time()) - 60)
    assert ask(late).json()["error"] == "expired_login_hint_token"
    assert ask(signing.assertion()).json()["error"] == "invalid_request"
    for _ in range(2):
        assert ask(hint(signing, "x" * 22)).status_code == 200
    full = ask(hint(signing, "x" * 22))
    assert (full.status_code, full.json()["error"]) == (429, "temporarily_unavailable")
    assert 0 < int(full.headers["retry-after"]) <= 600
    assert hub.http.get("/approvals").status_code == 200


def test_one_clients_question_is_not_anothers_to_poll(
    hub: Hub, desk: Desk, signing: SigningClient
) -> None:
    person = Person()
    with httpx2.Client(base_url=hub.url, timeout=120) as http:
        screen = Screen(hub=hub, http=http)
        screen.sign_in(person)
        asked = desk.asked(person)
        question = screen.look(screen.send(screen.look(), "look").headers["location"])
        screen.send(question, "accept")
    stolen = signing.post("/token", grant_type=GRANT, auth_req_id=asked)
    assert stolen.json()["error"] == "invalid_grant"
    assert desk.poll(asked).status_code == 200
    assert desk.poll(asked).json()["error"] == "invalid_grant"
