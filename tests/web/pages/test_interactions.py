"""``/interaction/{id}`` over HTTP: shown, answered once, by the browser it belongs to."""

import re
from dataclasses import replace

import httpx2
import pytest
from tests.web.hub import Hub
from tests.web.pages.visits import Arrive, Form, Visit, authorize_path


def _answered(answer: httpx2.Response) -> str:
    assert answer.status_code == 303, answer.text
    location = answer.headers["location"]
    assert location.startswith("http://news.localhost:7600/callback?")
    return location


@pytest.mark.parametrize("act", ["accept", "refuse"])
def test_one_act_answers_and_leads_back_with_a_code(arrive: Arrive, act: str) -> None:
    visit = arrive()
    answer = visit.send({**visit.form().hidden, "act": act})
    location = _answered(answer)
    assert "code=" in location
    assert "state=the-state" in location
    assert answer.headers["cache-control"] == "no-store"
    assert "consentid-device" in answer.headers["set-cookie"]


def test_single_answers_are_recorded_and_not_asked_again(arrive: Arrive) -> None:
    visit = arrive()
    form = visit.form()
    assert form.required
    assert form.required <= form.radios
    answer = visit.send({**form.hidden, "act": "save", **dict.fromkeys(form.required, "refused")})
    assert "code=" in _answered(answer)
    again = visit.http.get(authorize_path())
    assert "code=" in _answered(again)


def test_whoever_is_shown_their_answers_again_finds_them_as_they_stand(arrive: Arrive) -> None:
    visit = arrive()
    form = visit.form()
    chosen = dict.fromkeys(form.required, "refused") | {"choice.content": "granted"}
    _answered(visit.send({**form.hidden, "act": "save", **chosen}))
    location = visit.http.get(authorize_path(prompt="consent")).headers["location"]
    again = replace(visit, path=re.sub(r"^https?://[^/]+", "", location))
    page = again.look().text
    assert Form(page).checked == set(chosen)
    assert "Shown again, with your answers as they stand" in page
    assert '<details class="choose" open>' in page
    assert 'value="continue"' in page
    assert 'value="later"' not in page
    granted = re.search(r'name="choice.content" value="granted" checked', page)
    assert granted is not None


