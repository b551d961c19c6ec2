"""Global Privacy Control is a no, said as honoured; Google hears no until somebody says yes."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page
from tests.sdk.brand_pages import Sites, Visitor, settle, state
from tests.sdk.test_banner import IN_PAGE, shown

pytestmark = pytest.mark.browser

_GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { value: true })"


def private(visit: Callable[..., Visitor]) -> Visitor:
    """A browser with the signal on: in the header, and to scripts."""
    visitor = visit(extra_http_headers={"Sec-GPC": "1"})
    visitor.context.add_init_script(_GPC)
    return visitor


def test_the_signal_is_said_as_honoured_and_makes_no_device(
    visit: Callable[..., Visitor], sites: Sites
) -> None:
    sites.body["news"] = IN_PAGE
    visitor = private(visit)
    page = shown(visitor)
    found = state(page)
    assert (found["gpc"], found["status"], found["granted"]) == (True, "empty", [])
    text = page.get_by_role("region").inner_text()
    assert "Global Privacy Control" in text
    assert "Personalised ads, Sharing with advertising partners" in text
    assert visitor.calls() == ["GET /v1/catalogue"]


def test_a_yes_after_being_told_counts(visit: Callable[..., Visitor], sites: Sites) -> None:
    sites.body["news"] = IN_PAGE
    page = shown(private(visit))
    page.get_by_role("button", name="Accept all").click()
    page.wait_for_function("window.consentid?.granted('ads.personalised')")


def test_a_yes_without_being_told_does_not(visit: Callable[..., Visitor], sites: Sites) -> None:
    sites.options["news"] = {"auto": False}
    page = private(visit).open("news")
    page.evaluate("consentid.answer({ads: true, content: true})")
    assert page.evaluate("['content', 'ads.personalised'].map(consentid.granted)") == [True, False]


def test_a_signal_that_is_turned_on_later_is_a_no_until_the_person_answers_anew(
    visit: Callable[..., Visitor], sites: Sites
) -> None:
    sites.options["news"] = {"auto": False, "follow": "never"}
    visitor = visit()
    page = visitor.open("news")
    page.evaluate("consentid.answer({ads: true, content: true})")
    assert page.evaluate("consentid.granted('ads.personalised')")
    visitor.context.set_extra_http_headers({"Sec-GPC": "1"})
    visitor.context.add_init_script(_GPC)
    visitor.calls()
    page.reload()
    settle(page)
    assert page.evaluate("['content', 'ads.personalised'].map(consentid.granted)") == [True, False]
    assert visitor.calls() == []
    page.evaluate("consentid.answer({'ads.personalised': true}, {told: true})")
    assert page.evaluate("consentid.granted('ads.personalised')")


def heard(page: Page) -> list[Any]:
    return page.evaluate("dataLayer.map((each) => [...each])")


def test_google_hears_no_first_and_yes_when_it_is_said(visitor: Visitor, sites: Sites) -> None:
    sites.head["news"] = f'<script src="{sites.hub}/sdk/v1/consent-default.js"></script>'
    sites.options["news"] = {"consentMode": True, "auto": False, "follow": "never"}
    page = visitor.open("news")
    first = heard(page)
    assert first[0][:2] == ["consent", "default"]
    assert set(first[0][2].values()) == {"denied", 500}
    assert not any("granted" in each[2].values() for each in first)
    page.evaluate("consentid.answer({ads: true, content: false})")
    kind, what, signals = heard(page)[-1]
    assert (kind, what) == ("consent", "update")
    assert signals["ad_storage"] == "granted"
    assert signals["personalization_storage"] == "denied"
    page.evaluate("consentid.withdraw(['ads'])")
    assert heard(page)[-1][2]["ad_storage"] == "denied"
