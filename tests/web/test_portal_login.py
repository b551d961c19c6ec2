"""Signing in through the real portal, and what goes wrong on the way back."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from tests.web.browsing import Browser
from tests.web.portal_town import Town, built_town

SESSION = "consentid-session"


@pytest.fixture(scope="module")
def town(server_folder: Path) -> Iterator[Town]:
    with built_town(server_folder) as built:
        yield built


def changed(url: str, **fields: str | None) -> str:
    """An address with other parameters in its query; None leaves one out."""
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query)), **fields}
    kept = {name: value for name, value in query.items() if value is not None}
    return parts._replace(query=urlencode(kept)).geturl()


def assert_refused(browser: Browser, status: int) -> None:
    assert browser.answer.status_code == status, browser.answer.text
    assert "Signing in did not work" in browser.answer.text
    assert SESSION not in browser.jar
    assert "location" not in browser.answer.headers


def test_a_person_signs_in_at_the_portal_and_comes_back_to_what_they_were_asked(
    town: Town,
) -> None:
    browser = town.browser()
    callback = town.reach_callback(browser)
    sent = dict(parse_qsl(urlsplit(callback).query))
    assert sent.keys() == {"code", "state", "iss"}
    browser.go(callback)
    assert browser.at.startswith(f"{town.hub}/interaction/")
    assert browser.answer.status_code == 200
    assert town.is_signed_in(browser)


def test_what_the_client_wants_of_the_sign_in_is_passed_on(town: Town) -> None:
    browser = town.browser()
    browser.go(town.request(prompt="login", login_hint="noah", ui_locales="fr", max_age="60"))
    sent = dict(parse_qsl(urlsplit(browser.at).query))
    assert (sent["prompt"], sent["login_hint"], sent["max_age"]) == ("login", "noah", "60")
    assert sent["code_challenge_method"] == "S256"
    assert sent["redirect_uri"] == town.callback
    assert 'value="noah"' in browser.answer.text
    assert "Mot de passe" in browser.answer.text
    # What is between the hub and the portal is not what is between the hub and its client.
    assert {sent["state"], sent["nonce"]}.isdisjoint({"of the client"})


def test_prompt_create_is_handed_to_the_portal(town: Town) -> None:
    browser = town.browser()
    browser.go(town.request(prompt="create"))
    assert browser.at.startswith(f"{town.portal}/authorize")
    assert "A new account" in browser.answer.text


def test_replayed_state_is_good_once(town: Town) -> None:
    browser = town.browser()
    callback = town.reach_callback(browser)
    browser.go(callback)
    browser.jar.pop(SESSION)
    browser.step(callback)
    assert_refused(browser, 403)


def test_login_csrf_an_answer_that_another_browser_began_signs_nobody_in(town: Town) -> None:
    attacker, victim = town.browser(), town.browser()
    callback = town.reach_callback(attacker)
    victim.go(town.request())  # knows the hub, and has a browser secret of its own
    victim.step(callback)
    assert_refused(victim, 403)
    stranger = town.browser()
    stranger.step(callback)
    assert_refused(stranger, 403)
    attacker.go(callback)  # nobody used it up for them
    assert SESSION in attacker.jar


def test_session_fixation_a_planted_session_is_replaced_and_ended(town: Town) -> None:
    attacker, victim = town.browser(), town.browser()
    town.sign_in(attacker, "noah")
    planted = attacker.jar[SESSION]
    callback = town.reach_callback(victim)
    victim.cookies[town.hub][SESSION] = planted
    victim.go(callback)
    assert victim.jar[SESSION] != planted
    assert not town.is_signed_in(attacker)


@pytest.mark.parametrize("iss", [None, "http://evil.example", "http://id.localhost"])
def test_mix_up_an_answer_has_to_name_the_portal_that_was_asked(
    town: Town, iss: str | None
) -> None:
    browser = town.browser()
    browser.step(changed(town.reach_callback(browser), iss=iss))
    assert_refused(browser, 401)


def test_an_injected_code_of_another_sign_in_is_worth_nothing(town: Town) -> None:
    attacker, victim = town.browser(), town.browser()
    stolen = dict(parse_qsl(urlsplit(town.reach_callback(attacker)).query))["code"]
    victim.step(changed(town.reach_callback(victim), code=stolen))
    assert_refused(victim, 401)


def test_a_code_that_is_missing_or_made_up_is_worth_nothing(town: Town) -> None:
    for code in (None, "made up", "x" * 5_000):
        browser = town.browser()
        browser.step(changed(town.reach_callback(browser), code=code))
        assert_refused(browser, 401)


def test_a_state_that_is_missing_or_made_up_leads_nowhere(town: Town) -> None:
    for state in (None, "made up", "x" * 5_000):
        browser = town.browser()
        browser.step(changed(town.reach_callback(browser), state=state))
        assert_refused(browser, 403)


def test_a_repeated_parameter_in_the_answer_is_refused(town: Town) -> None:
    browser = town.browser()
    callback = town.reach_callback(browser)
    assert browser.step(f"{callback}&code=another").status_code == 400
    assert SESSION not in browser.jar


def test_open_redirect_the_answer_cannot_say_where_to_go(town: Town) -> None:
    browser = town.browser()
    callback = town.reach_callback(browser)
    answer = browser.step(
        changed(callback, redirect_uri="http://evil.example/", next="//evil.example")
    )
    assert answer.headers["location"].startswith(f"{town.hub}/interaction/")


def test_going_back_at_the_portal_is_told_to_a_client_that_insists(town: Town) -> None:
    browser = town.browser()
    browser.go(town.request(prompt="login"))
    browser.submit(act="cancel", until=f"{town.site}/callback")
    assert browser.told["error"] == "access_denied"
    assert browser.told["state"] == "of the client"
    assert browser.told["iss"] == town.hub


def test_a_sign_in_survives_the_death_of_the_process(town: Town) -> None:
    browser = town.browser()
    callback = town.reach_callback(browser)
    town.stage.kill_web()
    town.stage.revive_web()
    browser.go(callback)
    assert SESSION in browser.jar
    assert browser.answer.status_code == 200
