"""The feed: who hears of what, in which order, and what they believe in the end."""

import asyncio
from typing import Any

import msgspec
import pytest
from tests.flows.readers import NEWS, REACH, SHOP, Consumer, drain, new_consumer
from tests.flows.town import BRAND, GRANTED, REFUSED, Town, together

from consentid.events.contract import Event
from consentid.events.filters import Filters
from consentid.flows.drain_outbox import drain_outbox
from consentid.flows.event_cursor import cursor_of, find_start, stream_of
from consentid.flows.event_watch import EventWatch
from consentid.flows.read_events import read_events
from consentid.flows.restrict_subject import OPERATOR, Asked, Reason, restrict_subject
from consentid.flows.revoke_token import revoke_token
from consentid.flows.show_standings import show_standings
from consentid.flows.show_state import public_decision_id
from consentid.flows.tell_receiver import subject_of
from consentid.kit.errors import BadCursorError, GoneError
from consentid.kit.instants import from_datetime
from consentid.store import feed

CONTENT = ["content", "content.across"]


async def test_an_event_says_who_what_why_and_when(town: Town) -> None:
    crm = await new_consumer(town, NEWS)
    person = await town.device()
    await town.decide(person, {"ads": GRANTED, "content": REFUSED})
    await town.withdraw(person, "ads")
    await drain(town)
    met, first, second = await crm.read()
    assert (met["data"]["cause"], met["data"]["decisions"]) == ("met", [])
    assert met["data"]["effective"][0]["before"] is None
    assert person.subject is not None
    (decided, taken_back) = await town.history(person.subject)
    assert first["subject"] == second["subject"]
    assert [each["sequence"] for each in (first, second)] == [f"{n:016d}" for n in (2, 3)]
    assert first["source"] == "http://consent.localhost:7600"
    data = second["data"]
    assert data["cause"] == "decision"
    (effect,) = data["effective"]
    assert (effect["party"], effect["via"]) == ("brand/news", [])
    assert "ads" in effect["before"]["granted"]
    assert effect["after"] == {
        "granted": [each for each in effect["before"]["granted"] if not each.startswith("ads")],
        "refused": effect["after"]["refused"],
    }
    assert {"ads", "content"} <= set(effect["after"]["refused"])
    (why,) = data["decisions"]
    assert why["decision"] == public_decision_id(town.context, NEWS, taken_back.id)
    assert why["choices"] == [{"purpose": "ads", "outcome": "refused"}]
    assert (why["here"], why["reach"], why["channel"]) == (True, "group", "web")
    assert second["time"] == why["recorded_at"]
    told = str([met, first, second])
    for secret in (decided.id, taken_back.id, person.subject):
        assert str(secret) not in told
    for event in (met, first, second):
        msgspec.convert(event, Event)


