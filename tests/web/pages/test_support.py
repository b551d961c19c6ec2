"""Support finds a person by that person's own code alone, and the person sees who looked."""

import json
import re
from collections.abc import Generator
from contextlib import contextmanager

import httpx2
import pytest
from playwright.sync_api import Browser
from tests.web.hub import Hub, forget
from tests.web.pages.centre import PATH, Person, told
from tests.web.pages.test_administration import WORDS, acts_of, hub, sign_in, staff, visitor
from tests.web.pages.test_preferences_in_browser import browser, faults_of, visiting
from tests.web.pages.test_preferences_lists import ENGLISH
from tests.web.staff_issuer import StaffIssuer
from tests.web.test_events import opened_by_owner

from consentid.core.decision import SubjectId
from consentid.flows.restrict_subject import OPERATOR, Asked, Reason, restrict_subject
from consentid.settings.staff import Role

__all__ = ["browser", "hub", "staff"]
MAKING = f"{PATH}/support"
LOOKING = "/operations/support"
NOT_GOOD = "This code shows nobody"


@pytest.fixture(autouse=True)
def afresh(valkey_url: str) -> None:
    """Guesses of other tests are not these."""
    forget(valkey_url, "limit:*")


@contextmanager
def customer(hub: Hub) -> Generator[Person]:
    """Somebody with a yes, a no, and a page open."""
    with httpx2.Client(base_url=hub.url, headers=ENGLISH) as http:
        person = Person.arrive(hub, http)
        person.answer("granted", "content")
        person.answer("refused", "ads.personalised")
        yield person


@contextmanager
def agent(hub: Hub, staff: StaffIssuer, *words: str) -> Generator[Person]:
    with visitor(hub) as person:
        sign_in(person, staff, *(words or ("desk",)), name="Grace Hopper", sub="grace")
        person.look(LOOKING)
        yield person


def make_code(person: Person) -> str:
    person.look(MAKING)
    page = person.send(person.hidden, path=MAKING)
    assert page.status_code == 200, page.text
    assert page.headers["cache-control"] == "no-store"
    found = re.search(r'<p class="code shown">([0-9A-Z]{5}-[0-9A-Z]{5})</p>', page.text)
    assert found is not None, page.text
    return found[1]


def try_code(person: Person, code: str) -> httpx2.Response:
    return person.send({"form_token": person.hidden["form_token"], "code": code}, path=LOOKING)


async def _erase(hub: Hub, subject: SubjectId) -> None:
    opened = opened_by_owner(hub)
    async with opened.context.database.writing() as connection:
        asked = Asked(reason=Reason.OBJECTION, asked_by=OPERATOR)
        await restrict_subject(opened.context, connection, subject, asked)
    await opened.close()


def test_a_code_shows_the_choices_once_and_the_person_sees_who_looked(
    hub: Hub, staff: StaffIssuer
) -> None:
    with customer(hub) as person, agent(hub, staff) as support:
        assert "Show this to support" in told(person.look().text)
        code = make_code(person)
        assert code not in person.look(MAKING).text  # shown once
        kept = hub.rows("SELECT hash::text FROM support_codes")
        assert code.replace("-", "").encode().hex() not in str(kept)
        shown = try_code(support, code.replace("-", " ").lower())
        assert shown.status_code == 200
        assert shown.headers["cache-control"] == "no-store"
        page = told(shown.text)
        for said in (
            "The choices of one browser or device",
            "You said yes for all brands on",
            "You refused this for all brands on",
            "Newest answers",
            "Yes A front page of your own",
        ):
            assert said in page, said
        # Read-only: no button but the field's own and the way out, no way to a decision.
        assert shown.text.count("<button") == 2
        assert "/preferences/" not in shown.text
        ((subject,),) = hub.rows("SELECT subject_id FROM reads WHERE kind = 'support'")
        assert str(subject) not in shown.text
        assert NOT_GOOD in told(try_code(support, code).text)  # used
        seen = told(person.look(f"{PATH}/reads").text)
        assert "Our support looked at your choices, by a code of yours once" in seen
        assert "Grace" not in seen
        french = told(person.look(f"{PATH}/reads?lang=fr").text)
        assert "Notre assistance a regardé vos choix" in french
        *_, act = acts_of(hub)
        assert (act["act"], act["role"]) == ("support/look-up", "staff:support")
        assert re.fullmatch(r"staff-[0-9a-f]{16}", act["by"])
        assert str(subject) not in json.dumps(act)
        # Once more under the person's own key, so that it can be proven whom it was about.
        own = hub.rows(f"SELECT kind FROM entry_bodies WHERE subject_id = '{subject}'")
        assert own == [("export",)]
    log = hub.log.read_text()
    assert code not in log
    assert code.replace("-", "") not in log


