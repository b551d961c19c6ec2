"""The preference centre over HTTP: what it tells, what it takes, and what it refuses."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeAlias
from urllib.parse import urlencode

import httpx2
import pytest
from tests.web.hub import Hub
from tests.web.pages.centre import PATH, Person, told

Arrive: TypeAlias = Callable[..., Person]
ENGLISH = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "en"}


@pytest.fixture
def arrive(hub: Hub) -> Iterator[Arrive]:
    with ExitStack() as browsers:

        def begin(query: str = "", **headers: str) -> Person:
            http = browsers.enter_context(httpx2.Client(base_url=hub.url, headers=ENGLISH))
            return Person.arrive(hub, http, query, **headers)

        yield begin


def _hash(credential: str) -> str:
    return hashlib.sha256(credential.encode()).hexdigest()


def today() -> str:
    now = time.gmtime()
    return f"{now.tm_mday} " + time.strftime("%B %Y", now)


def test_somebody_unknown_is_told_that_nothing_is_done_and_can_answer(
    hub: Hub, arrive: Arrive
) -> None:
    before = hub.counts()
    person = arrive()
    page = told(person.page.text)
    assert "These pages know of no choice made in this browser." in page
    assert "You have not answered." in person.card("p-ads-personalised")
    assert "Take back every consent" not in page
    assert 'aria-pressed="true"' not in person.page.text  # nothing is chosen for anybody
    assert hub.counts() == before  # looking records nothing


def test_a_yes_for_the_group_counts_at_the_brands_that_the_notice_names(arrive: Arrive) -> None:
    person = arrive()
    page = person.answer("granted", "ads.personalised")
    assert "Saved. Your answer counts from now on." in told(page.text)
    card = person.card("p-ads-personalised")
    assert f"You said yes for all brands on {today()}." in card
    assert "Halcyon News Yes" in card
    assert "Halcyon Market Yes" in card
    assert "Reach Media" not in card
    assert "You have not answered." in person.card("p-content")


def test_a_no_at_one_brand_stands_beside_the_yes_and_says_why(arrive: Arrive) -> None:
    person = arrive()
    person.answer("refused", "ads.personalised", "brand/shop")
    person.answer("granted", "ads.personalised")
    card = person.card("p-ads-personalised")
    assert f"Halcyon Market: You refused this at Halcyon Market on {today()}." in card
    assert "Halcyon Market No" in card
    assert "Halcyon News Yes" in card
    person.answer("granted", "ads.personalised", "brand/shop")
    assert "Halcyon Market Yes" in person.card("p-ads-personalised")


def test_a_brand_that_asks_for_its_own_consent_says_so(arrive: Arrive) -> None:
    person = arrive()
    person.answer("granted", "tv")
    assert "Halcyon Play asks for its own consent" in person.card("p-tv")
    person.answer("granted", "tv", "brand/play")
    assert "Halcyon Play Yes" in person.card("p-tv")


def test_what_only_adults_are_offered_says_so(arrive: Arrive) -> None:
    person = arrive()
    person.answer("granted", "ads.partners")
    card = person.card("p-ads-partners")
    assert "Halcyon Play: For adults only, and we have no word that you are one." in card


def test_a_no_to_a_purpose_is_a_no_to_its_parts_and_says_so(arrive: Arrive) -> None:
    person = arrive()
    person.press(act="accept")
    person.answer("refused", "ads")
    assert "You took your yes back on" in person.card("p-ads")
    assert "You refused “Advertising”, which this is part of" in person.card("p-ads-personalised")
    assert "You said yes for all brands" in person.card("p-content")


def test_everything_is_taken_back_by_one_button(arrive: Arrive) -> None:
    person = arrive()
    person.press(act="accept")
    assert "Take back every consent" in told(person.page.text)
    page = person.press(act="withdraw")
    assert "Take back every consent" not in told(page.text)
    for anchor in ("p-ads", "p-content", "p-contact-email"):
        assert f"You took back everything on {today()}." in person.card(anchor)


def test_an_objection_is_made_and_taken_back(arrive: Arrive) -> None:
    person = arrive()
    assert "Goes on unless you object." in person.card("p-audience")
    person.answer("refused", "audience")
    assert "You refused this for all brands" in person.card("p-audience")
    person.answer("granted", "audience")
    assert "Goes on unless you object." in person.card("p-audience")


def test_a_partner_is_answered_for_itself_alone(arrive: Arrive) -> None:
    person = arrive()
    person.answer("granted", "ads.measurement", "partner/reach")
    card = person.card("p-ads-measurement")
    assert f"Reach Media: You said yes at Reach Media on {today()}." in card
    assert "Halcyon News No" in card


def test_a_signal_is_told_as_honoured_and_a_yes_after_being_told_counts(arrive: Arrive) -> None:
    gpc = {"Sec-GPC": "1"}
    person = arrive(**gpc)
    assert "Your browser says no, and we honour it" in told(person.page.text)
    answer = person.http.post(
        PATH,
        data={**person.hidden, "answer": "granted group content"},
        headers={"Origin": person.origin, "Sec-Fetch-Site": "same-origin", **gpc},
    )
    assert answer.status_code == 303
    person.look(**gpc)
    assert "signal says no, since" in person.card("p-ads-personalised")
    person.answer("granted", "ads.personalised")
    assert "You said yes for all brands" in person.card("p-ads-personalised")
    person.look()
    assert "signal says no, since" in person.card("p-ads-partners")


def test_a_decision_is_recorded_as_the_persons_own_under_the_notice_shown(
    hub: Hub, arrive: Arrive
) -> None:
    arrive().answer("granted", "content")
    ((client, assurance, channel, notice, language, shown_by, event, layout),) = hub.rows(
        "SELECT d.client_id, d.assurance, d.channel, n.notice_id, n.language, n.client_id, "
        "e.event, length(e.layout) FROM decisions d JOIN served_notices n ON n.id = d.served "
        "JOIN served_events e ON e.served = n.id ORDER BY d.recorded_at DESC LIMIT 1"
    )
    assert (client, assurance, channel) == ("consentid:hub", "self", "web")
    assert (notice, language, shown_by) == ("news", "en", "consentid:hub")
    assert (event, layout) == ("shown", 32)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://news.localhost:7600"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_site_is_refused(
    hub: Hub, arrive: Arrive, headers: dict[str, str]
) -> None:
    person = arrive()
    before = hub.counts()
    for path in (PATH, f"{PATH}/sign-out"):
        answer = person.send({**person.hidden, "act": "accept"}, path=path, headers=headers)
        assert answer.status_code == 403
        assert "This form was not sent from our page" in answer.text
    assert hub.counts() == before


def test_a_form_of_another_browser_is_refused(arrive: Arrive) -> None:
    mine, theirs = arrive(), arrive()
    assert mine.send({**theirs.hidden, "act": "accept"}).status_code == 403
    planted = {**mine.hidden, "page": theirs.hidden["page"], "act": "accept"}
    assert mine.send(planted).status_code == 400
    without = {name: text for name, text in mine.hidden.items() if name != "form_token"}
    assert mine.send({**without, "act": "accept"}).status_code == 403


def test_a_first_answer_that_is_sent_twice_makes_one_device(hub: Hub, arrive: Arrive) -> None:
    """The second click is sent before the first one's cookie is back."""
    person = arrive()
    sent = {**person.hidden, "answer": "refused group ads.personalised"}
    before = hub.counts()["devices"]
    first = person.send(sent)
    made = person.http.cookies.get("consentid-device")
    person.http.cookies.delete("consentid-device")
    second = person.send(sent)
    assert first.status_code == second.status_code == 303
    assert made
    assert person.http.cookies.get("consentid-device") == made
    assert hub.counts()["devices"] - before == 1
    hub.rows(
        f"UPDATE devices SET expires_at = created_at WHERE credential_hash = '\\x{_hash(made)}'"
    )
    person.http.cookies.delete("consentid-device")
    assert person.send(sent).status_code == 303  # forgotten since: it is not that one again
    assert person.http.cookies.get("consentid-device") != made


