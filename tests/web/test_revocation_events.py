"""``/statuslists/stream`` over HTTP, and a verifier that follows it."""

import contextlib
import time
from collections.abc import Generator, Iterator

import httpx2
import pytest
from tests.telemetry.scraping import address, scrape, value
from tests.web.hub import Hub, fresh_key

from consentid.flows.opening import open_context
from consentid.flows.publish_status_lists import publish_status_lists
from consentid.settings import Settings
from consentid.verify import Active, Inactive, LocalhostTransport, Reason, Verifier

STREAM = "/statuslists/stream"
NEWS = "https://news.halcyon.example"


async def _publish(hub: Hub) -> None:
    url = hub.owner.url.render_as_string(hide_password=False)
    opened = open_context(Settings(database_url=url, keys_dir=hub.log.parent / "keys"))
    await publish_status_lists(opened.context)
    await opened.close()


@contextlib.contextmanager
def listening(hub: Hub, last: str | None = None) -> Generator[Iterator[str]]:
    """The events, one after the other, as they are written."""
    headers = {} if last is None else {"Last-Event-ID": last}
    with httpx2.stream("GET", hub.url + STREAM, headers=headers, timeout=120) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] == "text/event-stream"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cache-control"] == "no-store"
        yield _blocks(answer)


def _blocks(answer: httpx2.Response) -> Iterator[str]:
    rest = ""
    for piece in answer.iter_text():
        rest += piece
        while "\n\n" in rest:
            block, _, rest = rest.partition("\n\n")
            yield block


def listeners(hub: Hub) -> float:
    return value(scrape(address(hub.log)), "stream_listeners")


@pytest.fixture
def nobody_listens(hub: Hub) -> None:
    end_s = time.monotonic() + 120
    while listeners(hub):
        assert time.monotonic() < end_s


@pytest.mark.usefixtures("nobody_listens")
def test_a_verifier_that_follows_knows_right_after_the_publication(hub: Hub) -> None:
    subject = hub.sign_in()
    token = hub.decide(subject)["consent_token"]
    issuer = hub.http.get("/.well-known/openid-configuration").json()["issuer"]
    with (
        Verifier(
            issuer=issuer, audience=NEWS, stream=True, transport=LocalhostTransport()
        ) as follower,
        Verifier(issuer=issuer, audience=NEWS, transport=LocalhostTransport()) as other,
    ):
        assert isinstance(follower.verify(token), Active)
        assert isinstance(other.verify(token), Active)
        end_s = time.monotonic() + 120
        while not listeners(hub):
            assert time.monotonic() < end_s
        body = {"reach": "group", "all": True}
        gone = hub.http.post("/v1/withdrawals", json=body, headers={**subject, **fresh_key()})
        assert gone.status_code == 201
        assert isinstance(follower.verify(token), Active)  # no list shows it yet
        hub.asking.call(_publish, hub)
        while follower.verify(token) != Inactive(Reason.SUPERSEDED):
            assert time.monotonic() < end_s
        assert isinstance(other.verify(token), Active)  # who polls learns of it later


@pytest.mark.usefixtures("nobody_listens")
def test_events_go_on_where_another_connection_ended(hub: Hub) -> None:
    def narrow() -> None:
        subject = hub.sign_in()
        hub.decide(subject)
        body = {"reach": "group", "all": True}
        headers = {**subject, **fresh_key()}
        assert hub.http.post("/v1/withdrawals", json=body, headers=headers).status_code == 201
        hub.asking.call(_publish, hub)

    with listening(hub) as events:
        assert next(events) == "retry: 5000"
        first = next(events)
        assert first.startswith('event: complete\ndata: {"since":')
        narrow()
        told = next(each for each in events if "event: revoked" in each)
    last = told.split("\n")[0].removeprefix("id: ")
    # A process that has only just begun knows of nothing before that.
    since = first.partition('"since":')[2].rstrip("}")
    last = str(max(int(last), int(since)))
    narrow()
    with listening(hub, last) as events:
        assert next(events) == "retry: 5000"
        assert next(events) == f'event: complete\ndata: {{"since":{last}}}'
        later = next(each for each in events if "event: revoked" in each and each != told)
    assert later.startswith("id: ")


@pytest.mark.usefixtures("nobody_listens")
def test_one_listener_too_many_is_told_to_poll(hub: Hub) -> None:
    with contextlib.ExitStack() as stack:
        # Kept: whoever lets go of the events hangs up.
        every = [stack.enter_context(listening(hub)) for _ in range(4)]
        assert [next(events) for events in every] == ["retry: 5000"] * 4
        refused = hub.http.get(STREAM)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "30"
        assert refused.json()["code"] == "stream_full"


def test_a_preflight_lets_any_page_name_the_last_event(hub: Hub) -> None:
    asked = {
        "Origin": "https://anybody.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "last-event-id",
    }
    answer = hub.http.options(STREAM, headers=asked)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Last-Event-ID" in answer.headers["access-control-allow-headers"]
