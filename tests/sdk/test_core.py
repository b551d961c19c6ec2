"""What a page knows, from where, and what it costs."""

import pytest
from tests.sdk.brand_pages import Visitor, change_holder, holder, settle, state

pytestmark = pytest.mark.browser


def test_a_first_visitor_is_asked_and_nothing_is_granted(visitor: Visitor) -> None:
    page = visitor.open("news")
    found = state(page)
    assert found["status"] == "empty"
    assert found["granted"] == []
    page.get_by_role("button", name="Make my choices").wait_for()
    assert visitor.calls() == ["GET /v1/catalogue"]
    assert holder(page) is None


def test_an_answer_at_the_hub_comes_back_to_the_exact_address(visitor: Visitor) -> None:
    page = visitor.open("news", "/story?page=2&page=3#comments")
    visitor.answer_at_hub(page)
    assert page.url == "http://news.localhost:7600/story?page=2&page=3#comments"
    found = state(page)
    assert found["status"] == "known"
    assert "ads.personalised" in found["granted"]
    assert found["missing"] == []
    assert page.locator("consent-banner:visible").count() == 0


def test_with_a_valid_token_nobody_is_asked_anything(visitor: Visitor) -> None:
    page = visitor.open("news")
    visitor.answer_at_hub(page)
    visitor.calls()
    page.goto("http://news.localhost:7600/other")
    settle(page)
    page.wait_for_load_state("networkidle")
    assert state(page)["by"] == "kept"
    assert page.evaluate("consentid.granted('ads')")
    assert visitor.calls() == []


def test_an_ended_token_costs_one_refresh(visitor: Visitor) -> None:
    page = visitor.open("news")
    visitor.answer_at_hub(page)
    change_holder(page, "kept.skew_s += 7200")
    visitor.calls()
    page.reload()
    settle(page)
    page.wait_for_load_state("networkidle")
    assert state(page)["status"] == "known"
    assert [each for each in visitor.calls() if "state" not in each] == ["POST /token"]
