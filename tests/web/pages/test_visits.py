"""A brand's page sends its device's person to the preference centre, and nobody else."""

from collections.abc import Iterator

import httpx2
import pytest
from tests.web.hub import NEWS_ORIGIN, Hub, forget
from tests.web.pages.centre import Person, told
from tests.web.pages.visits import origin_of
from tests.web.test_hand_offs import SHOP_ORIGIN, Page

VISIT = "/preferences/visit"
COOKIE = "consentid-visit"
UNKNOWN = "These pages know of no choice made in this browser."


@pytest.fixture(autouse=True)
def counts_are_forgotten(valkey_url: str) -> None:
    forget(valkey_url, "limit:*")


@pytest.fixture
def news(hub: Hub) -> Page:
    """The news page of a person who answered in it."""
    page = Page(hub=hub, brand="news").begin()
    page.decide()
    return page


@pytest.fixture
def person(hub: Hub) -> Iterator[Person]:
    with httpx2.Client(base_url=hub.url) as http:
        yield Person.arrive(hub, http)


def come(person: Person, code: str, *, referrer: str = NEWS_ORIGIN) -> str:
    """Pass through with a code, as the landing page's script does; what is shown then."""
    person.look(f"{VISIT}?client_id=news-spa")
    fields = {**person.hidden, "code": code, "referrer": referrer}
    answer = person.send(fields, path=f"{VISIT}?client_id=news-spa")
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == "/preferences?client_id=news-spa"
    return told(person.look(answer.headers["location"]).text)


def test_a_device_that_answered_in_a_page_finds_its_choices_and_changes_them(
    hub: Hub, news: Page, person: Person
) -> None:
    assert UNKNOWN in told(person.page.text)
    assert UNKNOWN not in come(person, news.code(origin_of(hub)))
    person.answer("refused", "ads.personalised")
    assert news.states()["ads.personalised"] == "withdrawn"
    assert "Halcyon News" in told(person.look("/preferences/history").text)
    # No cookie says so to the pages that answer brands.
    assert {each.name for each in person.http.cookies.jar} == {"consentid-browser", COOKIE}


def test_a_visit_is_good_in_its_own_browser_alone(hub: Hub, news: Page, person: Person) -> None:
    come(person, news.code(origin_of(hub)))
    with httpx2.Client(base_url=hub.url) as http:
        http.cookies.set(COOKIE, person.http.cookies[COOKIE])
        assert UNKNOWN in told(Person.arrive(hub, http).page.text)


def test_a_code_is_good_once_and_from_its_own_page(hub: Hub, news: Page, person: Person) -> None:
    stray = news.code(origin_of(hub))
    assert UNKNOWN in come(person, stray, referrer=SHOP_ORIGIN)
    assert UNKNOWN in come(person, stray)  # used up where it did not belong
    assert UNKNOWN in come(person, news.code(SHOP_ORIGIN))
    assert UNKNOWN in come(person, "x" * 4_000)
    assert UNKNOWN in come(person, "")
    good = news.code(origin_of(hub))
    assert UNKNOWN not in come(person, good)
    assert UNKNOWN in come(person, good)
    assert COOKIE not in person.http.cookies  # who came last without a good one visits nobody


def test_a_code_for_the_hub_opens_nothing_at_a_brand(hub: Hub, news: Page) -> None:
    shop = Page(hub=hub, brand="shop")
    refused = shop.redeem(news.code(origin_of(hub)), referrer=NEWS_ORIGIN)
    assert refused.json()["error"] == "invalid_grant"


def test_another_site_sends_nobody_on_a_visit(hub: Hub, news: Page, person: Person) -> None:
    person.look(VISIT)
    fields = {**person.hidden, "code": news.code(origin_of(hub)), "referrer": NEWS_ORIGIN}
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert person.send(fields, path=VISIT, headers=foreign).status_code == 403
    assert person.send({**fields, "form_token": "x"}, path=VISIT).status_code == 403
    assert COOKIE not in person.http.cookies


def test_the_page_in_between_runs_our_script_and_the_others_none(person: Person) -> None:
    policy = person.look(VISIT).headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "script-src" not in person.look("/preferences").headers["content-security-policy"]
