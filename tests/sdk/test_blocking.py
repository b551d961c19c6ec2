"""What a purpose pays for waits for it, comes at once, and goes with it."""

import pytest
from playwright.sync_api import Page, expect
from tests.sdk.brand_pages import Sites, Visitor, origin_of, settle

pytestmark = pytest.mark.browser

_HELD = """
<script type="text/plain" data-consent="ads">
  window.order = ["inline"]; window.ran = (window.ran ?? 0) + 1</script>
<script type="text/plain" data-consent="ads" data-src="/tag.js"></script>
<script type="text/plain" data-consent="ads" data-src="/later.js"></script>
<script type="text/plain" data-consent="ads content" data-src="/both.js"></script>
<iframe data-consent="content" data-src="/frame.html" title="frame"></iframe>
<img data-consent="content" data-src="/pixel.svg" alt="">
"""
_SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'


@pytest.fixture
def page(visitor: Visitor, sites: Sites) -> Page:
    sites.options["news"] = {"auto": False, "follow": "never"}
    sites.body["news"] = _HELD
    sites.files |= {
        "/tag.js": ("text/javascript", "window.order.push('tag'); document.cookie = 'ad_id=1'"),
        "/later.js": ("text/javascript", "window.order.push('later')"),
        "/both.js": ("text/javascript", "window.order.push('both')"),
        "/frame.html": ("text/html", "<p>in the frame</p>"),
        "/pixel.svg": ("image/svg+xml", _SVG),
    }
    found = visitor.open("news", "/story?x=1#here")
    found.wait_for_load_state("networkidle")
    return found


def test_until_somebody_says_yes_nothing_is_loaded(page: Page, sites: Sites) -> None:
    assert sites.asked == []
    assert page.evaluate("window.ran") is None


def test_a_yes_lets_it_go_at_once_in_the_order_of_the_page(page: Page, sites: Sites) -> None:
    page.evaluate("consentid.answer({ads: true, content: false})")
    page.wait_for_function("window.order?.length === 3")
    assert page.evaluate("[order, ran]") == [["inline", "tag", "later"], 1]
    assert sorted(sites.asked) == ["/later.js", "/tag.js"]
    page.evaluate("consentid.answer({content: true})")
    page.wait_for_function("window.order.length === 4")
    expect(page.frame_locator("iframe").locator("p")).to_have_text("in the frame")
    page.wait_for_function("document.querySelector('img').naturalWidth === 1")
    assert page.evaluate("ran") == 1


def test_a_page_that_requires_trusted_types_lets_it_go_too(visitor: Visitor, sites: Sites) -> None:
    sites.options["news"] = {"auto": False, "follow": "never"}
    sites.headers["news"] = {
        "Content-Security-Policy": "require-trusted-types-for 'script'; trusted-types consentid"
    }
    sites.body["news"] = """<button onclick="consentid.answer({ads: true})">Yes</button>
      <script type="text/plain" data-consent="ads">document.title = "inline"</script>
      <script type="text/plain" data-consent="ads" data-src="/tag.js"></script>"""
    sites.files["/tag.js"] = ("text/javascript", "document.title += ' and tag'")
    page = visitor.context.new_page()
    page.goto(f"{origin_of('news')}/", wait_until="networkidle")
    page.get_by_role("button", name="Yes").click()
    expect(page).to_have_title("inline and tag")


def test_a_no_keeps_it(page: Page, sites: Sites) -> None:
    page.evaluate("consentid.answer({ads: false, content: false})")
    page.wait_for_load_state("networkidle")
    assert sites.asked == []


def test_what_comes_later_is_held_and_let_go_alike(page: Page) -> None:
    page.evaluate(
        """() => { const late = document.createElement('script'); late.type = 'text/plain';
          late.dataset.consent = 'content'; late.text = 'window.late = true';
          document.body.append(late) }"""
    )
    assert page.evaluate("window.late") is None
    page.evaluate("consentid.answer({content: true})")
    page.wait_for_function("window.late")
    page.evaluate(
        """() => { const frame = document.createElement('iframe'); frame.id = 'late';
          frame.dataset.consent = 'content'; frame.dataset.src = '/frame.html';
          document.body.append(frame) }"""
    )
    expect(page.frame_locator("#late").locator("p")).to_have_text("in the frame")


def test_frames_and_images_go_without_a_reload_where_no_script_ran(page: Page) -> None:
    page.evaluate("consentid.answer({content: true, ads: false})")
    expect(page.frame_locator("iframe").locator("p")).to_have_text("in the frame")
    page.evaluate("window.isTheSame = true")
    page.evaluate("consentid.withdraw(['content'])")
    expect(page.frame_locator("iframe").locator("p")).to_have_count(0)
    assert page.locator("img").get_attribute("src") is None
    assert page.evaluate("isTheSame")


def test_a_withdrawal_loads_the_page_once_more_where_a_script_ran(page: Page) -> None:
    page.evaluate("consentid.answer({ads: true})")
    page.wait_for_function("window.order?.length === 3")
    loads: list[str] = []
    page.on("load", lambda loaded: loads.append(loaded.url))
    page.evaluate("void consentid.withdraw(['ads'])")
    page.wait_for_function("window.order === undefined && window.consentid")
    settle(page)
    page.wait_for_load_state("networkidle")
    assert loads == ["http://news.localhost:7600/story?x=1#here"]
    assert page.evaluate("[window.ran, consentid.granted('ads')]") == [None, False]


def test_the_hub_being_away_is_nobodys_no(page: Page) -> None:
    page.evaluate("consentid.answer({content: true, ads: true})")
    page.wait_for_function("window.order?.length >= 3")
    page.evaluate("window.isTheSame = true")
    page.clock.install()
    page.route("**/token", lambda route: route.abort())
    page.clock.fast_forward(3_700_000)
    page.wait_for_function("consentid.state().status === 'unknown'")
    assert page.evaluate("[isTheSame, consentid.granted('ads')]") == [True, False]
    assert page.locator("iframe").get_attribute("src") == "/frame.html"
