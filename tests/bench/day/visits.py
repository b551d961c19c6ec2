"""What people ask when they come: first visits, returns, changes of mind."""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.bench.day import wire
from tests.bench.day.asking import Asking, RefusedError, coming, keyed
from tests.bench.day.people import Person
from tests.bench.day.proportions import BRANDS
from tests.web.hub import DEVICE_CREDENTIAL, ID_TOKEN, bearer
from tests.web.pages.visits import Form

_ACCESS_S: Final = 480.0
_VERIFIER: Final = "v" * 43
_CHALLENGE: Final = (
    base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).decode().rstrip("=")
)
_MOODS: Final = {"everything": 0.6, "nothing": 0.25, "some": 0.15}
_OUTCOMES: Final = {
    "everything": ("granted",),
    "nothing": ("refused",),
    "some": ("granted", "refused"),
}
"""What people answer to a banner."""
_KNOWN_CUSTOMERS: Final = 0.7
"""Of portal sign-ins, so many are of somebody who signed in before."""


async def first_banner(asking: Asking, due_s: float) -> None:
    """A brand's own banner is answered: a device, its access token, its decision."""
    brand = asking.pick(BRANDS)
    shown = await _shown(asking, brand, due_s)
    with coming(Person(brand=brand)) as person:
        made = await asking.ask(
            "POST /v1/devices",
            ("POST", "/v1/devices"),
            headers=keyed(await asking.client(f"{brand}-web")),
            json={},
            expects=201,
            of=person,
        )
        person.credential = made.json()["credential"]
        await _enter(asking, person)
        await _decide(asking, person, shown)
        asking.people.add(person)


async def dismissed(asking: Asking, due_s: float) -> None:
    """A banner is shown and closed."""
    brand = asking.pick(BRANDS)
    shown = await _shown(asking, brand, due_s)
    for event in ("shown", "dismissed"):
        await asking.ask(
            "POST /v1/served",
            ("POST", "/v1/served"),
            headers=await asking.client(f"{brand}-web"),
            json={"served": shown["served"], "event": event},
            expects=204,
        )


async def first_hub(asking: Asking, due_s: float) -> None:
    """A site sends somebody to the hub's page, who accepts and comes back with a code."""
    with coming(Person(brand="news")) as person:
        sent = await _authorize(asking, person, due_s)
        path = re.sub(r"^https?://[^/]+", "", sent.headers["location"])
        page = await asking.ask("GET /interaction", ("GET", path), headers=person.cookie, of=person)
        person.keep(page.cookies)
        answer = await asking.ask(
            "POST /interaction",
            ("POST", path),
            headers={**person.cookie, **own_page(asking)},
            form={**Form(page.body.decode()).hidden, "act": "accept"},
            expects=303,
            of=person,
        )
        person.keep(answer.cookies)
        await _redeem(asking, person, answer.headers["location"])
        asking.people.add(person)


async def return_silent(asking: Asking, due_s: float) -> None:
    """A site asks by a redirect whether somebody is known, who is, and answered there."""
    found = asking.people.find(lambda each: each.cookies and each.brand == "news")
    if found is None:
        asking.seen.left_out["silent redirect"] += 1
        return
    with coming(found) as person:
        sent = await _authorize(asking, person, due_s, prompt="none")
        await _redeem(asking, person, sent.headers["location"])


async def return_refresh(asking: Asking, due_s: float) -> None:
    """A back end renews what it holds of somebody."""
    found = asking.people.find(lambda each: each.refresh_token)
    if found is None:
        asking.seen.left_out["refresh token"] += 1
        return
    with coming(found) as person:
        form = {"grant_type": "refresh_token", "refresh_token": person.refresh_token}
        client, headers = _client_of(asking, person)
        answer = await asking.ask(
            "POST /token, refresh_token",
            ("POST", "/token"),
            due_s=due_s,
            headers=headers,
            form={**form, **client},
            of=person,
        )
        _hold(person, answer.json())


async def return_state(asking: Asking, due_s: float) -> None:
    """Somebody is back at a brand, which asks what holds."""
    found = asking.people.find(lambda each: _may_decide(each) or wire.now_s() < each.access_until_s)
    if found is None:
        asking.seen.left_out["state"] += 1
        return
    with coming(found) as person:
        if wire.now_s() >= person.access_until_s:
            await _enter(asking, person, due_s)
            due_s = wire.now_s()
        await _state(asking, person, due_s)


async def sign_in(asking: Asking, due_s: float) -> None:
    """Somebody signs in at the portal, where most were before; who is new decides."""
    is_known = asking.draw.random() < _KNOWN_CUSTOMERS
    found = asking.people.find(lambda each: each.portal_sub) if is_known else None
    with coming(found or Person(brand=asking.pick(BRANDS), portal_sub=secrets.token_hex(16))) as it:
        await _enter(asking, it, due_s)
        await _state(asking, it, wire.now_s())
        if found is None:
            await _decide(asking, it, await _shown(asking, it.brand, wire.now_s()))
            asking.people.add(it)