def test_another_brand_asks_only_for_what_is_missing_and_says_why(arrive: Arrive) -> None:
    news = arrive()
    _answered(news.send({**news.form().hidden, "act": "accept"}))
    callback = "http://play.localhost:7600/callback"
    location = news.http.get(authorize_path(client="play-web", redirect=callback)).headers[
        "location"
    ]
    play = replace(news, path=re.sub(r"^https?://[^/]+", "", location))
    form = play.form()
    assert form.radios == {"choice.tv", "choice.tv.ads", "choice.play:together", "choice.location"}
    assert not form.checked
    page = re.sub(r"</?strong>", "", play.look().text)
    assert (
        "Halcyon Play asks for itself, whatever you said to the whole group:"
        " What you watch on TV and TV ads chosen by what you watch." in page
    )
    assert "Not answered yet: Watching together and Precise location." in page
    assert "Only what is missing is asked." in page
    shown = play.form("?show=all")
    assert {"choice.ads", "choice.tv"} <= shown.radios
    assert "choice.ads" in shown.checked
    assert "choice.tv" not in shown.checked
    refused = {**dict.fromkeys(shown.radios, "granted"), "choice.contact": "refused"}
    refused |= {name: "refused" for name in shown.radios if name.startswith("choice.contact.")}
    answer = play.http.post(
        f"{play.path}?show=all",
        data={**shown.hidden, "act": "save", **refused},
        headers={"Origin": play.origin, "Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"{callback}?")


def test_a_page_in_another_language_asks_for_as_much_and_as_far(arrive: Arrive) -> None:
    page = arrive().look("?show=all&reach=brand").text
    assert 'lang=fr&amp;show=all&amp;reach=brand"' in page


def test_showing_and_going_back_record_nothing(hub: Hub, arrive: Arrive) -> None:
    visit = arrive()
    before = hub.counts()["decisions"]
    hidden = visit.form().hidden
    location = _answered(visit.send({**hidden, "act": "later"}))
    assert "error=" in location
    assert "code=" not in location
    assert hub.counts()["decisions"] == before


def test_an_incomplete_form_comes_back_as_it_was_filled_in(hub: Hub, arrive: Arrive) -> None:
    visit = arrive()
    form = visit.form("?lang=fr")
    before = hub.counts()["decisions"]
    answer = visit.send(
        {
            **form.hidden,
            "act": "save",
            "choice.ads": "refused",
            "choice.ads.personalised": "granted",
        }
    )
    assert answer.status_code == 422
    assert 'value="refused" checked' in answer.text
    assert 'role="alert"' in answer.text
    assert '<details class="choose" open>' in answer.text
    assert hub.counts()["decisions"] == before


def test_a_person_chooses_the_language_and_the_reach(arrive: Arrive) -> None:
    visit = arrive(ui_locales="en")
    assert '<html lang="en"' in visit.look().text
    page = visit.look("?lang=fr&reach=brand").text
    assert '<html lang="fr"' in page
    assert "vaut chez Halcyon News seulement" in page
    assert '<input type="hidden" name="reach" value="brand">' in page


def test_a_language_nobody_speaks_is_no_error(arrive: Arrive) -> None:
    visit = arrive()
    assert visit.look("?lang=xx&reach=all").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_csrf_on_the_consent_form_is_refused(
    hub: Hub, arrive: Arrive, headers: dict[str, str]
) -> None:
    visit = arrive()
    hidden = visit.form().hidden
    before = hub.counts()
    answer = visit.send({**hidden, "act": "accept"}, headers=headers)
    assert answer.status_code == 403
    assert "form_foreign" in answer.text
    assert hub.counts() == before


@pytest.mark.parametrize("token", [None, "", "x" * 43])
def test_a_form_without_this_browsers_token_is_refused(arrive: Arrive, token: str | None) -> None:
    visit = arrive()
    hidden = visit.form().hidden
    hidden.pop("form_token")
    if token is not None:
        hidden["form_token"] = token
    assert visit.send({**hidden, "act": "accept"}).status_code == 403


def test_a_token_of_one_interaction_opens_no_other(arrive: Arrive) -> None:
    visit, other = arrive(), arrive()
    fields = {**visit.form().hidden, "form_token": other.form().hidden["form_token"]}
    assert visit.send({**fields, "act": "accept"}).status_code == 403


def test_another_browser_finds_nothing_here(arrive: Arrive) -> None:
    visit, other = arrive(), arrive()
    answer = other.http.get(visit.path)
    assert answer.status_code == 404
    assert "<h1>This page belongs to another browser</h1>" in answer.text


def test_a_form_that_is_sent_twice_is_one_answer_and_leads_to_the_client(
    hub: Hub, arrive: Arrive
) -> None:
    """The browser gave up on the first answer at the second click, and its cookie with it."""
    visit = arrive()
    sent = {**visit.form().hidden, "act": "refuse"}
    before = hub.counts()
    first = visit.send(sent)
    visit.http.cookies.delete("consentid-device")
    second = visit.send({**sent, "act": "accept"})
    assert first.status_code == second.status_code == 303
    for answer in (first, second):
        location = _answered(answer)
        assert "code=" in location
        assert "state=the-state" in location
    assert second.cookies["consentid-device"] == first.cookies["consentid-device"]
    now = hub.counts()
    assert {each: now[each] - before[each] for each in ("devices", "decisions")} == {
        "devices": 1,
        "decisions": 1,
    }


def test_who_comes_back_to_an_answered_page_is_led_to_their_choices(arrive: Arrive) -> None:
    visit = arrive()
    hidden = visit.form().hidden
    assert visit.send({**hidden, "act": "refuse"}).status_code == 303
    again = visit.look()
    assert again.status_code == 410
    assert "<h1>You have answered already</h1>" in again.text
    assert "See and change my choices" in again.text
    link = "/preferences?client_id=news-web&amp;return_to=http%3A%2F%2Fnews.localhost%3A7600%2F"
    assert f'href="{link}"' in again.text
    assert replace(arrive(), path=visit.path).look().status_code == 404


def test_a_stale_form_is_a_conflict_and_leads_to_the_page_as_it_is_now(arrive: Arrive) -> None:
    first = arrive()
    stale = first.form().hidden
    # In another tab of the same browser, the person answers and so becomes known.
    location = first.http.get(authorize_path()).headers["location"]
    second = Visit(
        http=first.http, origin=first.origin, path=re.sub(r"^https?://[^/]+", "", location)
    )
    assert second.send({**second.form().hidden, "act": "accept"}).status_code == 303
    answer = first.send({**stale, "act": "accept"})
    assert answer.status_code == 409
    assert f'href="{first.path}"' in answer.text


@pytest.mark.parametrize(
    "body",
    [
        "act=accept&act=refuse",
        "act=accept&reach=group&subject=somebody",
        "act=%ff",
        "&".join(f"choice.p{n}=granted" for n in range(200)),
    ],
)
def test_a_form_that_no_page_makes_is_malformed(arrive: Arrive, body: str) -> None:
    visit = arrive()
    answer = visit.http.post(
        visit.path,
        content=body.encode(),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": visit.origin,
            "Sec-Fetch-Site": "same-origin",
        },
    )
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_a_page_is_framed_and_kept_by_nobody(arrive: Arrive) -> None:
    answer = arrive().look()
    policy = answer.headers["content-security-policy"]
    assert answer.headers.get_list("content-security-policy") == [policy]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "http://news.localhost:7600" in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers.get_list("referrer-policy") == ["same-origin"]


def test_a_signal_is_said_to_be_honoured_and_a_yes_after_that_counts(arrive: Arrive) -> None:
    visit = arrive()
    gpc = {"Sec-GPC": "1"}
    page = visit.look(**gpc).text
    assert "Your browser says no, and we honour it" in page
    told = visit.form(**gpc).hidden
    assert told["told"] == "gpc"
    answer = visit.send(
        {**told, "act": "accept"},
        headers={**gpc, "Origin": visit.origin, "Sec-Fetch-Site": "same-origin"},
    )
    assert "code=" in _answered(answer)


def test_style_sheets_and_icons_keep_for_ever(arrive: Arrive) -> None:
    visit = arrive()
    addresses = re.findall(r'href="(/assets/[^"]+)"', visit.look().text)
    assert len(addresses) == 3
    for address in addresses:
        answer = visit.http.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"] in {"text/css; charset=utf-8", "image/svg+xml"}
    assert visit.http.get("/assets/pages.0000000000000000.css").status_code == 404


def test_a_person_is_told_of_an_unknown_client_in_their_language(hub: Hub) -> None:
    answer = httpx2.get(
        hub.url + authorize_path(client="nobody"), headers={"Accept-Language": "fr-FR,en;q=0.5"}
    )
    assert answer.status_code in {400, 404}
    assert "<h1>Nous ne savons pas qui vous envoie ici</h1>" in answer.text
    assert "location" not in answer.headers


def test_programs_are_told_what_programs_read(hub: Hub) -> None:
    assert hub.http.get("/nowhere").headers["content-type"] == "application/problem+json"
    visited = httpx2.get(f"{hub.url}/nowhere", headers={"Accept": "text/html"})
    assert visited.status_code == 404
    assert "<h1>There is nothing here</h1>" in visited.text


@pytest.mark.parametrize("address", ["/preferences/nothing", "//elsewhere.example/?a=1"])
def test_what_is_said_of_an_address_is_said_in_the_other_language_too(
    hub: Hub, address: str
) -> None:
    headers = {"Accept": "text/html", "Accept-Language": "en"}
    told = httpx2.get(hub.url + address, headers=headers)
    assert told.status_code == 404
    assert re.findall(r'href="([^"]+)" hreflang="(..)"', told.text) == [
        ("?lang=en", "en"),
        ("?lang=fr", "fr"),
    ]
    assert "elsewhere" not in told.text
    french = httpx2.get(f"{hub.url}{address.partition('?')[0]}?lang=fr", headers=headers)
    assert "rien ici</h1>" in french.text
    assert 'lang="fr" aria-current="true"' in french.text


def test_what_cannot_be_asked_for_again_is_offered_in_no_other_language(hub: Hub) -> None:
    posted = httpx2.post(f"{hub.url}/preferences", headers={"Accept": "text/html"})
    asked = httpx2.get(hub.url + authorize_path(client="nobody"), headers={"Accept": "text/html"})
    for answer in (posted, asked):
        assert answer.status_code >= 400
        assert "<h1>" in answer.text
        assert "hreflang" not in answer.text


def test_signing_in_from_another_site_is_refused(arrive: Arrive) -> None:
    visit = arrive()
    answer = visit.http.get(f"{visit.path}/sign-in", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
