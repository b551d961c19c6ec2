"""What a receiver that fetches is told of what it does not get at once."""

import asyncio

import pytest
from tests.flows.readers import NEWS, drain, new_consumer
from tests.flows.town import Town

from consentid.events.security_events import ACCOUNT_PURGED, CONSENT_CHANGED
from consentid.events.ssf import PollIn, PollOut, StreamIn
from consentid.flows.event_watch import EventWatch
from consentid.flows.manage_ssf_streams import create_ssf_stream
from consentid.flows.poll_ssf_stream import poll_ssf_stream
from consentid.store import delivery_queue


async def test_more_is_available_as_long_as_the_feed_goes_on(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_queue, "QUEUED_AT_ONCE", 1)
    caller = (await new_consumer(town, NEWS)).caller
    context, watch = town.context, EventWatch(town.context.database, most=1)
    for requested in (ACCOUNT_PURGED, CONSENT_CHANGED):
        await create_ssf_stream(context, caller, StreamIn(events_requested=[requested]))
    ids = await town.rows("SELECT stream_id FROM ssf_streams ORDER BY endpoint_no")
    (purges,), (consents,) = ids
    for _ in range(3):
        await town.device()
    await drain(town)

    async def poll(stream_id: str, ack: tuple[str, ...] = (), *, is_patient: bool) -> PollOut:
        asked = PollIn(ack=list(ack), return_immediately=not is_patient)
        gone = asyncio.get_running_loop().create_future()
        return await poll_ssf_stream(
            context, watch, caller, stream_id, asked, wait_s=0.01 if is_patient else 0, gone=gone
        )

    # Nothing of it is for this stream: that is no reason to believe that nothing comes.
    answers = [await poll(purges, is_patient=False) for _ in range(3)]
    assert [each.sets for each in answers] == [{}, {}, {}]
    assert [each.more_available for each in answers] == [True, True, False]
    told: list[str] = []
    for more in (True, True, False):
        answer = await poll(consents, tuple(told), is_patient=True)
        assert (len(answer.sets), answer.more_available) == (1, more)
        told = list(answer.sets)