def test_old_replaced_and_mistyped_codes_show_nobody(hub: Hub, staff: StaffIssuer) -> None:
    with customer(hub) as person, agent(hub, staff) as support:
        first, second = make_code(person), make_code(person)
        for wrong in (first, "AAAAA-AAAAA", "", second[:-1], second + "0"):
            answer = try_code(support, wrong)
            assert (answer.status_code, NOT_GOOD in told(answer.text)) == (200, True), wrong
        hub.rows("UPDATE support_codes SET expires_at = now()")
        assert NOT_GOOD in told(try_code(support, second).text)
        assert hub.rows("SELECT count(*) FROM reads WHERE kind = 'support' AND times > 1") == [(0,)]


def test_the_code_of_somebody_erased_shows_nobody(hub: Hub, staff: StaffIssuer) -> None:
    with customer(hub) as person, agent(hub, staff) as support:
        code = make_code(person)
        ((subject,),) = hub.rows(
            "SELECT subject_id FROM support_codes ORDER BY created_at DESC LIMIT 1"
        )
        hub.asking.call(_erase, hub, subject)
        assert hub.rows(f"SELECT 1 FROM support_codes WHERE subject_id = '{subject}'") == []
        assert NOT_GOOD in told(try_code(support, code).text)
        assert hub.rows(f"SELECT 1 FROM reads WHERE subject_id = '{subject}'") == []


def test_guesses_are_counted_and_then_nothing_is_looked_at(hub: Hub, staff: StaffIssuer) -> None:
    with customer(hub) as person, agent(hub, staff) as support:
        code = make_code(person)
        for number in range(10):
            assert try_code(support, f"AAAAA-AAAA{number}").status_code == 200
        refused = try_code(support, code)
        assert refused.status_code == 429
        assert "Too many codes were tried" in told(refused.text)
        with agent(hub, staff) as again:  # another session is the same agent
            assert try_code(again, code).status_code == 429
        assert hub.rows("SELECT count(*) FROM support_codes WHERE expires_at > now()") != [(0,)]


@pytest.mark.parametrize("role", list(Role))
def test_support_alone_may_look(hub: Hub, staff: StaffIssuer, role: Role) -> None:
    with customer(hub) as person, agent(hub, staff, WORDS[role]) as other:
        code = make_code(person)
        page = other.look(LOOKING)
        is_support = role is Role.SUPPORT
        assert page.status_code == (200 if is_support else 403)
        if is_support:
            return
        other.look("/operations/catalogues")
        before = len(acts_of(hub))
        assert try_code(other, code).status_code == 403
        assert len(acts_of(hub)) == before
        with agent(hub, staff) as support:
            assert "Newest answers" in told(try_code(support, code).text)  # it is good still


def test_who_is_not_known_has_nothing_to_show_and_forms_of_others_do_nothing(
    hub: Hub, staff: StaffIssuer
) -> None:
    with httpx2.Client(base_url=hub.url, headers=ENGLISH) as http:
        nobody = Person.arrive(hub, http)
        token = nobody.hidden["form_token"]
        assert "There is nothing to show" in told(nobody.look(MAKING).text)
        assert nobody.send({"form_token": token}, path=MAKING).status_code == 404
    with customer(hub) as person, agent(hub, staff) as support:
        person.look(MAKING)
        elsewhere = {"Origin": "https://elsewhere.example"}
        hidden = person.hidden
        assert person.send(hidden, path=MAKING, headers=elsewhere).status_code == 403
        assert person.send({**hidden, "more": "x"}, path=MAKING).status_code == 400
        assert person.send({"form_token": "x"}, path=MAKING).status_code == 403
        code = make_code(person)
        token = support.hidden["form_token"]
        sent = {"form_token": token, "code": code}
        assert support.send(sent, path=LOOKING, headers=elsewhere).status_code == 403
        assert support.send({**sent, "subject": "x"}, path=LOOKING).status_code == 400
        hub.rows("UPDATE staff_sessions SET expires_at = now()")
        assert support.send(sent, path=LOOKING).status_code == 303


@pytest.mark.browser
@pytest.mark.parametrize(("width", "language"), [(390, "fr"), (1280, "en")])
def test_axe_finds_nothing_and_nothing_needs_scrolling_sideways(
    browser: Browser, hub: Hub, staff: StaffIssuer, width: int, language: str
) -> None:
    staff.claims = {"groups": ["desk"], "name": "Grace Hopper", "sub": "grace"}
    with visiting(browser, hub, width, scripts=True, bypass_csp=True) as page:

        def look() -> None:
            assert faults_of(page) == ""
            wide: int = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width

        with page.expect_navigation():
            page.get_by_role("button", name="Accept all").click()
        page.goto(f"{MAKING}?lang={language}")
        look()
        with page.expect_navigation():
            page.locator("button.act").click()
        look()
        code = page.locator("p.code.shown").inner_text()
        page.goto("/operations/sign-in")
        page.wait_for_url("**/operations/catalogues*")
        page.goto(f"{LOOKING}?lang={language}")
        look()
        page.locator("#code").fill(code)
        with page.expect_navigation():
            page.locator("form.enter button").click()
        page.locator("#newest").wait_for()
        look()
