"""``/operations``: who is let in, what is shown, and what its buttons do."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser
from tests.flows.readers import NEWS, consumer
from tests.web.hub import Hub
from tests.web.pages.centre import Person, told
from tests.web.pages.test_preferences_in_browser import browser, faults_of, visiting
from tests.web.pages.test_preferences_lists import ENGLISH
from tests.web.pages.visits import origin_of
from tests.web.test_events import opened_by_owner

from consentid.events.filters import Filters
from consentid.flows.let_in import make_code
from consentid.flows.manage_webhooks import Office, add_webhook
from consentid.flows.register_client import add_client
from consentid.flows.stage_act import noting_of
from consentid.settings import COMMAND_LINE

__all__ = ["browser"]
PATH = "/operations"
CLIENT = "operations-crm"
NOBODY = "http://127.0.0.1:1/consent"
EVENT = "given-up-event"
HOUR_AGO = "now() - interval '1 hour'"


async def _prepare(hub: Hub, client: str) -> int:
    """An endpoint where nobody listens, of a client of its own."""
    opened = opened_by_owner(hub)
    context = opened.context
    await add_client(context.database, consumer(client, NEWS), randomness=context.randomness)
    office = Office(
        database=context.database, master=context.keyring.master, randomness=context.randomness
    )
    added = await add_webhook(
        office, client_id=client, url=NOBODY, filters=Filters(), allows_http=True
    )
    await opened.close()
    return added.no


async def _code(hub: Hub) -> str:
    opened = opened_by_owner(hub)
    noted = noting_of(opened.context, COMMAND_LINE)
    made = await make_code(opened.context.database, noted)
    await opened.close()
    return made.code


def new_code(hub: Hub) -> str:
    """What ``consentid operations let-in`` prints."""
    return hub.asking.call(_code, hub)


def prepared_endpoint(hub: Hub, client: str = CLIENT, event: str = EVENT) -> int:
    """The endpoint, and one event that was given up for it."""
    number: int = hub.asking.call(_prepare, hub, client)
    stream = f"(SELECT stream_no FROM event_streams WHERE client_id = '{client}')"
    hub.rows(
        "INSERT INTO events (stream_no, seq, id, kind, lane, sealed, at, narrows)"
        f" VALUES ({stream}, 1, '{event}', 'consent', 0, 'sealed', {HOUR_AGO}, true)"
    )
    hub.rows(f"UPDATE event_streams SET head = 1 WHERE client_id = '{client}'")
    hub.rows(
        "INSERT INTO webhook_deliveries (endpoint_no, stream_no, seq, id, lane, state, attempts,"
        f" queued_at, due_at) VALUES ({number}, {stream}, 1, '{event}', 0, 'dead', 10, now(),"
        " now())"
    )
    return number


@pytest.fixture(scope="module")
def registered(hub: Hub) -> int:
    return prepared_endpoint(hub)


@pytest.fixture
def endpoint(hub: Hub, registered: int) -> int:
    """An endpoint for which one event was given up, a withdrawal of an hour ago."""
    hub.rows(
        "UPDATE webhook_deliveries SET state = 'dead', attempts = 10, outcome = '503',"
        f" queued_at = {HOUR_AGO} WHERE id = '{EVENT}'"
    )
    hub.rows(
        "UPDATE webhook_endpoints SET queued_seq = 1, disabled_at = now(),"
        f" disabled_why = 'failing' WHERE endpoint_no = {registered}"
    )
    return registered


@contextmanager
def operator(hub: Hub) -> Generator[Person]:
    """A browser that has opened the page, and is let in by nobody yet."""
    with httpx2.Client(base_url=hub.url, headers=ENGLISH) as http:
        yield Person(http=http, origin=origin_of(hub), page=http.get(PATH))


def let_in(hub: Hub, person: Person) -> None:
    answer = person.send({**person.hidden, "code": new_code(hub)}, path=f"{PATH}/sign-in")
    assert (answer.status_code, answer.headers["location"]) == (303, PATH)
    person.look(PATH)


def state_of_event(hub: Hub, event: str = EVENT) -> str:
    ((state,),) = hub.rows(f"SELECT state FROM webhook_deliveries WHERE id = '{event}'")
    return state


def act(person: Person, button: str) -> str:
    """Press a button; the page as it is then."""
    return press(person, person.hidden["form_token"], button)


def press(person: Person, token: str, button: str) -> str:
    answer = person.send({"form_token": token, "act": button}, path=PATH)
    assert answer.status_code == 303, answer.text
    return told(person.look(answer.headers["location"]).text)


def test_a_code_opens_the_page_once_and_signing_out_closes_it(hub: Hub, endpoint: int) -> None:
    with operator(hub) as person:
        assert f"webhook:{endpoint}" not in person.page.text
        code = new_code(hub)
        wrong = person.send({**person.hidden, "code": "A" * 20}, path=f"{PATH}/sign-in")
        assert "This code does not open the page" in told(wrong.text)
        mistyped = code.replace("-", " ").lower()
        person.look(PATH)
        opened = person.send({**person.hidden, "code": mistyped}, path=f"{PATH}/sign-in")
        cookie = next(
            each
            for each in opened.headers.get_list("set-cookie")
            if each.startswith("consentid-operator")
        )
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Max-Age=3600" in cookie
        assert code not in str(opened.headers)
        page = person.look(PATH)
        assert page.headers["cache-control"] == "no-store"
        assert "script-src" not in page.headers["content-security-policy"]
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert f"webhook:{endpoint}" in page.text
        ((kept,),) = hub.rows("SELECT string_agg(hash::text, '') FROM operator_sessions")
        assert person.http.cookies["consentid-operator"].encode().hex() not in kept
        with operator(hub) as other:
            again = other.send({**other.hidden, "code": code}, path=f"{PATH}/sign-in")
            assert "This code does not open the page" in told(again.text)
        person.send({"form_token": person.hidden["form_token"]}, path=f"{PATH}/sign-out")
        assert f"webhook:{endpoint}" not in person.look(PATH).text


def test_old_codes_and_sessions_open_nothing(hub: Hub, endpoint: int) -> None:
    with operator(hub) as person:
        code = new_code(hub)
        hub.rows("UPDATE operator_codes SET expires_at = now()")
        late = person.send({**person.hidden, "code": code}, path=f"{PATH}/sign-in")
        assert "This code does not open the page" in told(late.text)
        person.look(PATH)
        let_in(hub, person)
        token = person.hidden["form_token"]
        hub.rows("UPDATE operator_sessions SET expires_at = now()")
        assert f"webhook:{endpoint}" not in person.look(PATH).text
        assert "The hour is over" in press(person, token, f"redrive {endpoint}")
        assert state_of_event(hub) == "dead"


def test_the_page_says_what_is_wrong_and_its_buttons_mend_it(hub: Hub, endpoint: int) -> None:
    with operator(hub) as person:
        let_in(hub, person)
        page = told(person.page.text)
        for said in (
            "1 withdrawal is not confirmed in time.",
            "disabled: it failed for three days",
            f"Halcyon News · {CLIENT}",
            f"Event 1 {EVENT}",
            "10 attempts · 503",
        ):
            assert said in page, said
        assert "/consent" not in page  # of the address the host alone
        french = told(person.look(f"{PATH}?lang=fr").text)
        assert "1 retrait n’est pas confirmé à temps." in french  # noqa: RUF001 - French
        person.look(PATH)
        assert "no answer came" in act(person, f"test {endpoint}")
        assert "once the system is enabled" in act(person, f"redrive {endpoint}")
        assert f"webhook:{endpoint} It is sent to again" in act(person, f"enable {endpoint}")
        assert "is tried again now" in act(person, f"redrive {endpoint}")
        assert state_of_event(hub) == "pending"
        assert "the oldest for" in told(person.page.text)
    assert re.search(r"an operator asks to redrive endpoint \d", hub.log.read_text())


def test_a_form_from_elsewhere_does_nothing(hub: Hub, endpoint: int) -> None:
    with operator(hub) as person:
        let_in(hub, person)
        token = person.hidden["form_token"]
        cases: tuple[tuple[dict[str, str], dict[str, str] | None, int], ...] = (
            ({"act": f"redrive {endpoint}"}, None, 403),
            ({"form_token": "x", "act": f"redrive {endpoint}"}, None, 403),
            (
                {"form_token": token, "act": f"redrive {endpoint}"},
                {"Origin": "https://elsewhere.example"},
                403,
            ),
            ({"form_token": token, "act": "remove 1"}, None, 400),
            ({"form_token": token, "act": "redrive one"}, None, 400),
            ({"form_token": token, "act": f"redrive {endpoint}", "more": "x"}, None, 400),
            ({"form_token": token, "act": "redrive 999999"}, None, 404),
        )
        for fields, headers, status in cases:
            found: Any = person.send(fields, path=PATH, headers=headers)
            assert found.status_code == status, (fields, found.status_code)


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_and_nothing_needs_scrolling_sideways(
    browser: Browser, hub: Hub, endpoint: int, width: int
) -> None:
    with visiting(browser, hub, width, scripts=True, bypass_csp=True) as page:
        page.goto(PATH)
        assert faults_of(page) == ""
        page.get_by_label("Code").fill(new_code(hub))
        with page.expect_navigation():
            page.get_by_role("button", name="Open").click()
        page.locator("article", has_text=f"webhook:{endpoint}").locator("summary").click()
        assert faults_of(page) == ""
        wide: int = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
