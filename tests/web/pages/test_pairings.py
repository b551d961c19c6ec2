"""Televisions in the preference centre: which go by one's choices, and the end of one."""

import re
from collections.abc import Iterator

import httpx2
import pytest
from tests.web.hub import Hub, bearer, forget
from tests.web.pages.centre import PATH, Person, told
from tests.web.pages.test_device_pages import enter, new_phone, poll, press, send, switch_on
from tests.web.pages.visits import Form

DEVICES = f"{PATH}/devices"


@pytest.fixture
def phone(hub: Hub, valkey_url: str) -> Iterator[httpx2.Client]:
    forget(valkey_url, "limit:device_*")
    with new_phone(hub) as http:
        yield http
    forget(valkey_url, "limit:device_*")


def connect(hub: Hub, phone: httpx2.Client, name: str = "") -> dict[str, str]:
    """A television goes by the choices of whoever holds the phone: its tokens."""
    codes = switch_on(hub, device_name=name)
    step = press(hub, phone, enter(hub, phone, codes["user_code"]), "confirm")
    path = step.headers["location"]
    consent = phone.get(path)
    fields = {**Form(consent.text).hidden, "act": "accept"}
    assert send(hub, phone, path.partition("?")[0], fields).status_code == 303
    return poll(hub, codes)


def ask(hub: Hub, tv: dict[str, str]) -> httpx2.Response:
    body = {"token": tv["consent_token"], "purposes": ["tv"], "brief": True}
    return hub.http.post("/v1/verify", json=body, headers=bearer(tv["access_token"]))


def references(page: str) -> list[str]:
    return re.findall(r'name="pairing" value="([^"]+)"', page)


def test_a_television_is_listed_and_disconnected_and_no_other_with_it(
    hub: Hub, phone: httpx2.Client
) -> None:
    first, second = connect(hub, phone), connect(hub, phone)
    person = Person.arrive(hub, phone)
    page = person.look(DEVICES).text
    assert told(page).count("Halcyon Play on a TV") == 2
    assert ask(hub, first).json()["decision"] == ask(hub, second).json()["decision"] == "allow"

    latest, _ = references(page)
    gone = person.send({**person.hidden, "pairing": latest}, path=DEVICES)
    assert gone.status_code == 303, gone.text
    assert len(references(person.look(DEVICES).text)) == 1

    assert ask(hub, second).status_code == 401
    form = {"grant_type": "refresh_token", "client_id": "play-tv"}
    renewed = hub.token({**form, "refresh_token": second["refresh_token"]}, None)
    assert renewed.json()["error"] == "invalid_grant"
    assert ask(hub, first).json()["decision"] == "allow"
    assert hub.token({**form, "refresh_token": first["refresh_token"]}, None).status_code == 200
    assert len(references(person.look(DEVICES).text)) == 1  # one that renews itself is the same


def test_nobody_disconnects_the_television_of_somebody_else(hub: Hub, phone: httpx2.Client) -> None:
    tv = connect(hub, phone)
    (reference,) = references(phone.get(DEVICES).text)
    with new_phone(hub) as http:
        other = Person.arrive(hub, http)
        other.answer("granted", "content")
        other.look(DEVICES)
        answer = other.send({**other.hidden, "pairing": reference}, path=DEVICES)
        assert answer.status_code in {400, 422}, answer.text
    assert ask(hub, tv).json()["decision"] == "allow"


def test_two_televisions_go_by_the_names_that_they_gave_themselves(
    hub: Hub, phone: httpx2.Client
) -> None:
    den, hall = connect(hub, phone, "<i>Den</i>"), connect(hub, phone, "قاعة")
    person = Person.arrive(hub, phone)
    page = person.look(DEVICES).text
    for name in ("“&lt;i&gt;Den&lt;/i&gt;”", "“قاعة”"):
        assert f"Halcyon Play on <bdi>{name}</bdi>" in page
    kept = phone.get(f"{PATH}/data").json()["televisions"]
    assert [(each["name"], each["party"]) for each in kept] == [
        ("قاعة", "brand/play"),
        ("<i>Den</i>", "brand/play"),
    ]

    form = {"grant_type": "refresh_token", "client_id": "play-tv"}
    den = hub.token({**form, "refresh_token": den["refresh_token"]}, None).json()
    (last,) = [
        reference
        for reference, about in zip(
            references(page), re.findall(r"Halcyon Play on [^\n]+", page), strict=True
        )
        if "Den" not in about
    ]
    person.look(DEVICES)
    assert person.send({**person.hidden, "pairing": last}, path=DEVICES).status_code == 303
    left = person.look(DEVICES).text
    assert "Den" in left  # its name has come along to its next token
    assert "قاعة" not in left
    assert ask(hub, den).status_code == 200
    assert ask(hub, hall).status_code == 401
