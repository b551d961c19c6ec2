"""What a hostile page, a hostile link or a broken browser tries: nothing more is granted for it."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route
from tests.chromium import press
from tests.sdk.brand_pages import (
    Sites,
    Visitor,
    change_holder,
    holder,
    origin_of,
    settle,
    state,
)
from tests.sdk.test_links import carried, lent, play

pytestmark = pytest.mark.browser

NEWS, SHOP, PLAY = (origin_of(each) for each in ("news", "shop", "play"))
_LINKS = f"""
<p><a href="{PLAY}/film?id=7#cast">a film</a></p>
<p><a href="{PLAY}/" rel="ugc">what a reader wrote</a></p>"""
_CALL = """async ([url, body, options]) => {
  const { access } = JSON.parse(localStorage["consentid:news-spa"]);
  const isForm = typeof body === "string";
  const headers = { "Idempotency-Key": crypto.randomUUID() };
  if (!isForm) headers.Authorization = `Bearer ${access}`;
  if (body) headers["Content-Type"] = isForm
    ? "application/x-www-form-urlencoded" : "application/json";
  const sent = isForm || !body ? body : JSON.stringify(body);
  const asked = { method: body ? "POST" : "GET", body: sent, headers, ...options };
  return fetch(url, asked)
    .then(async (answer) => [answer.status, await answer.json()], () => [0, {}]) }"""


@pytest.fixture
def page(visitor: Visitor, sites: Sites) -> Page:
    """A page of news that somebody answered with yes; its scripts may do what they like."""
    sites.body["news"] = _LINKS
    quiet = {"silent": "never", "follow": "never"}
    sites.options |= dict.fromkeys(("news", "shop", "play"), quiet)
    found = visitor.open("news")
    visitor.answer_at_hub(found)
    lent(found, sites)
    visitor.calls()
    return found


def call(
    page: Page, url: str, body: object = None, **options: object
) -> tuple[int, dict[str, Any]]:
    """What a script of news hears from the hub, with the tokens that it holds."""
    status, answer = page.evaluate(_CALL, [url, body, options])
    return status, answer


# ── A brand's page against the other brands ──────────────────────────────────────────────────────


def test_a_hostile_page_grants_nothing_beyond_its_own_brand(sites: Sites, page: Page) -> None:
    shop = call(page, f"{sites.hub}/v1/catalogue?brand=shop")[1]
    news = call(page, f"{sites.hub}/v1/catalogue?brand=news")[1]
    yes = [{"purpose": "ads", "outcome": "granted"}]
    tried = [
        {"served": news["served"], "notice": news["notice"], "reach": "group", "choices": yes},
        {"served": shop["served"], "notice": shop["notice"], "reach": "brand", "choices": yes},
        {"served": shop["served"], "notice": shop["notice"], "reach": "group", "choices": yes},
        {"served": news["served"], "notice": shop["notice"], "reach": "brand", "choices": yes},
        {
            "served": news["served"],
            "notice": news["notice"],
            "reach": "brand",
            "choices": [{"purpose": "shop:loyalty", "outcome": "granted"}],
        },
    ]
    for body in tried:
        status, answer = call(page, f"{sites.hub}/v1/decisions", body)
        assert 400 <= status < 500, answer
    assert call(page, f"{sites.hub}/v1/withdrawals", {"reach": "brand/shop", "all": True})[0] >= 400
    # A yes at its own brand is a yes there and nowhere else.
    page.evaluate("consentid.withdraw(['ads'], {reach: 'group'})")
    page.evaluate("consentid.answer({ads: true})")
    assert page.evaluate("consentid.granted('ads')")
    press(page, page.get_by_role("link", name="a film"))
    assert play(page)["by"] == "link"
    assert page.evaluate("consentid.granted('ads')") is False


def test_a_hostile_page_reads_nothing_of_another_brand(sites: Sites, page: Page) -> None:
    hub = sites.hub
    own = call(page, f"{hub}/v1/state")[1]["purposes"]
    assert not any(each["purpose"].startswith(("shop:", "play:")) for each in own)
    assert call(page, f"{hub}/v1/state?brand=shop")[0] == 422
    # The hub's own cookies go with no request of a script, and no page of its own can be read.
    for path in ("/preferences/data", "/preferences", "/authorize", "/v1/verify"):
        assert call(page, hub + path, credentials="include") == (0, {})
    kept = holder(page)
    assert kept is not None
    forms = {
        "another client's refresh": f"grant_type=refresh_token&refresh_token={kept['refresh']}",
        "exchange": "grant_type=urn:ietf:params:oauth:grant-type:token-exchange"
        f"&subject_token={kept['access']}"
        "&subject_token_type=urn:ietf:params:oauth:token-type:access_token",
    }
    for form in forms.values():
        status, answer = call(page, f"{hub}/token", f"{form}&client_id=shop-spa")
        assert 400 <= status < 500, answer
        assert "consent_token" not in answer
    # Nor in a frame of the other brand, nor by asking it.
    heard = page.evaluate(
        """async (shop) => {
          const heard = []; addEventListener("message", ({ data }) => heard.push(data));
          const frame = Object.assign(document.createElement("iframe"), { src: shop });
          document.body.append(frame);
          await new Promise((loaded) => frame.addEventListener("load", loaded));
          for (const asked of ["consentid", "getTCData", { type: "consentid", act: "state" }])
            frame.contentWindow.postMessage(asked, "*");
          try { heard.push(frame.contentWindow.localStorage.length) } catch {}
          await new Promise((over) => setTimeout(over, 100));
          return heard }""",
        f"{SHOP}/",
    )
    assert heard == []


def test_a_hostile_page_frames_no_page_of_the_hub(sites: Sites, page: Page) -> None:
    paths = ("/", "/preferences", "/preferences/sign-in", "/preferences/history", "/device",
             "/authorize", "/interaction/x", "/login/callback?state=x", "/logout")  # fmt: skip
    for path in paths:
        url = sites.hub + path
        with page.expect_event("requestfailed", lambda asked, url=url: asked.url == url) as failed:
            page.evaluate(
                """(src) => document.body.append(
                     Object.assign(document.createElement("iframe"), { src }))""",
                url,
            )
        assert "ERR_BLOCKED_BY_RESPONSE" in (failed.value.failure or ""), path


def test_a_hostile_page_can_use_no_code_that_is_not_for_it(sites: Sites, page: Page) -> None:
    """It makes one for a link to play, and redeems it itself; then it is of no use to anybody."""
    code = call(page, f"{sites.hub}/v1/handoffs", {"origin": PLAY})[1]["code"]
    grant = "grant_type=urn:consentid:params:oauth:grant-type:handoff"
    for client in ("play-spa", "shop-spa", "news-spa"):
        form = f"{grant}&client_id={client}&code={code}&referrer={NEWS}"
        status, answer = call(page, f"{sites.hub}/token", form)
        assert 400 <= status < 500, answer
    page.evaluate(f"location.href = '{PLAY}/film#consentid={code}'")
    assert play(page)["granted"] == []


def test_nobody_plants_a_device_by_leading_a_visitor_back(
    visit: Callable[..., Visitor], page: Page
) -> None:
    """A stranger who opened the window changes the address of a page that news led to."""
    code = carried(page)
    victim = visit().open("news", "/x")
    victim.evaluate(f"location.href = '{PLAY}/film'")
    assert play(victim)["status"] == "empty"
    victim.evaluate(f"location.href = '{PLAY}/film#consentid={code}'")
    victim.reload()
    assert play(victim)["granted"] == []
    assert victim.evaluate("document.referrer") == f"{NEWS}/"
    assert holder(victim, "play-spa") is None
    assert victim.url == f"{PLAY}/film"


def test_a_page_may_say_which_referrer_goes_out_of_the_group(
    visit: Callable[..., Visitor], sites: Sites
) -> None:
    sites.body["news"] = (
        '<a referrerpolicy="origin" href="http://elsewhere.example/">partner</a>'
        '<a href="http://elsewhere.example/">anybody</a>'
    )
    told = list[str | None]()

    def answer(route: Route) -> None:
        told.append(route.request.headers.get("referer"))
        route.fulfill(status=204)

    visitor = visit().open("news")
    lent(visitor, sites)
    visitor.route("http://elsewhere.example/**", answer)
    for name in ("partner", "anybody"):
        with visitor.expect_request("http://elsewhere.example/**"):
            visitor.get_by_role("link", name=name).click()
    assert told == [f"{NEWS}/", None]


def test_a_link_that_nobody_answers_for_carries_nothing(visitor: Visitor, page: Page) -> None:
    """What a reader wrote may lead on to anywhere, and a redirect keeps the fragment."""
    page.get_by_role("link", name="what a reader wrote").click()
    assert play(page)["status"] == "empty"
    assert "POST /v1/handoffs" not in visitor.calls()


@pytest.mark.parametrize(
    "said", ["", 'rel="ugc" referrerpolicy="origin"', 'rel="nofollow"', 'rel="sponsored"']
)
def test_nobody_plants_a_device_by_a_link_of_theirs_that_leads_on(
    visit: Callable[..., Visitor], page: Page, sites: Sites, said: str
) -> None:
    """A stranger's server sends the visitor on with a code, and a redirect keeps the referrer."""
    location = f"{PLAY}/film#consentid={carried(page)}"
    sites.body["news"] = f'<a {said} href="http://elsewhere.example/go">come</a>'
    victim = visit().open("news")
    lent(victim, sites)
    victim.route(
        "http://elsewhere.example/**",
        lambda route: route.fulfill(status=302, headers={"Location": location}),
    )
    victim.get_by_role("link", name="come").click()
    assert play(victim)["granted"] == []
    assert victim.evaluate("document.referrer") == ""
    assert holder(victim, "play-spa") is None
    assert victim.url == f"{PLAY}/film"


