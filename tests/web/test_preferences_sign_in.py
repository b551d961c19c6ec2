"""Signing in from the preference centre through the real portal; sessions and devices."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.web.browsing import Browser
from tests.web.pages.centre import told
from tests.web.portal_town import Town, built_town

SESSION, DEVICE = "consentid-session", "consentid-device"


@pytest.fixture(scope="module")
def town(server_folder: Path) -> Iterator[Town]:
    with built_town(server_folder) as built:
        yield built


def visit(town: Town, browser: Browser, query: str = "") -> str:
    browser.go(f"{town.hub}/preferences{query}")
    assert browser.answer.status_code == 200, browser.answer.text
    return told(browser.answer.text)


def press(town: Town, browser: Browser, path: str = "/preferences", /, **button: str) -> str:
    """Press a button of the page that the browser looks at."""
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', browser.answer.text))
    form = {name: html.unescape(text) for name, text in hidden.items()} | button
    if path != "/preferences":
        form.pop("page", None)
    browser.go(f"{town.hub}{path}", form)
    assert browser.answer.status_code == 200, browser.answer.text
    return told(browser.answer.text)


def sign_in(town: Town, browser: Browser, login: str = "mila", query: str = "") -> str:
    browser.go(f"{town.hub}/preferences/sign-in{query}")
    assert browser.at.startswith(f"{town.portal}/authorize"), browser.answer.text
    browser.submit(login=login, password=town.stage.prepared.secrets.passwords[login])
    assert browser.answer.status_code == 200, browser.answer.text
    return told(browser.answer.text)


def test_who_signs_in_to_see_what_waits_is_back_there(town: Town) -> None:
    browser = town.browser()
    browser.go(f"{town.hub}/approvals?lang=fr")
    assert "Se connecter" in browser.answer.text
    browser.go(f"{town.hub}/approvals/sign-in?lang=fr")
    browser.submit(login="noah", password=town.stage.prepared.secrets.passwords["noah"])
    assert browser.at == f"{town.hub}/approvals?lang=fr"
    assert "Rien ne vous attend" in browser.answer.text


def test_a_person_signs_in_comes_back_and_keeps_where_they_came_from(town: Town) -> None:
    browser = town.browser()
    query = f"?client_id=news-web&return_to={town.site}/story"
    visit(town, browser, query)
    page = sign_in(town, browser, query=query)
    assert browser.at.startswith(f"{town.hub}/preferences?")
    assert "You are signed in to your Halcyon account." in page
    assert "Back to Halcyon News" in page
    assert SESSION in browser.jar
    page = press(town, browser, "/preferences/sign-out")
    assert "You are signed in" not in page
    assert SESSION not in browser.jar


def test_choices_follow_the_account_and_the_device_s_own_rest(town: Town) -> None:
    phone, laptop = town.browser(), town.browser()
    visit(town, phone)
    sign_in(town, phone, "noah")
    page = press(town, phone, answer="granted group content")
    assert "You said yes for all brands on" in page
    visit(town, laptop)
    page = press(town, laptop, answer="refused group content")
    assert "You refused this for all brands on" in page
    page = sign_in(town, laptop, "noah")
    assert "Your account and this device say different things" in page
    assert "yes in your account, no on this device, to " in page
    page = press(town, laptop, act="understood")
    assert "say different things" not in page
    assert "You said yes for all brands on" in page
    assert "say different things" not in visit(town, laptop)
    page = press(town, laptop, "/preferences/sign-out")
    assert "You refused this for all brands on" in page


def test_signing_in_is_told_once_on_a_new_device(town: Town) -> None:
    first, second = town.browser(), town.browser()
    visit(town, first)
    sign_in(town, first, "noah")
    press(town, first, answer="granted group ads.measurement")
    visit(town, second)
    page = sign_in(town, second, "noah")
    assert "Your account is used on this device for the first time" in page
    assert "for the first time" in visit(town, second)
    press(town, second, act="understood")
    assert "for the first time" not in visit(town, second)


def test_other_sessions_end_and_a_device_is_forgotten(town: Town) -> None:
    here, there = town.browser(), town.browser()
    visit(town, there)
    press(town, there, answer="refused group content")
    sign_in(town, there, "mila")
    visit(town, here)
    sign_in(town, here, "mila")
    here.go(f"{town.hub}/preferences/devices")
    page = told(here.answer.text)
    assert "A browser of these pages, since" in page
    assert "Another browser" in page
    assert "Mozilla" not in page
    page = press(town, here, "/preferences/devices", act="sign-out-others")
    assert "Another browser" not in page
    assert "You are signed in" not in visit(town, there)
    here.go(f"{town.hub}/preferences/devices")
    (reference,) = re.findall(r'name="device" value="([^"]+)"', here.answer.text)
    page = press(town, here, "/preferences/devices", device=reference)
    assert "A browser of these pages" not in page
    assert "You refused this for all brands on" in visit(town, there)  # the device's own stay
    press(town, here, "/preferences/devices", device=reference)  # again: nothing happens


def test_signing_in_leads_to_no_other_site(town: Town) -> None:
    browser = town.browser()
    query = "?client_id=news-web&return_to=http://evil.example/&lang=fr"
    visit(town, browser, query)
    page = sign_in(town, browser, query=query)
    assert browser.at.startswith(f"{town.hub}/preferences?")
    assert "Retour" not in page
    assert 'href="http://evil.example' not in browser.answer.text


def test_another_site_cannot_begin_a_sign_in(town: Town) -> None:
    browser = town.browser()
    visit(town, browser)
    answer = browser.http.get(
        f"{town.hub}/preferences/sign-in", headers={"sec-fetch-site": "cross-site"}
    )
    assert answer.status_code == 403


def test_what_others_recorded_for_a_person_is_shown_and_stopped_in_one_step(town: Town) -> None:
    browser = town.browser()
    visit(town, browser)
    sign_in(town, browser, "salma")
    browser.go(f"{town.hub}/preferences/captures")
    assert "Nobody recorded anything for you." in told(browser.answer.text)
    capture = town.capture("salma", "contact.phone", "content")
    browser.go(f"{town.hub}/preferences/captures")
    page = told(browser.answer.text)
    assert "Halcyon News, by phone Yes Phone calls" in page
    assert "For Halcyon News; read out from script v3." in page
    assert "until you confirm it, none of this counts: A front page of your own" in page
    assert "A yes counts already" in page
    other = town.browser()
    visit(town, other)
    other.go(f"{town.hub}/preferences/captures")
    assert "Phone calls" not in told(other.answer.text)
    page = press(town, browser, "/preferences/captures", confirm=capture)
    assert "You confirmed it" in page
    assert "I said this" not in page
    page = press(town, browser, "/preferences/captures", dispute=capture)
    assert "You said that this is not yours" in page
    assert "I did not say this" not in page
    browser.go(f"{town.hub}/preferences/history")
    assert "On these pages No Phone calls" in told(browser.answer.text)
    data = browser.step(f"{town.hub}/preferences/data").json()
    (kept,) = data["captures"]
    assert (kept["by"], kept["capture"]["state"]) == ("brand/news", "disputed")
    assert "operator" not in kept["capture"]


def test_who_signs_in_for_a_link_comes_back_to_it_and_it_stays_out_of_every_log(town: Town) -> None:
    browser, sealed = town.browser(), "as.it-came.in_the.fragment"
    browser.go(f"{town.hub}/link")
    (token,) = re.findall(r'name="form_token" value="([^"]*)"', browser.answer.text)
    form = {"form_token": html.unescape(token), "link": sealed}
    browser.go(f"{town.hub}/link/sign-in", form)
    assert browser.at.startswith(f"{town.portal}/authorize"), browser.answer.text
    assert sealed not in browser.at
    browser.submit(login="arthur", password=town.stage.prepared.secrets.passwords["arthur"])
    assert browser.at == f"{town.hub}/link#{sealed}"
    assert SESSION in browser.jar
    browser.go(f"{town.hub}/link/sign-in", {**form, "link": "not one\u2028of ours"})
    assert "This link is not whole" in told(browser.answer.text)
