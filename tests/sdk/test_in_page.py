"""Answers on the brand's own page: an explicit act, recorded once, for this brand."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.sdk.brand_pages import Sites, Visitor, change_holder, holder, settle, state
from tests.sdk.test_banner import IN_PAGE, shown

pytestmark = pytest.mark.browser


@pytest.fixture
def page(visitor: Visitor, sites: Sites) -> Page:
    sites.body["news"] = IN_PAGE
    sites.options["news"] = {"follow": "never"}
    found = shown(visitor)
    visitor.calls()
    return found


def closed(page: Page) -> None:
    expect(page.locator("consent-banner")).to_be_hidden()


def test_accepting_makes_a_device_and_one_decision(visitor: Visitor, page: Page) -> None:
    page.get_by_role("button", name="Accept all").click()
    closed(page)
    assert visitor.calls() == ["POST /v1/devices", "POST /token", "POST /v1/decisions"]
    found = state(page)
    assert (found["status"], found["by"], found["missing"]) == ("known", "answered", [])
    assert "ads.personalised" in found["granted"]
    assert "contact.email" not in found["granted"]


def test_refusing_costs_the_same(visitor: Visitor, page: Page) -> None:
    page.get_by_role("button", name="Refuse all").click()
    closed(page)
    assert visitor.calls() == ["POST /v1/devices", "POST /token", "POST /v1/decisions"]
    found = state(page)
    assert found["status"] == "known"
    assert [each for each in found["granted"] if each != "audience"] == []
    assert "ads.personalised" in found["refused"]


def test_a_double_click_is_one_answer(visitor: Visitor, page: Page) -> None:
    page.get_by_role("button", name="Accept all").dblclick()
    closed(page)
    assert visitor.calls().count("POST /v1/decisions") == 1
    twice = "Promise.all([1, 2].map(() => consentid.answer({ads: false})))"
    assert page.evaluate(f"{twice}.then(([one, two]) => one.by === two.by)")
    assert visitor.calls().count("POST /v1/decisions") == 1


def test_one_by_one_nothing_is_ticked_and_everything_asked_is_answered(page: Page) -> None:
    expect(page.get_by_role("radio")).to_have_count(0)
    page.get_by_role("button", name="Choose one by one").click()
    assert page.locator("consent-banner input:checked").count() == 0
    page.get_by_role("button", name="Save my choices").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Say yes or no to each of these: Advertising")
    expect(alert).to_be_focused()  # and so seen, however long the form is
    expect(alert).to_be_in_viewport()
    for no in page.get_by_role("radio", name="No", exact=True).all():
        no.check()
    personalised = page.get_by_role("group", name="Personalised ads", exact=True)
    personalised.get_by_role("radio", name="Yes").check()
    page.get_by_role("button", name="Save my choices").click()
    expect(alert).to_contain_text("Personalised ads")
    page.get_by_role("group", name="Advertising", exact=True).get_by_role(
        "radio", name="Yes"
    ).check()
    page.get_by_role("button", name="Save my choices").click()
    closed(page)
    assert page.evaluate(
        "[consentid.granted('ads.personalised'), consentid.granted('content')]"
    ) == [True, False]


def test_what_was_answered_here_is_found_at_the_hub_and_what_changes_there_counts_here(
    sites: Sites, page: Page
) -> None:
    page.get_by_role("button", name="Accept all").click()
    closed(page)
    assert page.evaluate("consentid.granted('ads')")
    page.evaluate("void consentid.openPreferences()")
    page.wait_for_url(f"{sites.hub}/preferences?**")
    assert "consentid=" not in page.url
    page.get_by_role("button", name="Take back every consent").first.click()
    page.wait_for_url(f"{sites.hub}/preferences?**saved**")
    page.get_by_role("link", name="Back to Halcyon News").first.click()
    page.wait_for_function("window.consentid?.state().by === 'changed elsewhere'")
    assert not page.evaluate("consentid.granted('ads')")
    # Who goes back once more is not held at the page in between.
    page.go_back()
    page.wait_for_url(f"{sites.hub}/preferences?**")


def test_a_device_made_here_is_known_again_and_renewed(visitor: Visitor, page: Page) -> None:
    page.get_by_role("button", name="Accept all").click()
    closed(page)
    kept = holder(page)
    assert kept is not None
    assert "refresh" not in kept
    change_holder(page, "kept.skew_s += 7200")
    visitor.calls()
    page.reload()
    settle(page)
    assert page.evaluate("consentid.granted('ads')")
    assert visitor.calls() == ["POST /token"]


def test_an_answer_that_cannot_be_sent_is_said_and_grants_nothing(page: Page) -> None:
    page.route("**/v1/decisions", lambda route: route.abort())
    page.get_by_role("button", name="Accept all").click()
    expect(page.get_by_role("alert")).to_have_text("That did not work. Please try again.")
    assert page.evaluate("consentid.granted('ads')") is False
    page.unroute_all()
    page.get_by_role("button", name="Accept all").click()
    closed(page)
    assert page.evaluate("consentid.granted('ads')")


def test_a_brand_draws_its_own(visitor: Visitor, sites: Sites) -> None:
    """Headless: nothing is shown, the state says what is missing, `answer` hands it in."""
    sites.options["news"] = {"auto": False, "follow": "never"}
    page = visitor.open("news")
    assert visitor.calls() == []
    assert page.locator("consent-banner").count() == 0
    page.evaluate("consentid.answer({ads: true, content: false})")
    found = state(page)
    assert "ads.measurement" in found["granted"]
    assert "content" in found["refused"]
    assert "tv" in found["missing"]


def test_a_page_cannot_grant_for_the_group(page: Page) -> None:
    found = page.evaluate(
        "consentid.answer({ads: true}, {reach: 'group'}).then(() => 'done', (e) => e.code)"
    )
    assert found not in ("done", None)
    assert page.evaluate("consentid.granted('ads')") is False


@pytest.mark.parametrize("reach", ["brand", "group"])
def test_withdrawing_is_one_call(visitor: Visitor, page: Page, reach: str) -> None:
    page.get_by_role("button", name="Accept all").click()
    closed(page)
    visitor.calls()
    found = page.evaluate("reach => consentid.withdraw(['ads'], {reach})", reach)
    assert "ads.personalised" in found["refused"]
    assert "content" in found["granted"]
    assert visitor.calls() == ["POST /v1/withdrawals"]
    everything = page.evaluate("reach => consentid.withdraw('all', {reach})", reach)
    assert everything["granted"] == []


def test_where_nothing_was_given_withdrawing_asks_nobody(visitor: Visitor, page: Page) -> None:
    found = page.evaluate("consentid.withdraw('all')")
    assert found["status"] == "empty"
    assert visitor.calls() == []


def test_two_tabs_that_answer_at_once_make_one_device(visitor: Visitor, page: Page) -> None:
    other = shown(visitor)
    visitor.calls()
    for each in (page, other):
        each.evaluate("void (window.answering = consentid.answer({ads: true}))")
    for each in (page, other):
        each.evaluate("answering")
        assert each.evaluate("consentid.granted('ads')")
    assert visitor.calls().count("POST /v1/devices") == 1


def test_in_a_browser_that_keeps_nothing_an_answer_holds_for_the_page(
    visit: Callable[..., Visitor], sites: Sites
) -> None:
    sites.body["news"] = IN_PAGE
    page = visit().context.new_page()
    page.add_init_script(
        "Storage.prototype.setItem = () => { throw new DOMException('', 'Quota') }"
    )
    page.goto("http://news.localhost:7600/")
    settle(page)
    page.get_by_role("button", name="Accept all").click()
    closed(page)
    assert page.evaluate("consentid.granted('ads')")
