"""Whether it has arrived: what counts as confirmed, who is late, who is shown what."""

import logging

import pytest
from tests.flows.conftest import Founded
from tests.flows.endpoints import serving_endpoints
from tests.flows.readers import NEWS, SHOP, Consumer, drain, new_consumer
from tests.flows.town import BRAND, GRANTED, REFUSED, Town

from consentid.events.filters import Filters
from consentid.flows.confirm_events import confirm_events, confirm_upto
from consentid.flows.deliver_webhooks import Dispatcher
from consentid.flows.event_cursor import find_start
from consentid.flows.manage_webhooks import Office, add_webhook
from consentid.flows.note_position import note_position, write_positions
from consentid.flows.opening import open_context
from consentid.flows.reap import reap
from consentid.flows.show_propagation import SystemOut, list_systems, show_change, show_propagation
from consentid.flows.warn_of_late import warn_of_late
from consentid.kit.errors import BadCursorError, NotFoundError
from consentid.settings import Settings

HOUR_AGO = "now() - interval '1 hour'"


async def come_back(consumer: Consumer) -> None:
    """As the feed does where a cursor is shown."""
    context = consumer.town.context
    note_position(context, await find_start(context, consumer.caller, consumer.cursor))
    await write_positions(context)


async def standing(town: Town) -> dict[str, SystemOut]:
    found = await list_systems(town.context.database, town.context.settings)
    return {each.system: each for each in found}


async def test_a_reader_has_confirmed_what_lies_before_the_cursor_it_comes_back_with(
    town: Town,
) -> None:
    crm = await new_consumer(town, NEWS)
    assert await standing(town) == {}  # whoever never came back is no system
    await crm.read()
    await come_back(crm)
    person = await town.device()
    await town.decide(person, {"ads": GRANTED})
    await drain(town)
    told = await crm.read()
    before = (await standing(town))["feed:crm"]
    assert (before.lag_events, before.dead_letters, before.disabled) == (2, 0, None)
    assert before.lag_s > 0
    change = await show_change(town.context, crm.caller, told[1]["id"])
    assert (change.confirmed, [each.state for each in change.systems]) == (0, ["waiting"])
    await come_back(crm)
    after = (await standing(town))["feed:crm"]
    assert (after.lag_events, after.lag_s) == (0, 0)
    (arrival,) = (await show_change(town.context, crm.caller, told[1]["id"])).systems
    assert (arrival.system, arrival.state) == ("feed:crm", "confirmed")
    assert arrival.confirmed_at is not None
    crm.cursor = None
    await crm.read(limit=1)
    await reap(town.context)
    assert (await standing(town))["feed:crm"].lag_events == 0  # reading again takes nothing back
    await town.decide(person, {"ads": REFUSED})
    await drain(town)
    await town.change("DELETE FROM event_marks WHERE seq > 0")
    assert (await standing(town))["feed:crm"].lag_events == 3
    await town.change("DELETE FROM events WHERE seq < 3")
    assert (await standing(town))["feed:crm"].lag_events == 1  # what is kept no more is not told


async def test_a_call_back_confirms_what_the_caller_was_told_and_nothing_else(town: Town) -> None:
    crm, erp = await new_consumer(town, NEWS), await new_consumer(town, SHOP, "erp")
    for each in (crm, erp):
        await each.read()
        await come_back(each)
    credential = await town.new_device()
    for client in ("news-web", "shop-web"):
        caller = await town.on_device(credential, client)
        await town.decide(caller, {"ads": GRANTED}, BRAND)
    await drain(town)
    (_, first, *_), (foreign, *_) = await crm.read(), await erp.read()
    out = await confirm_events(town.context, crm.caller, [first["id"], foreign["id"], "A" * 22])
    assert out.unknown == [foreign["id"], "A" * 22]
    assert (await standing(town))["feed:erp"].lag_events == len(erp.seen)
    assert (await standing(town))["feed:crm"].lag_events == len(crm.seen) - 1
    with pytest.raises(BadCursorError):
        await confirm_upto(town.context, erp.caller, crm.cursor or "")
    await confirm_upto(town.context, erp.caller, erp.cursor or "")
    assert (await standing(town))["feed:erp"].lag_events == 0
    shown = await show_propagation(town.context, crm.caller)
    assert [each.system for each in shown.systems] == ["feed:crm"]
    with pytest.raises(NotFoundError):
        await show_change(town.context, crm.caller, foreign["id"])


async def test_an_unconfirmed_withdrawal_wakes_somebody_once_and_by_no_name(
    town: Town, founded: Founded, caplog: pytest.LogCaptureFixture
) -> None:
    await new_consumer(town, NEWS)
    opened = open_context(
        Settings(database_url=town.urls.serving, keys_dir=founded.keys, localhost_hosts=True)
    )
    office = Office(
        database=town.owner,
        master=opened.context.keyring.master,
        randomness=opened.context.randomness,
    )
    async with serving_endpoints() as endpoints:
        endpoints.failing.add("crm")
        await add_webhook(
            office,
            client_id="crm",
            url=f"{endpoints.url}/crm",
            filters=Filters(),
            allows_http=True,
        )
        person = await town.device()
        await town.decide(person, {"ads": GRANTED})
        await drain(town)
        assert await warn_of_late(town.context) == 0
        await town.withdraw(person, "ads")
        await drain(town)
        assert await warn_of_late(town.context) == 0  # there is time yet
        await town.change(f"UPDATE events SET at = {HOUR_AGO}")
        dispatcher = Dispatcher(opened.context)
        while not endpoints.calls:
            await dispatcher.round()
        while not (await standing(town))["webhook:1"].failures:
            await dispatcher.round()
        late = (await standing(town))["webhook:1"]
        assert (late.unconfirmed_withdrawals, late.lag_events, late.failures) == (1, 3, 1)
        assert late.failing_since is not None
        caplog.set_level(logging.WARNING, "consentid.propagation")
        assert [await warn_of_late(town.context) for _ in range(2)] == [1, 0]
        (said,) = [each for each in caplog.records if each.levelname == "CRITICAL"]
        assert "webhook:1 (crm of brand/news) has not confirmed 1" in said.getMessage()
        assert str(person.subject) not in caplog.text
        await town.change("UPDATE webhook_deliveries SET state = 'dead'")
        given_up = (await standing(town))["webhook:1"]
        assert (given_up.dead_letters, given_up.lag_events) == (3, 0)
        assert given_up.unconfirmed_withdrawals == 1
        await town.change("UPDATE webhook_deliveries SET state = 'pending', due_at = now()")
        await town.change("UPDATE webhook_endpoints SET queued_seq = 1, disabled_why = 'disabled'")
        await town.change("DELETE FROM webhook_deliveries WHERE seq > 1")
        off = (await standing(town))["webhook:1"]  # as by a receiver that wants nothing
        assert (off.lag_events, off.unconfirmed_withdrawals) == (1, 0)
        await town.change("UPDATE webhook_endpoints SET disabled_why = NULL")
        endpoints.failing.clear()
        while (await standing(town))["webhook:1"].lag_events:
            await dispatcher.round()
        well = (await standing(town))["webhook:1"]
        assert (well.failures, well.unconfirmed_withdrawals) == (0, 0)
        assert well.last_success is not None
        assert await warn_of_late(town.context) == 0
        assert "has confirmed every withdrawal again" in caplog.text
        await dispatcher.close()
    await opened.close()