# ── What lies in the page and in its storage ─────────────────────────────────────────────────────


@pytest.mark.parametrize("kept", ['{"v":1}', "[]", "<p>"])
def test_whatever_lies_in_the_storage_nothing_throws(
    visit: Callable[..., Visitor], sites: Sites, kept: str
) -> None:
    sites.options["news"] = {"auto": False, "follow": "never"}
    visitor = visit()
    visitor.context.add_init_script(
        "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})"
    )
    page = visitor.open("news")
    page.evaluate("consentid.answer({ads: true}, {told: true})")
    change_holder(page, "kept.gpc = false")
    page.evaluate("kept => { localStorage['consentid:news-spa:about'] = kept }", kept)
    page.reload()
    page.wait_for_function("window.ready?.then(() => true)")
    assert page.evaluate("typeof consentid.granted('ads.personalised')") == "boolean"
    assert state(page)["missing"] == []


def test_a_withdrawal_holds_where_the_storage_is_full(page: Page) -> None:
    """What cannot be written in the place of a yes takes the yes away."""
    assert page.evaluate("consentid.granted('ads')")
    page.evaluate(
        """() => { const put = Storage.prototype.setItem; Storage.prototype.setItem =
          function (name, value) {
            if (this === localStorage && value.length > 100)
              throw new DOMException("full", "QuotaExceededError");
            put.call(this, name, value) } }"""
    )
    page.evaluate("consentid.withdraw('all')")
    assert page.evaluate("consentid.granted('ads')") is False
    page.evaluate("dispatchEvent(new StorageEvent('storage', {key: null}))")
    assert page.evaluate("consentid.granted('ads')") is False
    page.reload()
    settle(page)
    assert page.evaluate("consentid.granted('ads')") is False


