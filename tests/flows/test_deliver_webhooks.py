"""Webhooks: what is sent, in which order, how often, and what becomes of who does not take it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.flows.conftest import Founded
from tests.flows.endpoints import Endpoints, serving_endpoints
from tests.flows.readers import NEWS, drain, new_consumer
from tests.flows.town import GRANTED, Town

from consentid.events.filters import Filters
from consentid.flows.context import Context
from consentid.flows.deliver_webhooks import Dispatcher
from consentid.flows.manage_webhooks import (
    AddedWebhook,
    Office,
    add_webhook,
    enable_webhook,
    list_webhooks,
    redrive_webhook,
    replay_webhook,
    rotate_webhook,
    show_deliveries,
    try_webhook,
)
from consentid.flows.opening import open_context
from consentid.flows.verify_ledger import verify_ledger
from consentid.kit.errors import MalformedError
from consentid.kit.instants import HOUR, Instant
from consentid.net.guarded import make_endpoint_transport
from consentid.settings import Settings
from consentid.store import clock, webhooks
from consentid.webhooks import Receiver
from consentid.webhooks.signature import BadWebhookError


@dataclass(slots=True, kw_only=True)
class Post:
    """A town whose events are sent, and the endpoints that they are sent to."""

    town: Town
    context: Context
    office: Office
    endpoints: Endpoints
    dispatcher: Dispatcher

    async def add(self, path: str, **filters: tuple[str, ...]) -> AddedWebhook:
        return await add_webhook(
            self.office,
            client_id="crm",
            url=f"{self.endpoints.url}/{path}",
            filters=Filters(**filters),
            allows_http=True,
        )

    async def until(self, is_so: Callable[[], Awaitable[bool]]) -> None:
        """Deliver until something is so."""
        async with asyncio.timeout(60):
            while not await is_so():
                await self.dispatcher.round()
                await asyncio.sleep(0)

    async def states(self, number: int) -> list[str]:
        """Of all deliveries, in their order."""
        log = await show_deliveries(
            self.office.database,
            number,
            states=("pending", "delivered", "left_out", "dead"),
            most=100,
        )
        return [each.state for each in reversed(log)]

    async def settled(self, number: int) -> bool:
        states = await self.states(number)
        return bool(states) and "pending" not in states


@pytest.fixture
async def post(town: Town, founded: Founded) -> AsyncIterator[Post]:
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
        post = Post(
            town=town,
            context=opened.context,
            office=office,
            endpoints=endpoints,
            dispatcher=Dispatcher(opened.context),
        )
        yield post
        await post.dispatcher.close()
    await opened.close()


async def test_what_is_sent_is_signed_in_order_and_logged(post: Post) -> None:
    added = await post.add("ok")
    for _ in range(3):
        person = await post.town.device()
        for _ in range(3):
            await post.town.decide(person, {"ads": GRANTED})
    await drain(post.town)

    async def is_done() -> bool:
        return await post.settled(added.no)

    await post.until(is_done)
    calls = post.endpoints.at("ok")
    assert len(calls) == 12
    for key in (added.secrets.secret, added.secrets.public_key):
        receiver = Receiver(key)
        events = [receiver.receive(each.headers, each.body) for each in calls]
        assert None not in events
        assert receiver.receive(calls[0].headers, calls[0].body) is None
    told = [msgspec.json.decode(each.body) for each in calls]
    assert calls[0].headers["content-type"] == "application/cloudevents+json"
    assert [each.headers["webhook-id"] for each in calls] == [each["id"] for each in told]
    for person in {each["subject"] for each in told}:
        own = [each["sequence"] for each in told if each["subject"] == person]
        assert own == sorted(own)
    log = await show_deliveries(post.office.database, added.no, states=("delivered",), most=100)
    assert {each.outcome for each in log} == {"204"}
    assert all(each.latency_ms is not None and each.attempts == 1 for each in log)


async def test_whoever_hangs_or_fails_holds_up_nobody_and_its_own_people_stay_in_order(
    post: Post,
) -> None:
    hanging, failing, well = [await post.add(path) for path in ("hang", "sometimes", "ok")]
    post.endpoints.failing.add("sometimes")
    people = [await post.town.device() for _ in range(4)]
    for person in people:
        await post.town.decide(person, {"ads": GRANTED})
    await drain(post.town)

    async def is_done() -> bool:
        return await post.settled(well.no) and len(post.endpoints.at("sometimes")) >= 4

    await post.until(is_done)
    assert len(post.endpoints.at("ok")) == 8
    # Of each person one event is under way, and nothing overtakes it.
    assert set(await post.states(hanging.no)) == {"pending"}
    assert len(post.endpoints.at("hang")) == 4
    tried = [msgspec.json.decode(each.body)["data"] for each in post.endpoints.at("sometimes")]
    assert {each["cause"] for each in tried} == {"met"}

    post.endpoints.failing.clear()
    ended = "UPDATE webhook_endpoints SET paused_until = NULL"
    await post.town.change(ended)
    await post.town.change("UPDATE webhook_deliveries SET due_at = now() WHERE state = 'pending'")

    async def is_mended() -> bool:
        await post.town.change(ended)
        return await post.settled(failing.no)

    await post.until(is_mended)
    taken = [
        msgspec.json.decode(each.body) for each in post.endpoints.at("sometimes")[len(tried) :]
    ]
    ids = [each["id"] for each in taken]
    assert {each["id"] for each in tried_ids(post)} >= set(ids)
    for person in {each["subject"] for each in taken}:
        assert [each["data"]["cause"] for each in taken if each["subject"] == person] == [
            "met",
            "decision",
        ]
    (_, shown, _) = await list_webhooks(post.office.database)
    assert (shown.failures, shown.failing_since, shown.disabled_at) == (0, None, None)


def tried_ids(post: Post) -> list[dict[str, str]]:
    """Everything that was ever sent there."""
    return [msgspec.json.decode(each.body) for each in post.endpoints.at("sometimes")]


@pytest.mark.parametrize(
    ("path", "outcome"),
    [
        *(("away", "302"), ("large", "200"), ("early", "200"), ("busy", "429"), ("gone", "410")),
        ("cut", "RemoteProtocolError"),
    ],
)
async def test_an_answer_counts_by_its_status(post: Post, path: str, outcome: str) -> None:
    added = await post.add(path)
    await post.town.device()
    await drain(post.town)

    async def is_tried() -> bool:
        (log,) = await show_deliveries(
            post.office.database, added.no, states=("pending", "delivered"), most=9
        ) or (None,)
        return log is not None and log.outcome is not None

    await post.until(is_tried)
    (log,) = await show_deliveries(
        post.office.database, added.no, states=("pending", "delivered"), most=9
    )
    (endpoint,) = await list_webhooks(post.office.database)
    assert log.outcome == outcome
    assert len(post.endpoints.calls) == 1
    assert log.state == ("delivered" if outcome == "200" else "pending")
    assert endpoint.disabled_why == ("gone" if path == "gone" else None)
    if path == "busy":
        assert endpoint.paused_until is not None
        assert log.attempts == 0
        assert log.due_at - log.queued_at >= 3_590_000_000
    if path == "away":
        assert log.attempts == 1
        assert endpoint.failures == 1


async def test_what_is_refused_for_three_days_is_a_dead_letter_until_it_is_driven_again(
    post: Post,
) -> None:
    post.endpoints.failing.add("picky")
    added = await post.add("picky")
    await post.town.device()
    await drain(post.town)
    for _ in range(10):
        tried = len(post.endpoints.calls)

        async def is_tried(tried: int = tried) -> bool:
            await post.town.change(
                "UPDATE webhook_endpoints SET paused_until = NULL, failing_since = NULL"
            )
            return len(post.endpoints.calls) > tried

        await post.until(is_tried)

        async def is_kept(attempts: int = tried + 1) -> bool:
            rows = await post.town.rows("SELECT max(attempts) FROM webhook_deliveries")
            return rows == [(attempts,)]

        await post.until(is_kept)
        await post.town.change(
            "UPDATE webhook_deliveries SET due_at = now() WHERE state = 'pending'"
        )
    assert await post.states(added.no) == ["dead"]
    assert await redrive_webhook(post.office, added.no) == 1
    post.endpoints.failing.clear()
    await enable_webhook(post.office, added.no)

    async def is_done() -> bool:
        return await post.settled(added.no)

    await post.until(is_done)
    assert len({each.headers["webhook-id"] for each in post.endpoints.calls}) == 1
    assert await replay_webhook(post.office, added.no, first=1, last=9) == 1
    await post.until(is_done)
    assert len({each.headers["webhook-id"] for each in post.endpoints.calls}) == 1
    await post.town.change(
        "UPDATE webhook_endpoints SET failing_since = now() - interval '73 hours', failures = 8"
    )
    post.endpoints.failing.add("picky")
    await replay_webhook(post.office, added.no, first=1, last=9)

    async def is_disabled() -> bool:
        return (await list_webhooks(post.office.database))[0].disabled_why == "failing"

    await post.until(is_disabled)
    # Whatever an operator did is in the log, and not where events go.
    noted = await post.town.rows("SELECT body FROM entry_bodies WHERE kind = 'admin'")
    told = [msgspec.json.decode(body) for (body,) in noted]
    bodies = [each for each in told if each["act"] != "client/add"]
    acts = ("add", "enable", "redrive", "replay", "replay")
    assert sorted(each["act"] for each in bodies) == [f"endpoint/{act}" for act in acts]
    assert {(each["client"], each["endpoint"]) for each in bodies} == {("crm", added.no)}
    assert not any(b"http" in body for (body,) in noted)
    assert not [each.faults async for each in verify_ledger(post.context) if each.faults]


async def test_whoever_removes_an_endpoint_that_is_sent_to_waits_for_nobody_in_a_circle(
    post: Post,
) -> None:
    added = await post.add("ok")
    await post.town.device()
    await drain(post.town)
    while not post.dispatcher.woken.is_set():
        await post.dispatcher.round()
        await asyncio.sleep(0)
    async with post.town.owner.writing() as connection:
        await webhooks.hold(connection, [added.no])
        settling = asyncio.create_task(post.dispatcher.round())
        while not await post.town.rows("SELECT pid FROM pg_locks WHERE NOT granted"):
            assert not settling.done()
        await webhooks.remove(connection, added.no)
    assert await settling == 1
    assert await post.town.rows("SELECT seq FROM webhook_deliveries") == []


async def test_whoever_sends_next_sends_what_was_under_way(post: Post) -> None:
    added = await post.add("hang")
    await post.town.device()
    await drain(post.town)
    while not post.endpoints.calls:
        await post.dispatcher.round()
    await post.dispatcher.close()
    post.dispatcher = Dispatcher(post.context)
    await post.town.change("UPDATE webhook_endpoints SET url = replace(url, 'hang', 'ok')")

    async def is_done() -> bool:
        return await post.settled(added.no)

    await post.until(is_done)
    ids = [each.headers["webhook-id"] for each in post.endpoints.calls]
    assert len(ids) == 2
    assert len(set(ids)) == 1


async def test_a_clock_that_is_set_back_or_forward_holds_up_and_disables_nobody(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.endpoints.failing.add("picky")
    added = await post.add("picky")
    await post.town.device()
    await drain(post.town)

    async def is_tried() -> bool:
        return (await list_webhooks(post.office.database))[0].failures == 1

    await post.until(is_tried)
    # The clock was an hour ahead, and is right again from the next round on.
    ahead = HOUR

    async def now(connection: AsyncConnection) -> Instant:
        return Instant(await right(connection) + ahead)

    right = clock.now
    monkeypatch.setattr(clock, "now", now)
    await post.dispatcher.round()
    ahead = 0
    later = "due_at = due_at + interval '1 hour'"
    await post.town.change(f"UPDATE webhook_deliveries SET {later}")
    await post.town.change("UPDATE webhook_endpoints SET paused_until = now() + interval '1 hour'")
    await post.dispatcher.round()
    ((due_s, paused_s),) = await post.town.rows(
        "SELECT extract(epoch FROM due_at - now()), extract(epoch FROM paused_until - now())"
        " FROM webhook_deliveries JOIN webhook_endpoints USING (endpoint_no)"
    )
    assert due_s < 60
    assert paused_s < 60
    # Nobody looked when it was set back: what was never tried does not wait for it.
    await post.town.change(f"UPDATE webhook_deliveries SET {later}, outcome = NULL")
    await post.town.change("UPDATE webhook_endpoints SET paused_until = NULL")
    await post.dispatcher.close()
    post.dispatcher = Dispatcher(post.context)
    await post.dispatcher.round()
    ahead = 100 * HOUR  # and now it is days ahead: the endpoint has not failed for days

    async def is_tried_again() -> bool:
        return (await list_webhooks(post.office.database))[0].failures == 2

    await post.until(is_tried_again)
    (endpoint,) = await list_webhooks(post.office.database)
    assert (endpoint.no, endpoint.disabled_at) == (added.no, None)


async def test_secrets_change_without_a_pause_and_filters_leave_out(post: Post) -> None:
    added = await post.add("ok", kinds=("consent",), purposes=("content",))
    new = await rotate_webhook(post.office, added.no, overlap_s=3_600)
    person = await post.town.device()
    await post.town.decide(person, {"content": GRANTED})
    await post.town.decide(person, {"ads": GRANTED})
    await drain(post.town)

    async def is_done() -> bool:
        return await post.settled(added.no)

    await post.until(is_done)
    states = await post.states(added.no)
    (call, *_) = post.endpoints.calls
    last = await rotate_webhook(post.office, added.no, overlap_s=0)
    for key in (added.secrets.secret, new.secret, new.public_key):
        assert Receiver(key).receive(call.headers, call.body) is not None
    assert states == ["left_out", "delivered", "left_out"]
    async with make_endpoint_transport(localhost_hosts=True, kept=0) as way:
        trial = await try_webhook(
            post.office, way, added.no, issuer="http://consent.localhost:7600"
        )
    assert trial.is_taken
    trial_call = post.endpoints.calls[-1]
    assert b"consentid.test.v1" in trial_call.body
    assert Receiver(last.secret).receive(trial_call.headers, trial_call.body) is not None
    with pytest.raises(BadWebhookError):  # the overlap is over
        Receiver(new.secret).receive(trial_call.headers, trial_call.body)


async def test_an_address_that_nothing_is_sent_to_is_refused(post: Post) -> None:
    for url in (
        *("http://a.example/", "https://user@a.example/", "https:///x", "ftp://a.example/"),
        *("https://10.0.0.1/", "https://[::1]/"),
    ):
        with pytest.raises(MalformedError):
            await add_webhook(
                post.office, client_id="crm", url=url, filters=Filters(), allows_http=False
            )
