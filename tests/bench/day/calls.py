"""What others than people ask, and what is asked until it is no: verification, lists, the feed."""

import asyncio
import re
import secrets
from typing import Any, Final

from tests.bench.day import wire
from tests.bench.day.asking import Asking, RefusedError, coming, keyed
from tests.bench.day.people import Person
from tests.bench.day.proportions import BATCH, BRANDS, READERS, TELEVISIONS
from tests.bench.day.visits import own_page
from tests.web.hub import ID_TOKEN, bearer
from tests.web.pages.visits import Form

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_VERIFY: Final = "POST /v1/verify"
_SEEN_EACH_S: Final = 0.01
_WRONG: Final = "a token that holds was told not to"
_OPERATORS: Final = 500
_SLOWER_S: Final = 5.0


async def verified(asking: Asking, due_s: float) -> None:
    """A brand's back end, or a partner it works with, asks whether a token holds."""
    person = asking.people.find(lambda each: each.consent_token)
    if person is None:
        asking.seen.left_out["verify"] += 1
        return
    writes = person.writes
    told = await _verify(asking, person, _VERIFY, due_s=due_s)
    if not told["active"] and person.writes == writes:
        asking.fail(_VERIFY, _WRONG)


async def verified_together(asking: Asking, due_s: float) -> None:
    """Fifty tokens of a brand at once, as whoever sends a newsletter asks."""
    brand = asking.pick(BRANDS)
    asked = [
        {"token": each.consent_token, "purposes": ["ads"]}
        for each in asking.people.some(BATCH, brand)
    ]
    await asking.ask(
        f"POST /v1/verify/batch, {BATCH} tokens",
        ("POST", "/v1/verify/batch"),
        due_s=due_s,
        headers=await asking.client(f"{brand}-web"),
        json=asked,
    )


async def status_list(asking: Asking, due_s: float) -> None:
    """An offline verifier looks whether a list is still the one that it has."""
    etags = asking.etags
    known = etags.get("1", "") if asking.draw.random() < 0.9 else ""  # some begin anew
    answer = await asking.ask(
        "GET /statuslists/1, If-None-Match" if known else "GET /statuslists/1",
        ("GET", "/statuslists/1"),
        due_s=due_s,
        headers={"If-None-Match": known} if known else {},
    )
    etags["1"] = answer.headers.get("etag", "")


async def withdrawal(asking: Asking, due_s: float) -> None:
    """Somebody takes everything back; then every node is asked until it says no."""
    person = asking.people.find(
        lambda each: (
            each.consent_token
            and each.access_until_s > wire.now_s()
            and (each.credential or each.portal_sub)
        )
    )
    if person is None:
        asking.seen.left_out["withdrawal"] += 1
        return
    with coming(person):
        told = await _verify(asking, person, f"{_VERIFY}, before a withdrawal", due_s=due_s)
        if not _is_yes(told):
            return  # there is nothing to take back
        person.writes += 1
        await asking.ask(
            "POST /v1/withdrawals",
            ("POST", "/v1/withdrawals"),
            headers=keyed(bearer(person.access_token)),
            json={"reach": "brand", "all": True},
            expects=201,
            of=person,
        )
        told_s = wire.now_s()
        await asyncio.gather(
            *(_await_no(asking, person, node, told_s) for node in range(asking.nodes))
        )
        person.consent_token = ""


async def _await_no(asking: Asking, person: Person, node: int, told_s: float) -> None:
    label = f"{_VERIFY}, after a withdrawal"
    asked_s = last_yes_s = told_s
    while _is_yes(await _verify(asking, person, label, node=node)):
        last_yes_s = asked_s
        await asyncio.sleep(_SEEN_EACH_S)
        asked_s = wire.now_s()
    if asking.seen.is_measuring:
        asking.seen.stale_s.append(last_yes_s - told_s)
        asking.seen.visible_s.append(wire.now_s() - told_s)


async def _verify(
    asking: Asking,
    person: Person,
    label: str,
    *,
    node: int | None = None,
    due_s: float | None = None,
) -> dict[str, Any]:
    headers = await asking.client(f"{person.brand}-web")
    answer = await asking.ask(
        label,
        ("POST", "/v1/verify"),
        due_s=due_s,
        headers=headers,
        json={"token": person.consent_token, "purposes": ["ads"]},
        node=node,
    )
    return answer.json()


def _is_yes(told: dict[str, Any]) -> bool:
    return told["active"] and told["decision"] == "allow"


async def capture(asking: Asking, due_s: float) -> None:
    """The call centre hands in what somebody said, and the portal says who that was."""
    customer = asking.people.find(lambda each: each.portal_sub)
    if customer is None:
        asking.seen.left_out["capture"] += 1
        return
    shown = await asking.ask(
        "GET /v1/catalogue", ("GET", "/v1/catalogue?brand=news&language=en"), due_s=due_s
    )
    taken = await asking.ask(
        "POST /v1/captures",
        ("POST", "/v1/captures"),
        headers=keyed(await asking.client("news-calls")),
        json={
            "notice": shown.json()["notice"],
            "choices": [{"purpose": "contact.phone", "outcome": "granted"}],
            "channel": "phone",
            "operator": f"agent-{asking.draw.randrange(_OPERATORS)}",
            "evidence": {"kind": "script", "version": "v3", "reference": secrets.token_hex(6)},
        },
        expects=201,
    )
    told = await asking.exchange(
        "news-calls", asking.id_token(customer, "news"), ID_TOKEN, of=customer
    )
    await asking.ask(
        "POST /v1/captures/{id}/resolution",
        ("POST", f"/v1/captures/{taken.json()['capture']}/resolution"),
        headers=bearer(told["access_token"]),
        json={},
    )


