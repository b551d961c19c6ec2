"""``/device_authorization`` and polling at ``/token``, byte by byte."""

import base64
import re
from urllib.parse import unquote

import httpx2
import pytest
import segno
from tests.web.hub import Hub, forget, form_of

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TV = ("client_id", "play-tv")
MODULES = 33
"""Across: more of them are finer, and harder to read from three metres."""
GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture(autouse=True)
def counts_are_forgotten(valkey_url: str) -> None:
    """So that many requests of one address do not end in 429."""
    forget(valkey_url, "limit:device_*")
    forget(valkey_url, "limit:token_failures:*")


def ask(hub: Hub, *pairs: tuple[str, str], client: str | None = None) -> httpx2.Response:
    headers = FORM if client is None else {**FORM, "Authorization": basic(hub, client)}
    return hub.http.post("/device_authorization", content=form_of(*pairs), headers=headers)


def basic(hub: Hub, client: str) -> str:
    secret = hub.secrets.get(client, "wrong")
    return f"Basic {base64.b64encode(f'{client}:{secret}'.encode()).decode()}"


def poll(hub: Hub, device_code: str) -> httpx2.Response:
    form = {"grant_type": GRANT, "device_code": device_code, "client_id": "play-tv"}
    return hub.http.post("/token", data=form)


def dark_modules(svg: str) -> set[tuple[int, int]]:
    """What is black in a picture that strokes rows, within its white frame of four modules."""
    path = re.findall(r"stroke='#000' d='([^']+)'", svg)[0]
    found = set[tuple[int, int]]()
    x, y = 0.0, 0.0
    for act, numbers in re.findall(r"([Mmh])([^Mmh]+)", path):
        steps = [float(each) for each in numbers.split()]
        if act == "h":
            found |= {(int(x) + each - 4, int(y) - 4) for each in range(int(steps[0]))}
            x += steps[0]
        elif act == "M":
            x, y = steps
        else:
            x, y = x + steps[0], y + steps[1]
    return found


def assert_refused(answer: httpx2.Response, error: str, status: int = 400) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["error"] == error
    assert set(answer.json()) <= {"error", "error_description"}


def test_a_device_is_told_all_it_needs_and_nothing_is_to_be_stored(hub: Hub) -> None:
    answer = ask(hub, TV, ("scope", "openid"), ("device_name", "Living room"))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    page = f"{hub.url.replace('127.0.0.1', 'consent.localhost')}/device"
    assert re.fullmatch(r"[B-DFHJ-NPRSTWXZ]{4}-[B-DFHJ-NPRSTWXZ]{4}", told["user_code"])
    assert re.fullmatch(r"[\w-]{43}", told["device_code"])
    assert told["verification_uri"] == page
    complete = re.escape(f"{page}?user_code={told['user_code']}&proof=") + r"[\w-]{14}"
    assert re.fullmatch(complete, told["verification_uri_complete"])
    assert (told["expires_in"], told["interval"]) == (600, 5)
    assert len(told) == 6


def test_a_device_that_asks_gets_its_link_as_a_picture(hub: Hub) -> None:
    told = ask(hub, TV, ("qr", "svg")).json()
    kind, _, picture = told["verification_qr"].partition(",")
    assert kind == "data:image/svg+xml;charset=utf-8"
    drawn = segno.make(told["verification_uri_complete"], error="l", micro=False)
    assert len(drawn.matrix) == MODULES
    expected = {
        (across, down)
        for down, row in enumerate(drawn.matrix)
        for across, is_dark in enumerate(row)
        if is_dark
    }
    assert dark_modules(unquote(picture)) == expected
    assert_refused(ask(hub, TV, ("qr", "png")), "invalid_request")


def test_the_metadata_names_the_endpoint_and_the_grant(hub: Hub) -> None:
    metadata = hub.http.get("/.well-known/openid-configuration").json()
    assert metadata["device_authorization_endpoint"].endswith("/device_authorization")
    assert GRANT in metadata["grant_types_supported"]


def test_a_poll_waits_then_is_told_to_slow_down(hub: Hub) -> None:
    device_code = ask(hub, TV).json()["device_code"]
    assert_refused(poll(hub, device_code), "authorization_pending")
    assert_refused(poll(hub, device_code), "slow_down")
    assert_refused(poll(hub, "x" * 43), "invalid_grant")


def test_parameters_nobody_knows_are_ignored(hub: Hub) -> None:
    assert ask(hub, TV, ("audience", "x"), ("response_type", "code")).status_code == 200


@pytest.mark.parametrize("name", ["client_id", "scope", "device_name", "strange"])
def test_a_parameter_that_comes_twice_is_refused(hub: Hub, name: str) -> None:
    assert_refused(ask(hub, TV, (name, "play-tv"), (name, "play-tv")), "invalid_request")


def test_a_scope_of_50_kb_is_refused(hub: Hub) -> None:
    assert_refused(ask(hub, TV, ("scope", "x" * 50_000)), "invalid_request")
    assert_refused(ask(hub, TV, ("scope", "openid " * 7_000)), "invalid_request")


def test_a_scope_that_is_another_clients_is_refused(hub: Hub) -> None:
    assert_refused(ask(hub, TV, ("scope", "admin")), "invalid_scope")


def test_a_resource_of_another_is_refused(hub: Hub) -> None:
    resource = ("resource", "https://shop.halcyon.example")
    assert_refused(ask(hub, TV, resource), "invalid_target")


def test_a_name_that_could_deceive_is_refused(hub: Hub) -> None:
    assert_refused(ask(hub, TV, ("device_name", "\u202etv")), "invalid_request")


def test_a_client_that_is_unknown_or_names_itself_not_is_refused(hub: Hub) -> None:
    assert_refused(ask(hub, ("client_id", "nobody")), "invalid_client", 401)
    assert_refused(ask(hub), "invalid_client", 401)
    assert_refused(ask(hub, client="unheard-of"), "invalid_client", 401)
    assert_refused(ask(hub, TV, ("client_secret", "x")), "invalid_request")


def test_a_client_that_is_registered_for_other_grants_is_refused(hub: Hub) -> None:
    assert_refused(ask(hub, client="play-web"), "unauthorized_client")


def test_a_secret_client_is_not_believed_its_name(hub: Hub) -> None:
    assert_refused(ask(hub, ("client_id", "play-web")), "invalid_client", 401)


def test_a_body_that_is_no_form_is_refused_in_the_words_of_oauth(hub: Hub) -> None:
    answer = hub.http.post("/device_authorization", json={"client_id": "play-tv"})
    assert_refused(answer, "invalid_request", 415)


def test_a_query_is_refused(hub: Hub) -> None:
    answer = hub.http.post(
        "/device_authorization?client_id=play-tv", content=form_of(TV), headers=FORM
    )
    assert_refused(answer, "invalid_request")


def test_refusals_keep_nothing(hub: Hub) -> None:
    before = hub.counts()
    ask(hub, TV, ("scope", "admin"))
    ask(hub, client="play-web")
    assert hub.counts() == before


def test_one_address_cannot_fill_the_room_of_codes(hub: Hub) -> None:
    answers = [ask(hub, ("client_id", "nobody")).status_code for _ in range(125)]
    assert answers[-1] == 429
    assert_refused(ask(hub, TV), "temporarily_unavailable", 429)