def test_who_took_everything_back_can_answer_anew_at_the_first_click(page: Page) -> None:
    """What was taken back everywhere ended the tokens as well."""
    page.evaluate("consentid.withdraw('all', {reach: 'group'})")
    assert page.evaluate("consentid.granted('ads')") is False
    page.evaluate("consentid.answer({ads: true})")
    assert page.evaluate("consentid.granted('ads')")


def test_an_answer_of_the_hub_that_is_none_is_not_kept(visitor: Visitor, sites: Sites) -> None:
    """A captive portal says 200 to everything."""
    sites.options["news"] = {"silent": "always"}
    page = visitor.context.new_page()
    headers = {"Access-Control-Allow-Origin": "*"}
    bodies = ["null", '{"purposes": 7}', "{}", "<h1>Welcome to the hotel</h1>"]
    page.route(
        "**/v1/catalogue*",
        lambda route: (
            route.fulfill(body=bodies.pop(), headers=headers) if bodies else route.continue_()
        ),
    )
    while bodies:
        page.goto(f"{NEWS}/")
        assert settle(page)["status"] == "unknown"
        assert page.locator("consent-banner").count() == 0
    page.goto(f"{NEWS}/")
    page.get_by_role("button", name="Make my choices").wait_for()


def test_storage_that_forgets_leads_in_no_circle(visitor: Visitor, sites: Sites) -> None:
    """Something empties the site's storage at each load: one look at the hub, then the question."""
    sites.options["news"] = {"silent": "always", "follow": "never"}
    sites.head["news"] = "<script>if (location.pathname === '/') localStorage.clear()</script>"
    page = visitor.open("shop")
    visitor.answer_at_hub(page)
    page.goto(f"{NEWS}/")
    page.get_by_role("button", name="Make my choices").wait_for()
    assert visitor.calls().count("GET /authorize?") == 0
    assert page.url == f"{NEWS}/"


