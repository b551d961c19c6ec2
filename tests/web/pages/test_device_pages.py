"""``/device``: a code is entered or comes by a link, is compared, and leads on or to a no."""

from collections.abc import Iterator
from html import unescape

import httpx2
import pytest
from tests.web.hub import Hub, forget
from tests.web.pages.visits import Form, origin_of

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
BROWSER = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(autouse=True)
def counts_are_forgotten(valkey_url: str) -> Iterator[None]:
    """So that tests do not guess for each other."""
    forget(valkey_url, "limit:device_*")
    yield
    forget(valkey_url, "limit:device_*")


@pytest.fixture
def phone(hub: Hub) -> Iterator[httpx2.Client]:
    with new_phone(hub) as http:
        yield http


def new_phone(hub: Hub) -> httpx2.Client:
    return httpx2.Client(
        base_url=hub.url, timeout=120, headers={"Accept-Language": "en"}, follow_redirects=False
    )


def switch_on(hub: Hub, **fields: str) -> dict[str, str]:
    """A TV's codes."""
    answer = hub.http.post("/device_authorization", data={"client_id": "play-tv", **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def poll(hub: Hub, codes: dict[str, str]) -> dict[str, str]:
    form = {"grant_type": GRANT, "device_code": codes["device_code"], "client_id": "play-tv"}
    return hub.http.post("/token", data=form).json()


def send(
    hub: Hub, http: httpx2.Client, path: str, fields: dict[str, str], **headers: str
) -> httpx2.Response:
    """Send a form as a browser does."""
    told = {"Origin": origin_of(hub), "Sec-Fetch-Site": "same-origin"}
    return http.post(path, data=fields, headers={**told, **headers})


def enter(hub: Hub, http: httpx2.Client, code: str) -> httpx2.Response:
    """Open the page, type a code, press the button."""
    fields = Form(http.get("/device").text).hidden
    return send(hub, http, "/device", {**fields, "user_code": code})


def press(hub: Hub, http: httpx2.Client, page: httpx2.Response, act: str) -> httpx2.Response:
    """Say whether the codes match."""
    assert page.status_code == 200, page.text
    return send(hub, http, "/device/match", {**Form(page.text).hidden, "act": act})


def test_a_person_types_a_code_and_sees_whose_device_it_is(hub: Hub, phone: httpx2.Client) -> None:
    codes = switch_on(hub)
    page = enter(hub, phone, codes["user_code"].lower().replace("-", " "))
    for told in (
        "Halcyon Play",
        "a TV",
        codes["user_code"],
        "Is this code on a screen in front of you?",
    ):
        assert told in page.text


def test_a_link_with_the_code_asks_for_a_match_before_anything_else(
    hub: Hub, phone: httpx2.Client
) -> None:
    codes = switch_on(hub, device_name="<b>Den</b>")
    page = phone.get("/device", params={"user_code": codes["user_code"]})
    assert page.status_code == 200
    for told in ("Halcyon Play", "“&lt;b&gt;Den&lt;/b&gt;”", codes["user_code"]):
        assert told in page.text
    assert poll(hub, codes)["error"] == "authorization_pending"


def test_looking_at_a_code_decides_and_keeps_nothing(hub: Hub, phone: httpx2.Client) -> None:
    codes = switch_on(hub)
    before = hub.counts()
    enter(hub, phone, codes["user_code"])
    phone.get("/device", params={"user_code": codes["user_code"]})
    assert hub.counts() == before


def test_who_says_that_the_codes_match_is_asked_and_the_tv_goes_on(
    hub: Hub, phone: httpx2.Client
) -> None:
    codes = switch_on(hub, scope="openid")
    step = press(hub, phone, enter(hub, phone, codes["user_code"]), "confirm")
    assert step.status_code == 303
    path = step.headers["location"]
    assert path.startswith("/interaction/")

    consent = phone.get(path)
    assert "Before the film starts" in consent.text
    action = path.partition("?")[0]
    done = send(hub, phone, action, {**Form(consent.text).hidden, "act": "accept"})

    assert done.status_code == 303, done.text
    assert done.headers["location"] == f"{origin_of(hub)}/device/connected"
    assert "Your device is connected" in phone.get("/device/connected").text
    body = poll(hub, codes)
    assert {"access_token", "consent_token", "id_token", "refresh_token"} <= set(body)
    assert poll(hub, codes)["error"] == "invalid_grant"

    # Another TV: who has answered is told so, and goes on in one act.
    codes = switch_on(hub)
    path = press(hub, phone, enter(hub, phone, codes["user_code"]), "confirm").headers["location"]
    told = phone.get(path)
    assert "The device goes by your answers below" in told.text
    assert "We would like to use" not in told.text
    assert told.text.index('value="continue"') < told.text.index('value="save"')
    action = path.partition("?")[0]
    done = send(hub, phone, action, {**Form(told.text).hidden, "act": "continue"})
    assert done.headers["location"] == f"{origin_of(hub)}/device/connected"
    assert "consent_token" in poll(hub, codes)


def test_who_says_that_they_do_not_match_tells_the_device_no(
    hub: Hub, phone: httpx2.Client
) -> None:
    codes = switch_on(hub)
    page = enter(hub, phone, codes["user_code"])
    step = press(hub, phone, page, "deny")
    assert step.headers["location"] == "/device/denied"
    assert "The device was not connected" in phone.get("/device/denied").text
    assert poll(hub, codes)["error"] == "access_denied"
    assert press(hub, phone, page, "confirm").status_code == 404


def test_a_code_that_leads_nowhere_says_so_and_shows_what_was_typed(
    hub: Hub, phone: httpx2.Client
) -> None:
    for typed, shown in (("bcdfbcdf", "BCDF-BCDF"), ('"><script>', "&#34;&gt;&lt;script&gt;")):
        page = enter(hub, phone, typed)
        assert page.status_code == 404
        assert "This code leads nowhere" in page.text
        assert shown in page.text
    assert phone.get("/device", params={"user_code": "BCDF-BCDF"}).status_code == 404


def test_a_code_that_expired_or_was_answered_leads_nowhere(hub: Hub, phone: httpx2.Client) -> None:
    codes = switch_on(hub)
    page = enter(hub, phone, codes["user_code"])
    hub.rows(
        "UPDATE device_codes SET expires_at = now() WHERE status = 'pending' RETURNING client_id"
    )
    assert enter(hub, phone, codes["user_code"]).status_code == 404
    assert press(hub, phone, page, "confirm").status_code == 404
    assert poll(hub, codes)["error"] == "expired_token"


def test_one_browser_may_guess_ten_times_and_then_even_the_right_code_waits(
    hub: Hub, phone: httpx2.Client
) -> None:
    codes = switch_on(hub)
    page = enter(hub, phone, codes["user_code"])
    assert [enter(hub, phone, "BCDFBCDF").status_code for _ in range(10)] == [404] * 10
    for refused in (
        enter(hub, phone, codes["user_code"]),
        phone.get("/device", params={"user_code": codes["user_code"]}),
        press(hub, phone, page, "confirm"),
    ):
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= 600
        assert "Too many codes were tried" in refused.text
    with new_phone(hub) as other:
        assert enter(hub, other, codes["user_code"]).status_code == 200


def test_codes_that_were_right_are_no_guesses(hub: Hub, phone: httpx2.Client) -> None:
    codes = switch_on(hub)
    answers = [enter(hub, phone, codes["user_code"]).status_code for _ in range(15)]
    assert answers == [200] * 15


def test_guesses_from_one_address_are_limited_whatever_the_browser(hub: Hub) -> None:
    codes = switch_on(hub)
    for _ in range(100):
        # No cookies: every request is a new browser.
        assert hub.http.get("/device?user_code=BCDFBCDF", headers={"Cookie": ""}).status_code == 404
        hub.http.cookies.clear()
    refused = hub.http.get("/device", params={"user_code": codes["user_code"]})
    hub.http.cookies.clear()
    assert refused.status_code == 429

    # Who follows the device's own link has guessed nothing, in any language and to the end.
    link = codes["verification_uri_complete"].partition("/device?")[2]
    with new_phone(hub) as phone:
        page = phone.get(f"/device?{link}")
        assert page.status_code == 200
        assert f"?lang=fr&{link}" in unescape(page.text)
        action = unescape(page.text.partition('action="')[2].partition('"')[0])
        fields = {**Form(page.text).hidden, "act": "confirm"}
        assert send(hub, phone, action, fields).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_form_answers_nothing(
    hub: Hub, phone: httpx2.Client, headers: dict[str, str]
) -> None:
    codes = switch_on(hub)
    fields = Form(enter(hub, phone, codes["user_code"]).text).hidden
    for path, act in (("/device/match", "deny"), ("/device/match", "confirm")):
        answer = send(hub, phone, path, {**fields, "act": act}, **headers)
        assert answer.status_code == 403
    assert poll(hub, codes)["error"] == "authorization_pending"


def test_a_form_works_in_the_browser_and_for_the_code_it_was_made_for(
    hub: Hub, phone: httpx2.Client
) -> None:
    mine, theirs = switch_on(hub), switch_on(hub)
    fields = Form(enter(hub, phone, mine["user_code"]).text).hidden
    swapped = {**fields, "user_code": theirs["user_code"], "act": "confirm"}
    assert send(hub, phone, "/device/match", swapped).status_code == 403
    with new_phone(hub) as other:
        stolen = {**fields, "act": "confirm"}
        assert send(hub, other, "/device/match", stolen).status_code == 403
        other.get("/device")
        assert send(hub, other, "/device/match", stolen).status_code == 403
    no_token = {"user_code": mine["user_code"], "act": "confirm"}
    assert send(hub, phone, "/device/match", no_token).status_code == 403
    assert send(hub, phone, "/device", {"user_code": mine["user_code"]}).status_code == 403


@pytest.mark.parametrize("act", ["", "approve"])
def test_a_form_that_says_what_no_button_says_is_refused(
    hub: Hub, phone: httpx2.Client, act: str
) -> None:
    page = enter(hub, phone, switch_on(hub)["user_code"])
    assert press(hub, phone, page, act).status_code in (400, 422)
    fields = {**Form(page.text).hidden, "act": "confirm", "more": "x"}
    assert send(hub, phone, "/device/match", fields).status_code in (400, 422)


def test_a_parameter_that_comes_twice_is_refused(phone: httpx2.Client) -> None:
    twice = phone.get("/device?user_code=BCDFBCDF&user_code=BCDFBCDF")
    assert twice.status_code in (400, 422)
    assert twice.headers["content-type"].startswith("text/html")


def test_the_page_cannot_be_framed_and_sends_its_forms_home_only(
    phone: httpx2.Client,
) -> None:
    for path in ("/device", "/device/connected"):
        answer = phone.get(path)
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"


def test_the_browser_cookie_is_given_once_and_out_of_reach_of_scripts(
    phone: httpx2.Client,
) -> None:
    cookie = phone.get("/device").headers["set-cookie"]
    assert "httponly" in cookie.lower()
    assert "samesite=lax" in cookie.lower()
    assert "set-cookie" not in phone.get("/device").headers


def test_the_page_speaks_french_to_who_asks_and_keeps_the_code_in_its_links(
    hub: Hub, phone: httpx2.Client
) -> None:
    codes = switch_on(hub, device_name="Salon")
    link = f"/device?user_code={codes['user_code']}"
    page = phone.get(link, headers={"Accept-Language": "fr-CH, en;q=0.5"})
    assert '<html lang="fr"' in page.text
    assert "«\u00a0Salon\u00a0»" in page.text
    english = phone.get(f"/device?lang=en&user_code={codes['user_code']}")
    assert '<html lang="en"' in english.text
    assert f"?lang=fr&amp;user_code={codes['user_code']}" in english.text


def test_there_is_no_other_page_below(phone: httpx2.Client) -> None:
    assert phone.get("/device/unheard-of").status_code == 404
    assert "Codes last 10 minutes" in phone.get("/device/expired").text
