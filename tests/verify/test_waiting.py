"""A network that is slow, gone or hostile: the answer is no, and soon; or yes from what is kept."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator

import pytest
from tests.tokens.making import AUDIENCE, NOW
from tests.verify.conftest import Clock, Issuer

from consentid.verify import Active, AsyncVerifier, Inactive, Reason, Verifier

LIST_PATH = "/statuslists/1"
SOON_S = 2.0
LATE_S = 60.0
"""Of a limit of two seconds, told from a wait for ever; not how long two seconds take."""


@pytest.fixture
def hold(issuer: Issuer) -> Iterator[threading.Event]:
    """From here on the issuer takes requests and answers none."""
    issuer.hold = threading.Event()
    yield issuer.hold
    issuer.hold.set()


@pytest.fixture
def verifier(issuer: Issuer, clock: Clock) -> Iterator[Verifier]:
    with Verifier(issuer=issuer.url, audience=AUDIENCE, timeout_s=SOON_S, now=clock) as one:
        yield one


@pytest.fixture
def patient(issuer: Issuer, clock: Clock) -> Iterator[Verifier]:
    with Verifier(issuer=issuer.url, audience=AUDIENCE, timeout_s=LATE_S, now=clock) as one:
        yield one


def test_a_silent_issuer_is_a_no_within_the_time_limit(
    issuer: Issuer, verifier: Verifier, hold: threading.Event
) -> None:
    assert not hold.is_set()
    begun = time.monotonic()
    assert verifier.verify(issuer.token()) == Inactive(Reason.KEYS_UNAVAILABLE)
    assert time.monotonic() - begun < LATE_S
    begun = time.monotonic()
    for _ in range(100):
        assert verifier.verify(issuer.token()) == Inactive(Reason.KEYS_UNAVAILABLE)
    assert time.monotonic() - begun < LATE_S


def test_many_callers_wait_together_and_not_one_after_the_other(
    issuer: Issuer, verifier: Verifier, hold: threading.Event
) -> None:
    assert not hold.is_set()
    token, found = issuer.token(), list[Active | Inactive]()
    begun = time.monotonic()
    threads = [
        threading.Thread(target=lambda: found.append(verifier.verify(token))) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - begun < SOON_S * len(threads) - 5
    assert found == [Inactive(Reason.KEYS_UNAVAILABLE)] * 20


def test_nobody_waits_while_what_is_kept_may_be_used(
    issuer: Issuer, patient: Verifier, clock: Clock
) -> None:
    assert isinstance(patient.verify(issuer.token()), Active)
    issuer.hold = threading.Event()
    clock.forward(200)
    begun = time.monotonic()
    for _ in range(200):
        assert isinstance(patient.verify(issuer.token()), Active)
    assert time.monotonic() - begun < LATE_S
    issuer.hold.set()


def test_what_grows_old_is_fetched_behind_the_callers_back(
    issuer: Issuer, patient: Verifier, clock: Clock
) -> None:
    token = issuer.token()
    assert isinstance(patient.verify(token), Active)
    clock.forward(200)
    issuer.publish(4_242, iat_s=NOW + 199)
    assert isinstance(patient.verify(token), Active)  # what is kept, and a fetch begins
    issuer.wait_for(LIST_PATH, 2)
    deadline = time.monotonic() + 120
    while patient.verify(token) != Inactive(Reason.SUPERSEDED):
        assert time.monotonic() < deadline


def test_freshness_ends_at_a_different_moment_for_each(issuer: Issuer, clock: Clock) -> None:
    ends: set[float] = set()
    for _ in range(5):
        with Verifier(issuer=issuer.url, audience=AUDIENCE, now=clock) as one:
            one.verify(issuer.token())
            document = one._publication.list_at(issuer.list_uri)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - when it asks again shows nowhere else
            assert document.kept is not None
            ends.add(document.kept.fresh_until_s)
            assert NOW + 119 <= document.kept.fresh_until_s <= NOW + 150
    assert len(ends) > 1


def test_a_header_that_drips_for_ever_ends_at_the_limit() -> None:
    """Each byte comes in time; the answer as a whole does not."""

    async def run() -> float:
        served = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nX: ")
            hung_up = asyncio.create_task(reader.read())
            while not (await asyncio.wait([hung_up], timeout=0.05))[0]:
                writer.write(b"x")
            writer.close()
            await asyncio.wait([asyncio.create_task(writer.wait_closed())])
            served.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, AsyncVerifier(issuer=url, audience=AUDIENCE, timeout_s=SOON_S) as one:
            begun = time.monotonic()
            assert await one.verify("x") == Inactive(Reason.KEYS_UNAVAILABLE)
            taken_s = time.monotonic() - begun
            await served.wait()
            return taken_s

    assert asyncio.run(run()) < LATE_S


async def test_the_loop_is_not_blocked_while_an_issuer_is_silent(
    issuer: Issuer, hold: threading.Event
) -> None:
    assert not hold.is_set()
    async with AsyncVerifier(issuer=issuer.url, audience=AUDIENCE, timeout_s=SOON_S) as one:
        waiting = asyncio.gather(*(one.verify(issuer.token()) for _ in range(20)))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()
        assert await waiting == [Inactive(Reason.KEYS_UNAVAILABLE)] * 20


async def test_a_caller_that_gives_up_leaves_the_others_waiting(
    issuer: Issuer, clock: Clock, hold: threading.Event
) -> None:
    async with AsyncVerifier(issuer=issuer.url, audience=AUDIENCE, now=clock) as one:
        first = asyncio.create_task(one.verify(issuer.token()))
        second = asyncio.create_task(one.verify(issuer.token()))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        hold.set()
        assert isinstance(await second, Active)


async def test_asynchronous_answers_are_the_same(issuer: Issuer, clock: Clock) -> None:
    async with AsyncVerifier(issuer=issuer.url, audience=AUDIENCE, now=clock) as one:
        assert isinstance(await one.verify(issuer.token()), Active)
        assert await one.allows(issuer.token(), "audience")
        assert not await one.allows(issuer.token(), "ads.personalised")
        assert await one.verify(issuer.token(aud="https://x.example")) == Inactive(
            Reason.WRONG_AUDIENCE
        )


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_fetches_for_itself(issuer: Issuer, patient: Verifier, clock: Clock) -> None:
    assert isinstance(patient.verify(issuer.token()), Active)
    clock.forward(400)
    issuer.publish(iat_s=NOW + 400)
    child = os.fork()
    if not child:
        is_active = isinstance(patient.verify(issuer.token()), Active)
        os._exit(0 if is_active else 1)
    assert os.waitpid(child, 0)[1] == 0
