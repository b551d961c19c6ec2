"""``/v1/catalogue``: what a brand's page needs besides the notice."""

import pytest
from tests.web.hub import Hub

ORIGINS = {f"http://{brand}.localhost:7600": brand for brand in ("news", "shop", "play")}


def test_every_origin_of_the_groups_brands_is_told_and_no_partners(hub: Hub) -> None:
    for brand in ("news", "shop", "play", "reach"):
        assert hub.catalogue(brand)["origins"] == ORIGINS


def test_a_purpose_says_what_it_means_to_google_and_which_cookies_end_with_it(hub: Hub) -> None:
    purposes = {each["id"]: each for each in hub.catalogue()["purposes"]}
    assert purposes["ads"]["signals"] == {"gcm": ["ad_storage"]}
    assert purposes["audience.research"]["signals"] == {"gcm": ["analytics_storage"]}
    assert purposes["ads"]["cookies"] == ["_gcl_*"]
    assert purposes["audience.research"]["cookies"] == ["news_visits"]
    assert purposes["content"]["cookies"] == []


@pytest.mark.parametrize("brand", ["news", "shop", "play"])
def test_each_brand_declares_cookies_of_its_own(hub: Hub, brand: str) -> None:
    declared = {name for each in hub.catalogue(brand)["purposes"] for name in each["cookies"]}
    assert f"{brand}_visits" in declared


def test_the_signal_says_no_to_what_it_is_mapped_to_and_all_below(hub: Hub) -> None:
    assert hub.catalogue()["gpc"] == ["ads.personalised", "ads.partners", "ads.partners.retail"]


def test_how_long_an_answer_counts_is_told(hub: Hub) -> None:
    news, shop = hub.catalogue("news"), hub.catalogue("shop")
    assert (news["validity_days"], shop["validity_days"]) == (390, 365)
    assert news["refusal_memory_days"] == shop["refusal_memory_days"] == 184