def test_a_form_made_before_somebody_was_known_is_stale(hub: Hub, arrive: Arrive) -> None:
    person = arrive()
    old = {**person.hidden, "answer": "granted group ads"}
    person.answer("refused", "ads")
    before = hub.counts()
    answer = person.send(old)
    assert answer.status_code == 409
    assert "Something changed in the meantime" in answer.text
    assert f'href="{PATH}"' in answer.text
    assert hub.counts() == before


@pytest.mark.parametrize(
    "button",
    [
        {},
        {"act": "accept", "answer": "granted group ads"},
        {"act": "everything"},
        {"answer": "granted group"},
        {"answer": "granted group nothing"},
        {"answer": "granted group location"},
        {"answer": "granted brand/news location"},
        {"answer": "granted brand/nobody ads"},
        {"answer": "granted planet/news ads"},
        {"answer": "granted partner/reach content"},
        {"answer": "granted group *"},
        {"answer": "granted group billing"},
        {"answer": "granted group ads", "more": "x"},
        {"act": "withdraw"},
    ],
)
def test_what_no_button_says_is_refused_and_records_nothing(
    hub: Hub, arrive: Arrive, button: dict[str, str]
) -> None:
    person = arrive()
    before = hub.counts()
    assert person.send({**person.hidden, **button}).status_code == 400
    assert hub.counts() == before


