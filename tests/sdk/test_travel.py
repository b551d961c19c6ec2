"""The silent check and its limits: once a period, only where it can help, never in a circle."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page
from tests.sdk.brand_pages import Sites, Visitor, holder, origin_of, settle, state

pytestmark = pytest.mark.browser

NEWS, PLAY = origin_of("news"), origin_of("play")
_TO_PLAY = f'<a href="{PLAY}/film?id=7&id=8#cast" rel="opener">a film</a>'


def by_link(page: Page) -> Page:
    """Follow a link that carries nothing: as from a page of the group without the SDK."""
    page.route("**/v1/handoffs", lambda route: route.abort())
    page.get_by_role("link", name="a film").click()
    page.wait_for_url(f"{PLAY}/film**")
    settle(page)
    page.unroute_all()
    return page


def accepted(visitor: Visitor, sites: Sites) -> Page:
    sites.body["news"] = _TO_PLAY
    page = visitor.open("news")
    visitor.answer_at_hub(page)
    visitor.calls()
    return page


def test_who_comes_from_the_group_is_known_without_a_screen(visitor: Visitor, sites: Sites) -> None:
    page = by_link(accepted(visitor, sites))
    assert page.url == f"{PLAY}/film?id=7&id=8#cast"
    assert "ads.personalised" in state(page)["granted"]
    assert page.locator("consent-banner").count() == 0
    calls = visitor.calls()
    assert calls.count("GET /authorize") == 1
    assert calls.count("GET /v1/catalogue") == 1


def test_the_way_back_leads_to_where_the_visitor_was_before(visitor: Visitor, sites: Sites) -> None:
    page = by_link(accepted(visitor, sites))
    page.go_back()
    page.wait_for_url(f"{NEWS}/")


def test_who_comes_by_the_address_bar_is_asked_unless_the_brand_looks_for_everybody(
    visitor: Visitor, sites: Sites
) -> None:
    accepted(visitor, sites)
    page = visitor.open("play")
    assert state(page)["status"] == "empty"
    page.get_by_role("button", name="Make my choices").wait_for()
    assert "GET /authorize" not in visitor.calls()
    sites.options["play"] = {"silent": "always"}
    page = visitor.context.new_page()
    page.goto(f"{PLAY}/film#cast")
    settle(page)
    assert page.url == f"{PLAY}/film#cast"
    assert page.evaluate("consentid.granted('ads')")


def test_a_no_at_the_hub_is_not_asked_for_again_within_the_period(
    visitor: Visitor, sites: Sites
) -> None:
    """Nobody is known there: one look, then the question, and no circle."""
    sites.options["play"] = {"silent": "always"}
    page = visitor.context.new_page()
    page.goto(f"{PLAY}/film")
    page.get_by_role("button", name="Make my choices").wait_for()
    assert visitor.calls().count("GET /authorize") == 1
    assert page.url == f"{PLAY}/film"
    for _ in range(2):
        page.reload()
        assert settle(page)["status"] == "empty"
    assert "GET /authorize" not in visitor.calls()
    page.evaluate(
        "localStorage['consentid:play-spa:tried']"
        " = JSON.stringify({v: 1, at: Date.now() - 25 * 3.6e6})"
    )
    page.reload()
    settle(page)
    assert visitor.calls().count("GET /authorize") == 1


def test_a_brand_may_do_without_and_a_robot_is_never_sent(
    visit: Callable[..., Visitor], sites: Sites
) -> None:
    sites.options["play"] = {"silent": "never"}
    visitor = visit()
    by_link(accepted(visitor, sites))
    assert "GET /authorize" not in visitor.calls()
    sites.options["play"] = {"silent": "always"}
    robot = visit(user_agent="Mozilla/5.0 (compatible; bingbot/2.0)")
    robot.open("play")
    assert robot.calls() == []


def test_nobody_is_sent_from_within_a_frame(visitor: Visitor, sites: Sites) -> None:
    sites.options["play"] = {"silent": "always"}
    sites.body["news"] = f'<iframe src="{PLAY}/film"></iframe>'
    page = visitor.open("news")
    frame = page.frame(url=f"{PLAY}/film")
    assert frame is not None
    frame.wait_for_function("window.ready?.then(() => true)")
    assert frame.evaluate("consentid.state().status") == "empty"
    assert "GET /authorize" not in visitor.calls()


def test_nobody_is_sent_to_a_hub_that_is_away(visitor: Visitor, sites: Sites) -> None:
    sites.options["play"] = {"silent": "always"}
    page = visitor.context.new_page()
    page.route("**/v1/catalogue*", lambda route: route.abort())
    page.goto(f"{PLAY}/film")
    assert settle(page)["status"] == "unknown"
    assert page.url == f"{PLAY}/film"
    assert "GET /authorize" not in visitor.calls()


_FORGED = {
    "a foreign state": "code=abc&state=theirs&iss={hub}",
    "another issuer": "code=abc&state={state}&iss=https://elsewhere.example",
    "no issuer": "code=abc&state={state}",
    "a code that is none": "code=abc&state={state}&iss={hub}",
}


@pytest.mark.parametrize("query", _FORGED.values(), ids=_FORGED)
def test_a_forged_answer_fills_no_holder(visitor: Visitor, sites: Sites, query: str) -> None:
    page = visitor.open("news")
    page.evaluate(
        "sessionStorage['consentid:news-spa:trip'] = JSON.stringify({v: 1, state: 'mine',"
        f" nonce: 'n', verifier: 'v'.repeat(43), kind: 'ask', href: '{NEWS}/story', scroll: 0}})"
    )
    page.goto(f"{NEWS}/consent/return?{query.format(hub=sites.hub, state='mine')}")
    page.wait_for_function("location.pathname !== '/consent/return'")
    settle(page)
    assert page.url in (f"{NEWS}/", f"{NEWS}/story")
    assert holder(page) is None
    assert state(page)["granted"] == []


def test_nobody_is_sent_elsewhere_by_what_was_planted(visitor: Visitor, sites: Sites) -> None:
    page = visitor.open("news")
    page.evaluate(
        "sessionStorage['consentid:news-spa:trip'] = JSON.stringify({v: 1, state: 'mine',"
        " href: 'javascript:alert(1)'})"
    )
    page.goto(f"{NEWS}/consent/return?error=x&state=mine&iss={sites.hub}")
    page.wait_for_url(f"{NEWS}/")


def test_an_account_is_told_from_a_device(visitor: Visitor, sites: Sites) -> None:
    page = accepted(visitor, sites)
    assert state(page)["account"] is False
    kept = holder(page)
    assert kept is not None
    assert kept["id_token"]


def test_the_preference_centre_is_one_call_away(visitor: Visitor, sites: Sites) -> None:
    page = accepted(visitor, sites)
    page.evaluate("void consentid.openPreferences()")
    page.wait_for_url(f"{sites.hub}/preferences?**")
    assert "client_id=news-spa" in page.url
    assert "return_to=http%3A%2F%2Fnews.localhost%3A7600%2F" in page.url


def test_signing_out_empties_the_holder_and_asks_the_hub(visitor: Visitor, sites: Sites) -> None:
    page = accepted(visitor, sites)
    page.evaluate("window.isBefore = true; void consentid.signOut()")
    # The hub sends back to the site at once: nobody was signed in.  The device's own answer counts.
    page.wait_for_function("!window.isBefore && window.consentid?.granted('ads')")
    calls = visitor.calls()
    assert calls.index("GET /logout") < calls.index("GET /authorize")


def test_the_page_is_where_it_was(visitor: Visitor, sites: Sites) -> None:
    sites.body["news"] = '<p style="height: 4000px">long</p>'
    page = visitor.open("news")
    page.get_by_role("button", name="Make my choices").wait_for()
    page.evaluate("scrollTo(0, 1500)")
    visitor.answer_at_hub(page)
    page.wait_for_function("scrollY === 1500")


def test_who_was_looked_for_before_answering_elsewhere_is_one_act_away_and_asked_nothing_again(
    visitor: Visitor, sites: Sites
) -> None:
    """By the address bar nothing tells that it would help by now, and the period is not over."""
    sites.options["play"] = {"silent": "always"}
    play = visitor.open("play")
    play.get_by_role("button", name="Make my choices").wait_for()
    assert visitor.calls().count("GET /authorize") == 1
    accepted(visitor, sites)
    visitor.open("play", page=play)
    assert "GET /authorize" not in visitor.calls()
    here = play.url
    with play.expect_navigation(url=here):
        play.get_by_role("button", name="Make my choices").click()
    assert settle(play)["by"] == "kept"
    assert "ads.personalised" in state(play)["granted"]
    calls = visitor.calls()
    assert calls.count("GET /authorize") == 1
    assert [each for each in calls if "/interaction" in each] == []
    assert play.locator("consent-banner section").count() == 0