async def test_a_record_that_cannot_be_read_holds_up_no_event(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    crm = await new_consumer(town, NEWS)
    person = await town.device()
    await town.decide(person, {"ads": GRANTED})
    (lost,) = await town.history(person.subject)
    await town.change("ALTER TABLE decisions DISABLE TRIGGER USER")
    await town.change("UPDATE decisions SET sealed = sha256(sealed)")
    await town.decide(person, {"ads": REFUSED})
    await drain(town)
    _, first, second = await crm.read()
    assert first["data"]["decisions"] == []
    assert "ads" in first["data"]["effective"][0]["after"]["granted"]
    assert len(second["data"]["decisions"]) == 1
    assert f"without its decision {lost.id}" in caplog.text


async def test_a_receiver_hears_of_whom_it_has_met_and_of_what_is_its_own(town: Town) -> None:
    news, shop = await new_consumer(town, NEWS), await new_consumer(town, SHOP, "erp")
    reach = await new_consumer(town, REACH, "dsp")
    credential = await town.new_device()
    person = await town.on_device(credential)
    await town.decide(person, {"ads": GRANTED})
    await town.decide(person, {"content": GRANTED}, BRAND)
    await drain(town)
    assert len(await news.read()) == 3
    assert await shop.read() == await reach.read() == []
    at_shop = await town.on_device(credential, "shop-web")
    await town.decide(at_shop, {"ads": GRANTED}, BRAND)
    await drain(town)
    met, chosen = await shop.read()
    assert (met["data"]["cause"], met["data"]["effective"][0]["before"]) == ("met", None)
    assert met["data"]["effective"][0]["after"]["granted"]
    assert chosen["data"]["decisions"][0]["reach"] == "brand"
    assert met["subject"] != news.seen[0]["subject"]
    assert await news.read() == []  # what is chosen for the shop alone is the shop's
    await town.withdraw(person, "ads")
    await drain(town)
    (at_news,), (elsewhere,) = await news.read(), await shop.read()
    (why,) = elsewhere["data"]["decisions"]
    assert why["here"] is False
    assert elsewhere["time"].endswith("T00:00:00.000000Z")
    assert why["recorded_at"] == elsewhere["time"]
    ids = {at_news["id"], elsewhere["id"]}
    assert len(ids) == 2
    assert why["decision"] != at_news["data"]["decisions"][0]["decision"]


async def test_a_registration_for_some_purposes_sees_those(town: Town) -> None:
    mailing = await new_consumer(town, NEWS, "mailing", "content")
    person = await town.device()
    await town.decide(person, {"ads": GRANTED, "content": GRANTED})
    await town.withdraw(person, "ads")
    await town.withdraw(person)
    await drain(town)
    _, first, last = await mailing.read()
    (why,) = first["data"]["decisions"]
    assert why["choices"] == [{"purpose": "content", "outcome": "granted"}]
    assert first["data"]["effective"][0]["after"] == {"granted": CONTENT, "refused": []}
    assert last["data"]["effective"][0]["after"] == {"granted": [], "refused": CONTENT}
    assert [each["sequence"][-1] for each in (first, last)] == ["2", "3"]


async def test_whoever_reads_along_and_whoever_begins_later_believe_what_holds(town: Town) -> None:
    along = await new_consumer(town, NEWS)
    people = [await town.device() for _ in range(5)]

    async def live(number: int) -> None:
        for turn in range(3):
            await town.decide(people[number], {"ads": GRANTED if turn % 2 else REFUSED})
        if number % 2:
            await town.withdraw(people[number])

    async def pump() -> None:
        for _ in range(20):
            await drain_outbox(town.context)

    async def read() -> None:
        for _ in range(20):
            await along.read(limit=3)

    await together(*(live(number) for number in range(5)), pump(), pump(), read())
    later = Consumer(town=town, caller=along.caller)
    await later.begin_with_snapshot()
    await town.withdraw(people[0])
    await drain(town)
    await together(along.read(), later.read())
    holds = Consumer(town=town, caller=along.caller)
    await holds.begin_with_snapshot(limit=500)
    assert along.believes == later.believes == holds.believes
    assert len(holds.believes) == 5
    sequences = [int(each["sequence"]) for each in along.seen]
    assert sequences == list(range(1, len(sequences) + 1))
    assert len({each["id"] for each in along.seen}) == len(sequences)


async def test_filters_leave_out_and_go_on_behind_what_they_left_out(town: Town) -> None:
    crm = await new_consumer(town, NEWS)
    person = await town.device()
    await town.decide(person, {"ads": GRANTED})
    await town.decide(person, {"content": GRANTED})
    await drain(town)

    async def read(**filters: tuple[str, ...]) -> list[Any]:
        crm.cursor = None
        return [each["sequence"][-1] for each in await crm.read(limit=100, **filters)]

    assert await read(kinds=("consent",), brands=("news",)) == ["1", "2", "3"]
    assert await read(purposes=("content",)) == ["3"]
    assert await read(purposes=("ads.personalised",)) == ["2"]
    assert await read(brands=("shop",)) == []
    assert await read(kinds=("erasure",)) == []
    assert await crm.read() == []


async def test_a_cursor_is_good_for_its_consumer_its_past_and_as_long_as_events_are_kept(
    town: Town,
) -> None:
    crm, other = await new_consumer(town, NEWS), await new_consumer(town, NEWS, "warehouse")
    await crm.read()
    with pytest.raises(BadCursorError):
        await find_start(town.context, other.caller, crm.cursor)
    with pytest.raises(BadCursorError):
        await find_start(town.context, crm.caller, "A" * 80)
    stream = await stream_of(town.context, crm.caller)
    with pytest.raises(BadCursorError, match="ahead"):
        await find_start(town.context, crm.caller, cursor_of(town.context, stream, 1))
    person = await town.device()
    for _ in range(2):
        await town.decide(person, {"ads": GRANTED})
    await drain(town)
    await town.change("UPDATE events SET at = at - interval '40 days' WHERE seq = 2")
    now = (await town.rows("SELECT max(at) FROM events"))[0][0]
    async with town.context.database.writing() as connection:
        assert await feed.forget(connection, before=from_datetime(now)) == 4
    with pytest.raises(GoneError, match="snapshot"):
        await find_start(town.context, crm.caller, crm.cursor)
    crm.cursor = None
    (left,) = await crm.read()
    assert left["sequence"].endswith("3")
    await town.change("UPDATE clients SET disabled_at = now() WHERE client_id = 'crm'")
    await town.decide(person, {"ads": GRANTED})
    await drain(town)
    await town.change("UPDATE clients SET disabled_at = NULL WHERE client_id = 'crm'")
    with pytest.raises(GoneError):
        await find_start(town.context, crm.caller, crm.cursor)


async def test_whoever_waits_is_told_as_soon_as_something_comes(town: Town) -> None:
    crm, watch = await new_consumer(town, NEWS), EventWatch(town.context.database, most=1)
    start = await find_start(town.context, crm.caller, None)
    following = asyncio.create_task(watch.follow())
    waiting = asyncio.ensure_future(
        read_events(town.context, watch, start, filters=Filters(), limit=10, wait_s=120)
    )
    while not len(watch):  # noqa: ASYNC110 - it counts who waits, and tells nobody
        await asyncio.sleep(0)
    await town.decide(await town.device(), {"ads": GRANTED})
    await drain(town)
    page = await waiting
    assert page.events[0].seq == 1
    following.cancel()


async def test_of_who_was_erased_the_places_stay_and_nothing_else(town: Town) -> None:
    crm = await new_consumer(town, NEWS)
    person, other = await town.device(), await town.device()
    for each in (person, other):
        await town.decide(each, {"ads": GRANTED})
    await drain(town)
    before = await crm.read()
    await town.change("DELETE FROM subject_keys WHERE subject_id = :id", id=person.subject)
    crm.cursor = None
    after = await crm.read()
    assert [each["id"] for each in before] == [each["id"] for each in after]
    gone, _ = [each for each in after if each["type"] == "consentid.erased.v1"]
    assert gone.keys() == before[0].keys() - {"subject"}
    assert gone["data"] == {}


async def test_what_decides_nothing_is_told_to_whom_it_came_through(town: Town) -> None:
    news, shop = await new_consumer(town, NEWS), await new_consumer(town, SHOP, "erp")
    device = await town.new_device()
    beneath = await town.on_device(device)
    _, answer = await town.sign_in("somebody", device=device)
    client = (await town.client()).client
    await revoke_token(town.context, client, answer.body["access_token"])
    await drain(town)
    told = await news.read()
    assert await shop.read() == []
    (link,) = [each for each in told if each["type"] == "consentid.link.v1"]
    (ended,) = [each for each in told if each["type"] == "consentid.revocation.v1"]
    assert beneath.subject is not None
    assert link["data"] == {"device": subject_of(town.context, NEWS, beneath.subject)}
    assert link["subject"] == ended["subject"] != link["data"]["device"]
    assert ended["data"] == {"client_id": "news-web", "token": "access"}
    for each in told:
        msgspec.convert(each, Event)


async def test_an_erasure_is_told_to_who_knew_the_person(town: Town) -> None:
    news, shop = await new_consumer(town, NEWS), await new_consumer(town, SHOP, "erp")
    person = await town.device()
    await town.decide(person, {"ads": GRANTED}, BRAND)
    await drain(town)
    (before, *_) = await news.read()
    assert person.subject is not None
    async with town.context.database.writing() as connection:
        asked = Asked(reason=Reason.OBJECTION, asked_by=OPERATOR, at_once=True)
        await restrict_subject(town.context, connection, person.subject, asked)
    await drain(town)
    (erasure,) = await news.read()
    assert await shop.read() == []
    assert erasure["type"] == "consentid.erasure.v1"
    assert erasure["subject"] == before["subject"]
    assert news.believes == {}
    news.cursor = None
    assert [each["type"].split(".")[1] for each in await news.read()] == [
        *("erased", "erased", "erasure"),
    ]


async def test_two_receivers_cannot_join_people_by_their_place_in_the_snapshot(town: Town) -> None:
    news, shop = await new_consumer(town, NEWS), await new_consumer(town, SHOP, "erp")
    orders: dict[str, list[str]] = {"news": [], "shop": []}
    known: dict[str, str] = {}
    for _ in range(12):
        credential = await town.new_device()
        person = await town.on_device(credential)
        await town.decide(person, {"ads": GRANTED})
        await town.decide(await town.on_device(credential, "shop-web"), {"ads": GRANTED}, BRAND)
        assert person.subject is not None
        for party in (NEWS, SHOP):
            known[subject_of(town.context, party, person.subject)] = str(person.subject)
    for name, consumer in (("news", news), ("shop", shop)):
        page = None
        while True:
            shown = await show_standings(town.context, consumer.caller, page=page, limit=1)
            orders[name] += [known[each.subject] for each in shown.subjects]
            page = shown.next
            if page is None:
                break
    assert sorted(orders["news"]) == sorted(orders["shop"]) == sorted(known.values())[::2]
    assert orders["news"] != orders["shop"]
    for order in orders.values():
        assert order != sorted(order)  # nor does it tell who came first
