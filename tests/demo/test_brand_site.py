"""The brands' pages as they are sent: the same for everybody, light, guarded."""

import gzip
import time
from collections.abc import Iterator

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from litestar import Litestar
from litestar.testing import TestClient

from consentid.demo.brand_content import LANGUAGES, content_of
from consentid.demo.brand_logout import LogoutReceiver
from consentid.demo.brand_pages import BrandPages, BrandSite, Neighbour
from consentid.demo.brand_site import create_brand_site

HUB = "http://consent.localhost:7600"
MOST_BYTES = 60_000
LOOK = {"--paper": "#ffffff", "--accent": "#123456", "--on-accent": "#ffffff", "--radius": "2px"}
KEY = ECKey.generate_key("P-256", {"kid": "one"}, private=True)
EVENT = "http://schemas.openid.net/event/backchannel-logout"
BRANDS = ("news", "shop", "play")


def pages_of(brand: str) -> BrandPages:
    return BrandPages(
        site=BrandSite(
            slug=brand,
            name="Halcyon",
            logo="Halcyon",
            look=LOOK,
            origin=f"http://{brand}.localhost:7600",
            hub=HUB,
            client_id=f"{brand}-spa",
            others=(
                Neighbour(
                    name="Other", origin="http://o.localhost", tagline={"en": "a", "fr": "b"}
                ),
            ),
        )
    )


def _keys(_request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, json=KeySet([KEY]).as_dict(private=False))


@pytest.fixture
def receiver() -> LogoutReceiver:
    http = httpx2.Client(transport=httpx2.MockTransport(_keys))
    return LogoutReceiver(http=http, hub=HUB, client_ids=frozenset({"news-web"}))


@pytest.fixture
def news(receiver: LogoutReceiver) -> Iterator[TestClient[Litestar]]:
    with TestClient(create_brand_site(pages_of("news"), receiver)) as client:
        yield client


def logout_token(**changed: object) -> str:
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": HUB,
        "aud": "news-web",
        "iat": now,
        "exp": now + 60,
        "jti": "a",
        "sid": "s",
        "events": {EVENT: {}},
    }
    header = {"alg": "ES256", "kid": "one", "typ": "logout+jwt"}
    return jwt.encode(header, {**claims, **changed}, KEY)


@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_light_and_runs_no_inline_script(brand: str, language: str) -> None:
    pages = pages_of(brand)
    items = [item.path for item in content_of(brand, language).items]
    scripts = sum(len(file.compressed) for name, file in pages.files.items() if ".js" in name)
    art = sum(len(file.compressed) for name, file in pages.files.items() if "art/" in name)
    for path in ("/", *items, "/consent/return"):
        page = pages.page(path, language, was_chosen=False)
        assert page is not None
        style = len(pages.files["site.css"].compressed)
        assert len(page.compressed) + style + scripts + art < MOST_BYTES
        text = page.content.decode()
        assert text.count("<script") == text.count('.js"></script>')
        assert " style=" not in text
        assert gzip.decompress(page.compressed) == page.content


def test_both_languages_have_the_same_pages() -> None:
    for brand in BRANDS:
        english, french = (
            [one.slug for one in content_of(brand, each).items] for each in LANGUAGES
        )
        assert english == french


def test_the_language_is_the_browsers_unless_one_is_asked_for(news: TestClient[Litestar]) -> None:
    assert 'lang="fr"' in news.get("/", headers={"accept-language": "fr-CA"}).text
    chosen = news.get("/?lang=en", headers={"accept-language": "fr"}).text
    assert 'html lang="en"' in chosen
    assert "/stories/ferry?lang=en" in chosen


def test_a_page_is_cacheable_and_sets_no_cookie(news: TestClient[Litestar]) -> None:
    first = news.get("/")
    assert "set-cookie" not in first.headers
    assert first.headers["cache-control"] == "public, max-age=60"
    again = news.get("/", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


def test_the_policy_allows_the_hub_and_ourselves_alone(news: TestClient[Litestar]) -> None:
    policy = news.get("/").headers["content-security-policy"]
    assert f"script-src 'self' {HUB};" in policy
    # A crawler may ask for robots.txt from within the page.
    assert f"connect-src 'self' {HUB};" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_crawlers_are_told_what_is_no_page_of_its_own(news: TestClient[Litestar]) -> None:
    answer = news.get("/robots.txt")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "Disallow: /consent/return" in answer.text.splitlines()
    assert "Disallow: /" not in answer.text.splitlines()


def test_an_address_without_a_page_says_so(news: TestClient[Litestar]) -> None:
    answer = news.get("/stories/nowhere")
    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.text


def test_the_hub_tells_of_the_end_of_a_session(
    news: TestClient[Litestar], receiver: LogoutReceiver
) -> None:
    answer = news.post("/backchannel-logout", data={"logout_token": logout_token()})
    assert answer.status_code == 200
    assert receiver.heard == {"a": "s"}


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "shop-web"},
        {"iss": "http://evil.localhost"},
        {"exp": 1},
        {"iat": 1},
        {"nonce": "n"},
        {"events": {}},
        {"jti": None},
    ],
)
def test_a_logout_token_that_does_not_hold_is_refused(
    news: TestClient[Litestar], receiver: LogoutReceiver, changed: dict[str, object]
) -> None:
    answer = news.post("/backchannel-logout", data={"logout_token": logout_token(**changed)})
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"
    assert receiver.heard == {}


def test_a_logout_token_counts_once(news: TestClient[Litestar]) -> None:
    form = {"logout_token": logout_token()}
    assert news.post("/backchannel-logout", data=form).status_code == 200
    assert news.post("/backchannel-logout", data=form).status_code == 400
    assert news.post("/backchannel-logout", data={"logout_token": "nonsense"}).status_code == 400


def test_the_news_front_page_shows_no_story_twice(news: TestClient[Litestar]) -> None:
    page = news.get("/?lang=en").text
    for story in content_of("news", "en").items:
        assert page.count(f"<b>{story.title}</b>") + page.count(f">{story.title}</a>") == 1
    for _kind, slug in content_of("news", "en").sections:
        assert page.count(f'id="{slug}"') == 1


@pytest.mark.parametrize("brand", BRANDS)
def test_a_shelf_does_not_offer_what_is_being_read(brand: str) -> None:
    content = content_of(brand, "en")
    for one in content.items:
        beside = content.shelf_beside(one.slug)
        assert one not in beside
        assert len(beside) == len(content.shelf)


def test_each_file_says_its_type_once(news: TestClient[Litestar]) -> None:
    for path in ("/", "/nothing-here"):
        assert news.get(path).headers["content-type"] == "text/html; charset=utf-8"
