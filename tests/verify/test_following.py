"""A verifier that follows the stream of revocations knows sooner, and is never weaker for it."""

import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue

import httpx2
import pytest
from tests.tokens.making import AUDIENCE, NOW
from tests.verify.conftest import Clock, Issuer

from consentid.verify import Active, AsyncVerifier, Inactive, Reason, Verifier, following
from consentid.verify.stream import STREAM_PATH

LIST_PATH = "/statuslists/1"
TOLD = b'id: %d\nevent: revoked\ndata: {"1":[7,4242]}\n\n'


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What broke is tried again soon."""
    monkeypatch.setattr(following, "_FIRST_WAIT_S", 0.01)


@pytest.fixture
def events(issuer: Issuer) -> Iterator[SimpleQueue[bytes | None]]:
    issuer.events = SimpleQueue()
    yield issuer.events
    for _ in range(20):
        issuer.events.put(None)


@pytest.fixture
def verifier(issuer: Issuer, clock: Clock) -> Iterator[Verifier]:
    with Verifier(
        issuer=issuer.url,
        audience=AUDIENCE,
        stream=True,
        transport=httpx2.AsyncHTTPTransport(),
        now=clock,
    ) as built:
        yield built


def reason(found: Active | Inactive) -> Reason | None:
    return found.reason if isinstance(found, Inactive) else None


def until(is_so: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    end_s = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < end_s
        time.sleep(0.005)


def complete(since_s: int) -> bytes:
    return b'retry: 5000\n\nevent: complete\ndata: {"since":%d}\n\n' % since_s


def test_what_is_told_holds_at_once_and_outlives_an_older_list(
    issuer: Issuer, verifier: Verifier, clock: Clock, events: SimpleQueue[bytes | None]
) -> None:
    token = issuer.token()
    events.put(complete(NOW))
    assert reason(verifier.verify(token)) is None
    events.put((TOLD % NOW)[:20])  # in two pieces, as the network may have it
    events.put((TOLD % NOW)[20:])
    until(lambda: reason(verifier.verify(token)) is Reason.SUPERSEDED)
    assert issuer.count(LIST_PATH) == 1
    # A cache on the way serves a list from before, unchanged and then signed anew.
    clock.forward(160)
    verifier.verify(token)
    issuer.wait_for(LIST_PATH, 2)
    issuer.publish(iat_s=NOW + 240)
    clock.forward(160)
    verifier.verify(token)
    issuer.wait_for(LIST_PATH, 3)
    until(lambda: reason(verifier.verify(token)) is not Reason.STATUS_UNAVAILABLE)
    assert reason(verifier.verify(token)) is Reason.SUPERSEDED


def test_only_a_signed_list_makes_a_no_last(
    issuer: Issuer, verifier: Verifier, clock: Clock, events: SimpleQueue[bytes | None]
) -> None:
    """Whoever forges the stream can deny for a while, and grant never."""
    token = issuer.token(exp=NOW + 80_000)
    events.put(complete(NOW))
    verifier.verify(token)
    events.put(TOLD % NOW)
    until(lambda: reason(verifier.verify(token)) is Reason.SUPERSEDED)
    clock.forward(following.KEPT_S + 1)
    issuer.publish(iat_s=int(clock.now_s))
    until(lambda: reason(verifier.verify(token)) is None)
    clock.forward(301)
    issuer.publish(4_242, iat_s=int(clock.now_s))
    assert reason(verifier.verify(token)) is Reason.SUPERSEDED


def test_lists_older_than_a_gap_are_fetched_again_and_others_are_not(
    issuer: Issuer, verifier: Verifier, events: SimpleQueue[bytes | None]
) -> None:
    token = issuer.token()
    events.put(complete(NOW))
    verifier.verify(token)
    events.put(b"id: %d\n\n" % (NOW + 5))
    events.put(None)
    events.put(complete(NOW + 5))  # goes on where it was left: nothing is missing
    issuer.wait_for(STREAM_PATH, 2)
    assert issuer.last_event_ids == [None, str(NOW + 5)]
    events.put(b"id: %d\n\n" % (NOW + 6))
    issuer.publish(4_242, iat_s=NOW + 8)
    assert issuer.count(LIST_PATH) == 1
    events.put(complete(NOW + 8))
    issuer.wait_for(LIST_PATH, 2)
    until(lambda: reason(verifier.verify(token)) is Reason.SUPERSEDED)


@pytest.mark.parametrize(
    "told",
    [
        b"event: revoked\ndata: nonsense\n\n",
        b'event: revoked\ndata: {"1":[131072]}\n\n',
        b'event: revoked\ndata: {"1":["4242"]}\n\n',
        b'event: complete\ndata: {"since":-1}\n\n',
        None,
    ],
)
def test_where_the_stream_breaks_everything_is_as_without(
    issuer: Issuer,
    verifier: Verifier,
    clock: Clock,
    events: SimpleQueue[bytes | None],
    told: bytes | None,
) -> None:
    token = issuer.token()
    events.put(told)
    events.put(None)
    assert reason(verifier.verify(token)) is None
    issuer.wait_for(STREAM_PATH, 2)  # it comes back
    assert reason(verifier.verify(token)) is None
    issuer.status = 503
    clock.forward(299)
    assert reason(verifier.verify(token)) is None
    clock.forward(1)
    assert reason(verifier.verify(token)) is Reason.STATUS_UNAVAILABLE


def test_an_issuer_without_a_stream_is_polled(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    token = issuer.token()
    assert reason(verifier.verify(token)) is None
    issuer.wait_for(STREAM_PATH, 2)
    issuer.publish(4_242, iat_s=NOW + 5)
    clock.forward(300)
    assert reason(verifier.verify(token)) is Reason.SUPERSEDED


async def test_the_asynchronous_one_follows_too(
    issuer: Issuer, clock: Clock, events: SimpleQueue[bytes | None]
) -> None:
    token = issuer.token()
    events.put(complete(NOW))
    async with AsyncVerifier(
        issuer=issuer.url,
        audience=AUDIENCE,
        stream=True,
        transport=httpx2.AsyncHTTPTransport(),
        now=clock,
    ) as verifier:
        assert reason(await verifier.verify(token)) is None
        events.put(TOLD % NOW)
        end_s = time.monotonic() + 120
        while reason(await verifier.verify(token)) is None:
            assert time.monotonic() < end_s
        assert reason(await verifier.verify(token)) is Reason.SUPERSEDED