async def link(asking: Asking, due_s: float) -> None:
    """A newsletter tool has a link made; somebody opens it and says yes."""
    minted = await asking.ask(
        "POST /v1/links",
        ("POST", "/v1/links"),
        due_s=due_s,
        headers=await asking.client("news-letters"),
        json={"purposes": ["contact.email"], "addressee": "somebody@example.org"},
        expects=201,
    )
    sealed = minted.json()["link"].partition("#")[2]
    with coming(Person(brand="news")) as reader:
        shell = await _browse(asking, reader, "GET /link", ("GET", "/link"))
        hidden = Form(shell.body.decode()).hidden
        page = await _browse(
            asking, reader, "POST /link", ("POST", "/link"), {**hidden, "link": sealed}
        )
        hidden = Form(page.body.decode()).hidden
        await _browse(
            asking,
            reader,
            "POST /link/answer",
            ("POST", "/link/answer"),
            {**hidden, "act": "accept"},
            expects=303,
        )


async def television(asking: Asking, due_s: float) -> None:
    """Somebody types the code of a television on their phone, accepts, and it gets its tokens."""
    codes = await _switch_on(asking, due_s)
    with coming(Person(brand="play")) as phone:
        page = await _browse(asking, phone, "GET /device", ("GET", "/device"))
        fields = {**Form(page.body.decode()).hidden, "user_code": codes["user_code"]}
        page = await _browse(asking, phone, "POST /device", ("POST", "/device"), fields)
        fields = {**Form(page.body.decode()).hidden, "act": "confirm"}
        sent = await _browse(
            asking, phone, "POST /device/match", ("POST", "/device/match"), fields, expects=303
        )
        path = re.sub(r"^https?://[^/]+", "", sent.headers["location"])
        page = await _browse(asking, phone, "GET /interaction", ("GET", path))
        fields = {**Form(page.body.decode()).hidden, "act": "accept"}
        action = path.partition("?")[0]
        await _browse(asking, phone, "POST /interaction", ("POST", action), fields, expects=303)
        for _ in range(4):
            told = await _poll(asking, codes["device_code"], None)
            if "refresh_token" in told:
                phone.refresh_token = told["refresh_token"]
                phone.consent_token = told["consent_token"]
                asking.people.add(phone)
                return
            await asyncio.sleep(TELEVISIONS.every_s)
    asking.fail("POST /token, device_code", "never got its tokens")


async def wait_for_a_phone(asking: Asking) -> None:
    """A television that nobody pairs polls at its interval, and in the end gets another code."""
    await asyncio.sleep(asking.draw.uniform(0, TELEVISIONS.every_s))
    code, due_s = "", wire.now_s()
    while True:
        try:
            code = code or (await _switch_on(asking, due_s))["device_code"]
            told = await _poll(asking, code, due_s)
        except RefusedError:
            told = {}
        slower_s = 0.0
        if told.get("error") == "slow_down":
            slower_s = _SLOWER_S
        elif told.get("error") != "authorization_pending":
            code = ""
        # From one answer to the next question, as the specification has it.
        due_s = wire.now_s() + TELEVISIONS.every_s + slower_s + asking.draw.uniform(0, 0.2)
        await asyncio.sleep(due_s - wire.now_s())


async def read_the_feed(asking: Asking, client: str) -> None:
    """A reader of the event feed goes on from its cursor, once a second."""
    after = ""
    while True:
        due_s = wire.now_s()
        more = False
        try:
            answer = await asking.ask(
                "GET /v1/events",
                ("GET", f"/v1/events?limit=500{after}"),
                headers=await asking.client(client),
            )
            told = answer.json()
            after, more = f"&after={told['next']}", told["more"]
            asking.seen.events += len(told["events"]) if asking.seen.is_measuring else 0
        except RefusedError:
            pass
        if not more:
            await asyncio.sleep(max(0.0, due_s + READERS.every_s - wire.now_s()))


async def _switch_on(asking: Asking, due_s: float | None) -> dict[str, Any]:
    answer = await asking.ask(
        "POST /device_authorization",
        ("POST", "/device_authorization"),
        due_s=due_s,
        form={"client_id": "play-tv"},
        of=Person(brand="play"),
    )
    return answer.json()


async def _poll(asking: Asking, code: str, due_s: float | None) -> dict[str, Any]:
    answer = await asking.ask(
        "POST /token, device_code",
        ("POST", "/token"),
        due_s=due_s,
        form={"grant_type": DEVICE_GRANT, "device_code": code, "client_id": "play-tv"},
        expects=400,
        also=200,
    )
    return answer.json()


async def _browse(
    asking: Asking,
    person: Person,
    label: str,
    request: tuple[str, str],
    form: dict[str, str] | None = None,
    *,
    expects: int = 200,
) -> wire.Answer:
    """Look at a page of the hub's, or send its form."""
    answer = await asking.ask(
        label,
        request,
        headers={**person.cookie, **own_page(asking)},
        form=form,
        expects=expects,
        of=person,
    )
    person.keep(answer.cookies)
    return answer
