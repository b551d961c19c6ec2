"""Polls that memory answers and polls that go the long way hear the same, to the byte."""

import base64
import secrets
from collections.abc import Iterator

import httpx2
import pytest
from tests.telemetry.scraping import address, scrape, value
from tests.web.hub import Hub, forget, form_of
from tests.web.pages.test_device_pages import enter, new_phone, press, switch_on

GRANT = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
TV = ("client_id", "play-tv")
FORM = "application/x-www-form-urlencoded"
LONG_WAY = f"{FORM};its=own"
"""No browser says so, so nothing is answered from memory; else it is the same."""
ORIGIN = "http://play.localhost:7600"
BASIC = f"Basic {base64.b64encode(b'play-tv:').decode()}"


@pytest.fixture(autouse=True)
def counts_are_forgotten(valkey_url: str) -> Iterator[None]:
    forget(valkey_url, "limit:*")
    yield
    forget(valkey_url, "limit:*")


def ask(
    hub: Hub,
    body: bytes,
    *,
    media_type: str = FORM,
    path: str = "/token",
    method: str = "POST",
    headers: tuple[tuple[str, str], ...] = (),
) -> tuple[int, bytes, dict[str, str]]:
    """What came back: status, body, and header fields but for the date."""
    sent = [("Content-Type", media_type), *headers]
    answer = hub.http.request(method, path, content=body, headers=sent)
    return answer.status_code, answer.content, fields_of(answer)


def fields_of(answer: httpx2.Response) -> dict[str, str]:
    return {name: text for name, text in answer.headers.items() if name != "date"}


def from_memory(hub: Hub) -> float:
    return value(scrape(address(hub.log)), "polls_from_memory_total")


@pytest.mark.parametrize("headers", [(), (("Origin", ORIGIN),), (("Cookie", "a=b"),)])
def test_a_device_that_waits_hears_the_same_on_both_ways(
    hub: Hub, headers: tuple[tuple[str, str], ...]
) -> None:
    before = from_memory(hub)
    told = [
        [ask(hub, body, media_type=media_type, headers=headers) for _ in range(2)]
        for media_type in (FORM, LONG_WAY)
        for body in [form_of(GRANT, ("device_code", switch_on(hub)["device_code"]), TV)]
    ]
    assert told[0] == told[1]
    assert [b'"authorization_pending"' in told[0][0][1], b'"slow_down"' in told[0][1][1]] == [1, 1]
    assert (told[0][0][2].get("access-control-allow-origin") == ORIGIN) == bool(
        dict(headers).get("Origin")
    )
    assert from_memory(hub) - before == 2 or "Origin" in dict(headers)


def test_a_brands_page_is_answered_from_memory_too(hub: Hub) -> None:
    before = from_memory(hub)
    poll = form_of(GRANT, ("device_code", switch_on(hub)["device_code"]), TV)
    for _ in range(100):  # on a machine that is busy, not all of them
        _, answer, fields = ask(hub, poll, headers=(("Origin", ORIGIN),))
        assert b"authorization_pending" in answer or b"slow_down" in answer
        assert fields["access-control-allow-origin"] == ORIGIN
        if from_memory(hub) > before:
            return
    pytest.fail("every poll went the long way")


def test_whatever_is_not_quite_a_poll_hears_what_the_long_way_says(hub: Hub) -> None:
    code = ("device_code", switch_on(hub)["device_code"])
    good = form_of(GRANT, code, TV)
    assert b"authorization_pending" in ask(hub, good)[1]
    before = from_memory(hub)
    bodies = [
        form_of(GRANT, code),
        form_of(GRANT, TV),
        form_of(code, TV),
        form_of(GRANT, code, ("client_id", "")),
        form_of(GRANT, code, ("client_id", "nobody")),
        form_of(GRANT, code, ("client_id", "play-web")),
        form_of(GRANT, code, ("client_id", "shop-app")),
        form_of(GRANT, code, TV, TV),
        form_of(GRANT, code, code, TV),
        form_of(GRANT, GRANT, code, TV),
        form_of(GRANT, code, TV, ("client_secret", "x")),
        form_of(GRANT, code, TV, ("client_assertion", "x")),
        form_of(("grant_type", "device_code"), code, TV),
        form_of(("grant_type", "client_credentials"), code, TV),
        form_of(GRANT, ("device_code", secrets.token_urlsafe(32)), TV),
        form_of(GRANT, ("device_code", code[1].swapcase()), TV),
        form_of(GRANT, ("device_code", f"{code[1]} "), TV),
        form_of(GRANT, ("device_code", code[1] * 20), TV),
        good + b"\0",
        good + b"\xff",
        good.replace(b"=", b":"),
        b"",
    ]
    for body in bodies:
        assert ask(hub, body) == ask(hub, body, media_type=LONG_WAY), body
    for headers in (
        (("Authorization", BASIC),),
        (("Authorization", "Bearer x"),),
        (("Authorization", BASIC), ("Authorization", BASIC)),
    ):
        told = [ask(hub, good, media_type=each, headers=headers) for each in (FORM, LONG_WAY)]
        assert told[0] == told[1]
        assert told[0][0] == 401
    assert ask(hub, good, path="/token?a=b")[0] == 400
    assert ask(hub, good, media_type="application/json")[0] == 415
    assert ask(hub, good, method="PUT")[0] == 405
    assert from_memory(hub) == before


def test_spellings_that_mean_a_poll_and_nothing_else_are_polls(hub: Hub) -> None:
    before = from_memory(hub)
    for body, media_type in (
        (form_of(TV, GRANT, ("device_code", "{}")), FORM),
        (form_of(("device_code", "{}"), TV) + f"&{GRANT[0]}={GRANT[1]}".encode(), FORM),
        (form_of(GRANT, ("device_code", "{}"), TV), f"{FORM};charset=UTF-8"),
    ):
        code = switch_on(hub)["device_code"].encode()
        status, answer, _ = ask(hub, body.replace(b"%7B%7D", code), media_type=media_type)
        assert (status, b"authorization_pending" in answer) == (400, True)
    assert from_memory(hub) - before == 3
    code = ("device_code", switch_on(hub)["device_code"])
    foreign = (("Origin", "https://evil.example"),)
    _, answer, fields = ask(hub, form_of(GRANT, code, TV), headers=foreign)
    assert b"authorization_pending" in answer
    assert "access-control-allow-origin" not in fields


def test_a_no_on_the_phone_is_heard_at_the_next_poll(hub: Hub) -> None:
    codes = switch_on(hub)
    poll = form_of(GRANT, ("device_code", codes["device_code"]), TV)
    assert b"authorization_pending" in ask(hub, poll)[1]
    with new_phone(hub) as phone:
        press(hub, phone, enter(hub, phone, codes["user_code"]), "deny")
    assert b"access_denied" in ask(hub, poll)[1]
