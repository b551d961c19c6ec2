"""How far an answer has come: told to the person, of systems that know them, and of no other."""

import re
import time
from contextlib import ExitStack

import httpx2
import pytest
from tests.flows.readers import NEWS, SHOP, consumer
from tests.web.hub import DEVICE_CREDENTIAL, Hub
from tests.web.pages.centre import PATH, Person, told
from tests.web.pages.test_preferences_lists import ENGLISH
from tests.web.test_events import end_of, opened_by_owner, pump, read

from consentid.flows.register_client import add_client

_CONFIRMED_S = 30
_CLIENTS = {"arrival-news": NEWS, "arrival-shop": SHOP}


async def _register(hub: Hub) -> dict[str, str]:
    opened = opened_by_owner(hub)
    made = {
        client: await add_client(
            opened.context.database, consumer(client, party), randomness=opened.context.randomness
        )
        for client, party in _CLIENTS.items()
    }
    await opened.close()
    return {client: new.secret for client, new in made.items() if new is not None}


@pytest.fixture(scope="module")
def readers(hub: Hub) -> dict[str, dict[str, str]]:
    """The headers of two consumers that have come back once."""
    hub.secrets = {**hub.secrets, **hub.asking.call(_register, hub)}
    pump(hub)
    found = {client: hub.client_token(client) for client in _CLIENTS}
    for headers in found.values():
        read(hub, headers, after=end_of(hub, headers))
    ends_s = time.monotonic() + _CONFIRMED_S
    written = (
        "SELECT DISTINCT stream_no FROM event_marks JOIN event_streams USING (stream_no)"
        " WHERE way = 'feed' AND client_id LIKE 'arrival-%'"
    )
    while len(hub.rows(written)) < len(_CLIENTS):
        assert time.monotonic() < ends_s
    return found


def test_a_withdrawal_says_whom_it_has_reached(
    hub: Hub, readers: dict[str, dict[str, str]]
) -> None:
    with ExitStack() as browsers:
        http = browsers.enter_context(httpx2.Client(base_url=hub.url, headers=ENGLISH))
        person = Person.arrive(hub, http)
        person.answer("granted", "ads.personalised")
        assert hub.exchange(http.cookies["consentid-device"], DEVICE_CREDENTIAL).is_success
        saved = person.press(act="withdraw")
        assert "Where it has arrived" in told(saved.text)
        pump(hub)
        history = told(person.look(f"{PATH}/history").text)
        assert re.search(r"Your withdrawal has reached 0 of [1-9]", history)
        assert "Halcyon News arrival-news not confirmed yet" in history
        crm = readers["arrival-news"]
        read(hub, crm, after=end_of(hub, crm))
        ends_s = time.monotonic() + _CONFIRMED_S
        while "Halcyon News arrival-news has it since" not in history:
            assert time.monotonic() < ends_s
            history = told(person.look(f"{PATH}/history").text)
        assert re.search(r"Your withdrawal has reached [1-9] of [1-9]", history)
        assert "arrival-shop" not in history  # that brand has not met them
        french = told(person.look(f"{PATH}/history?lang=fr").text)
        assert "Votre retrait est parvenu à" in french
        assert "arrival-news" in french
        assert "Your withdrawal has reached" in told(person.look(f"{PATH}?saved=1").text)