def test_the_page_is_kept_by_nobody_framed_by_nobody_and_runs_nothing(arrive: Arrive) -> None:
    headers = arrive().page.headers
    assert headers["cache-control"] == "no-store"
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert headers["x-frame-options"] == "DENY"


def test_the_way_back_leads_to_the_brand_that_the_person_came_from(arrive: Arrive) -> None:
    query = "?client_id=shop-web&return_to=http://shop.localhost:7600/basket?a=1"
    page = arrive(query).page.text
    assert '<a href="http://shop.localhost:7600/basket?a=1">Back to Halcyon Market</a>' in page
    assert "/assets/brand-shop." in page


@pytest.mark.parametrize(
    "address",
    [
        "http://evil.example/",
        "http://shop.localhost:7600.evil.example/",
        "http://shop.localhost:7600@evil.example/",
        "http://shop.localhost:76001/",
        "http://news.localhost:7600/",
        "https://shop.localhost:7600/",
        "//shop.localhost:7600/",
        "javascript:alert(1)",
        "http://shop.localhost:7600\\@evil.example/",
    ],
)
def test_nobody_is_sent_back_to_an_address_that_the_brand_did_not_register(
    arrive: Arrive, address: str
) -> None:
    page = arrive("?" + urlencode({"client_id": "shop-web", "return_to": address})).page
    assert "/assets/brand-shop." in page.text
    assert "Back to" not in page.text


def test_an_unknown_client_is_passed_over(arrive: Arrive) -> None:
    page = arrive("?client_id=nobody&return_to=http://news.localhost:7600/").page.text
    assert "/assets/group." in page
    assert "Back to" not in page


def test_the_page_speaks_french_and_keeps_where_the_person_came_from(arrive: Arrive) -> None:
    query = "?client_id=news-web&return_to=http://news.localhost:7600/a&lang=fr"
    person = arrive(query)
    assert "Mes choix" in told(person.page.text)
    page = person.answer("refused", "ads")
    assert "Vous avez refusé ceci pour toutes les marques" in told(page.text)
    assert "Retour à Halcyon News" in told(page.text)
    assert "client_id=news-web" in page.text.partition('hreflang="en"')[0]
