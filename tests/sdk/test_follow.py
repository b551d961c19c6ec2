"""What is changed at one brand, the pages of the others hear."""

import pytest
from playwright.sync_api import Page
from tests.sdk.brand_pages import Sites, Visitor, change_holder, state

pytestmark = pytest.mark.browser


def both(visitor: Visitor, sites: Sites) -> tuple[Page, Page]:
    """The same person at news and at play."""
    sites.options["play"] = {"silent": "always", "follow": sites.options["play"]["follow"]}
    news = visitor.open("news")
    visitor.answer_at_hub(news)
    news.wait_for_load_state("networkidle")
    play = visitor.open("play")
    assert play.evaluate("consentid.granted('ads')")
    return news, play


_AGAIN = """() => {
  for (const is of ['hidden', 'visible']) {
    Object.defineProperty(document, 'visibilityState', { value: is, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  } }"""


_LOOKED = "performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/v1/state'))"


def test_a_page_that_is_looked_at_again_asks_once(visitor: Visitor, sites: Sites) -> None:
    sites.options |= {"news": {"follow": "never"}, "play": {"follow": "auto"}}
    news, play = both(visitor, sites)
    play.reload()  # served from what is kept: it follows nothing
    play.wait_for_function("window.consentid?.state().by === 'kept'")
    news.evaluate("consentid.withdraw(['ads'], {reach: 'group'})")
    play.wait_for_load_state("networkidle")
    visitor.calls()
    assert play.evaluate("consentid.granted('ads')")
    play.evaluate(_AGAIN)
    play.wait_for_function("window.consentid?.granted('ads') === false")
    assert state(play)["by"] == "changed elsewhere"
    assert visitor.calls()[:2] == ["GET /v1/state", "POST /token"]


def test_a_brand_may_do_without(visitor: Visitor, sites: Sites) -> None:
    sites.options |= {"news": {"follow": "never"}, "play": {"follow": "never"}}
    _, play = both(visitor, sites)
    visitor.calls()
    play.evaluate(_AGAIN)
    play.wait_for_load_state("networkidle")
    assert visitor.calls() == []


def test_a_withdrawal_at_one_brand_is_heard_at_the_others(visitor: Visitor, sites: Sites) -> None:
    sites.options |= {"news": {"follow": "never"}, "play": {"follow": "auto"}}
    news, play = both(visitor, sites)
    play.wait_for_function(_LOOKED)
    news.evaluate("consentid.withdraw(['ads'], {reach: 'group'})")
    play.wait_for_function("window.consentid?.granted('ads') === false")
    assert play.evaluate("consentid.granted('content')")
    assert state(play)["by"] == "changed elsewhere"


def test_whoever_listens_hears_that_everything_was_taken_back(
    visitor: Visitor, sites: Sites
) -> None:
    sites.options |= {"news": {"follow": "never"}, "play": {"follow": "auto"}}
    news, play = both(visitor, sites)
    play.wait_for_function(_LOOKED)
    news.evaluate("consentid.withdraw('all', {reach: 'group'})")
    play.wait_for_function("window.states?.at(-1).granted.length === 0")
    heard = play.wait_for_function("window.states?.at(-1)").json_value()
    assert (heard["status"], heard["by"]) == ("empty", "changed elsewhere")
    # And is not asked anew when the page is looked at again.
    assert play.evaluate("sessionStorage.getItem('consentid:play-spa:later')") is not None


def test_an_open_page_whose_token_ended_meanwhile_does_not_ask_whoever_took_everything_back(
    visitor: Visitor, sites: Sites
) -> None:
    sites.options |= {"news": {"follow": "never"}, "play": {"follow": "never"}}
    news, play = both(visitor, sites)
    play.wait_for_load_state("networkidle")
    news.evaluate("consentid.withdraw('all', {reach: 'group'})")
    change_holder(play, "kept.skew_s += 7200", "play-spa")
    play.evaluate("dispatchEvent(new StorageEvent('storage', { key: 'consentid:play-spa' }))")
    visitor.calls()
    play.evaluate(_AGAIN)
    play.wait_for_function("window.consentid?.state().status === 'empty'")
    play.wait_for_load_state("networkidle")
    assert visitor.calls() == ["POST /token"]
    assert play.evaluate("sessionStorage.getItem('consentid:play-spa:later')") is not None
    assert play.locator("consent-banner").count() == 0