async def change(asking: Asking, due_s: float) -> None:
    """Somebody answers anew."""
    found = asking.people.find(_may_decide)
    if found is None:
        asking.seen.left_out["change of mind"] += 1
        return
    with coming(found) as person:
        await _decide(asking, person, await _shown(asking, person.brand, due_s))


def _may_decide(person: Person) -> bool:
    return bool(person.access_token) and bool(person.credential or person.portal_sub)


async def _enter(asking: Asking, person: Person, due_s: float | None = None) -> None:
    """Get an access token for what somebody carries."""
    token, kind = person.credential, DEVICE_CREDENTIAL
    if person.portal_sub:
        token, kind = asking.id_token(person, person.brand), ID_TOKEN
    told = await asking.exchange(f"{person.brand}-web", token, kind, of=person, due_s=due_s)
    person.access_token, person.access_until_s = told["access_token"], wire.now_s() + _ACCESS_S


async def _state(asking: Asking, person: Person, due_s: float) -> None:
    await asking.ask(
        "GET /v1/state",
        ("GET", "/v1/state"),
        due_s=due_s,
        headers=bearer(person.access_token),
        of=person,
    )


async def _shown(asking: Asking, brand: str, due_s: float) -> dict[str, Any]:
    language = asking.draw.choice(("en", "fr"))
    answer = await asking.ask(
        "GET /v1/catalogue",
        ("GET", f"/v1/catalogue?brand={brand}&language={language}"),
        due_s=due_s,
    )
    return answer.json()


async def _decide(asking: Asking, person: Person, shown: Mapping[str, Any]) -> None:
    outcomes = _OUTCOMES[asking.pick(_MOODS)]
    purposes = [
        each["id"]
        for each in shown["purposes"]
        if each["basis"] == "consent" and not each["adults_only"]
    ]
    # No part of what is refused is granted: what lies under one purpose is answered alike.
    answers = {root: asking.draw.choice(outcomes) for root in map(_root_of, purposes)}
    if wire.now_s() >= person.access_until_s:
        await _enter(asking, person)
    person.writes += 1
    answer = await asking.ask(
        "POST /v1/decisions",
        ("POST", "/v1/decisions"),
        headers=keyed(bearer(person.access_token)),
        json={
            "served": shown["served"],
            "notice": shown["notice"],
            "reach": "brand",
            "choices": [{"purpose": each, "outcome": answers[_root_of(each)]} for each in purposes],
        },
        expects=201,
        of=person,
    )
    person.consent_token = answer.json().get("consent_token", "")


def _root_of(purpose: str) -> str:
    return purpose.partition(".")[0]


def _client_of(asking: Asking, person: Person) -> tuple[dict[str, str], dict[str, str]]:
    """How the client of somebody's refresh token names itself: in the form, or by its secret."""
    if person.brand == "play":  # a television keeps no secret
        return {"client_id": "play-tv"}, {}
    return {}, asking.basic("news-web")


async def _authorize(asking: Asking, person: Person, due_s: float, **more: str) -> wire.Answer:
    query = {
        "response_type": "code",
        "client_id": "news-web",
        "redirect_uri": "http://news.localhost:7600/callback",
        "scope": "openid offline_access",
        "state": "the-state",
        "nonce": secrets.token_hex(8),
        "code_challenge": _CHALLENGE,
        "code_challenge_method": "S256",
        **more,
    }
    answer = await asking.ask(
        "GET /authorize, prompt=none" if more else "GET /authorize",
        ("GET", "/authorize?" + urlencode(query)),
        due_s=due_s,
        headers=person.cookie,
        expects=303,
        of=person,
    )
    person.keep(answer.cookies)
    return answer


async def _redeem(asking: Asking, person: Person, location: str) -> None:
    told = dict(parse_qsl(urlsplit(location).query))
    if "code" not in told:
        asking.fail("GET /authorize, the answer", told.get("error", location))
        raise RefusedError
    answer = await asking.ask(
        "POST /token, authorization_code",
        ("POST", "/token"),
        headers=asking.basic("news-web"),
        form={
            "grant_type": "authorization_code",
            "code": told["code"],
            "redirect_uri": "http://news.localhost:7600/callback",
            "code_verifier": _VERIFIER,
        },
        of=person,
    )
    _hold(person, answer.json())


def _hold(person: Person, told: Mapping[str, Any]) -> None:
    person.refresh_token = told.get("refresh_token", person.refresh_token)
    person.consent_token = told.get("consent_token", person.consent_token)
    person.access_token, person.access_until_s = told["access_token"], wire.now_s() + _ACCESS_S


def own_page(asking: Asking) -> dict[str, str]:
    """What a browser says of a form on a page of the hub's."""
    return {"Origin": asking.origin, "Sec-Fetch-Site": "same-origin", "Accept-Language": "en"}