_CLOBBERED = "".join(
    f'<form name="{each}" id="{each}"></form><img name="{each}">'
    for each in ("cookie", "querySelectorAll", "consentid", "dataLayer", "options", "referrer")
)


def test_names_in_the_page_stop_no_withdrawal(visitor: Visitor, sites: Sites) -> None:
    """Markup that readers may write takes the place of what scripts look for in a document."""
    sites.options["news"] = {"auto": False, "follow": "never", "blocking": True}
    sites.files["/frame.html"] = ("text/html", "<p>in the frame</p>")
    page = visitor.open("news")
    page.evaluate("consentid.answer({ads: true, content: true})")
    page.evaluate(
        """markup => { document.cookie = "_gcl_au=1; path=/"; document.body.insertAdjacentHTML(
          "beforeend", '<iframe data-consent="content" data-src="/frame.html"></iframe>'
          + '<script type="text/plain" data-consent="ads"></' + 'script>' + markup) }""",
        _CLOBBERED,
    )
    page.wait_for_selector("iframe[src]")
    page.evaluate("void consentid.withdraw('all')")
    page.wait_for_function("!document.forms.length && window.consentid")
    settle(page)
    assert page.evaluate("[consentid.granted('ads'), document.cookie]") == [False, ""]


def test_what_was_never_held_is_held_from_then_on(visitor: Visitor, sites: Sites) -> None:
    """A frame and an image whose page forgot to hold them, a set of images, a frame of text."""
    sites.options["news"] = {"auto": False, "follow": "never"}
    sites.files["/frame.html"] = ("text/html", "<p>in the frame</p>")
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
    sites.files["/set.svg"] = ("image/svg+xml", svg)
    sites.body["news"] = (
        '<iframe id="live" data-consent="content" src="/frame.html"></iframe>'
        '<iframe id="text" data-consent="content" data-srcdoc="<p>in the text</p>"></iframe>'
        '<img data-consent="content" data-srcset="/set.svg 1x" alt="">'
    )
    page = visitor.open("news")
    page.wait_for_selector("#live:not([src])", state="attached")
    assert "/set.svg" not in sites.asked
    page.evaluate("consentid.answer({content: true})")
    for name, text in {"live": "in the frame", "text": "in the text"}.items():
        page.frame_locator(f"#{name}").get_by_text(text).wait_for()
    page.wait_for_function("document.querySelector('img').naturalWidth === 1")
    page.evaluate("consentid.withdraw(['content'])")
    for name in ("live", "text"):
        page.wait_for_function(
            "id => !document.getElementById(id).contentDocument.body.textContent", arg=name
        )
    assert page.locator("img").get_attribute("srcset") is None


def test_clearing_the_storage_tells_google_no(visitor: Visitor, sites: Sites) -> None:
    sites.options["news"] = {"consentMode": True, "auto": False, "follow": "never"}
    page = visitor.open("news")
    page.evaluate("consentid.answer({ads: true})")
    page.wait_for_function("dataLayer.at(-1)[2].ad_storage === 'granted'")
    page.evaluate("localStorage.clear(); dispatchEvent(new StorageEvent('storage', {key: null}))")
    page.wait_for_function("dataLayer.at(-1)[2].ad_storage === 'denied'")
