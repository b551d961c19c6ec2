"""What travels compressed, what never does, and what a browser has already."""

import gzip
import json
import re

import httpx2
import pytest
from tests.web.hub import Hub
from tests.web.pages.visits import Form, authorize_path

_MOST_BYTES = 60_000
_GZIP = {"Accept-Encoding": "gzip"}
_PAGE = {"Accept": "text/html", **_GZIP}


def _raw(hub: Hub, path: str, **headers: str) -> tuple[httpx2.Headers, bytes]:
    """An answer as it travels."""
    with (
        httpx2.Client(base_url=hub.url, follow_redirects=True) as http,
        http.stream("GET", path, headers={**_PAGE, **headers}) as answer,
    ):
        return answer.headers, b"".join(answer.iter_raw())


def _weigh(http: httpx2.Client, path: str) -> tuple[int, str]:
    """How many bytes of an answer travel, and what it says."""
    with http.stream("GET", path, headers=_PAGE) as answer:
        body = b"".join(answer.iter_raw())
    return len(body), (
        gzip.decompress(body) if "content-encoding" in answer.headers else body
    ).decode()


def test_a_page_is_compressed_for_whoever_takes_it(hub: Hub) -> None:
    headers, body = _raw(hub, "/")
    assert headers["content-encoding"] == "gzip"
    assert int(headers["content-length"]) == len(body)
    assert "Accept-Encoding" in headers.get_list("vary")
    plain, text = _raw(hub, "/", **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain
    assert "Accept-Encoding" in plain.get_list("vary")
    assert gzip.decompress(body) == text
    assert len(body) * 2 < len(text)


def test_so_are_the_scripts_of_a_page(hub: Hub) -> None:
    for path in ("/field/app.js", "/field/words.js", "/field/field.css"):
        headers, body = _raw(hub, path)
        assert headers["content-encoding"] == "gzip", path
        assert gzip.decompress(body) == _raw(hub, path, **{"Accept-Encoding": "identity"})[1]


@pytest.mark.parametrize("refused", ["gzip;q=0", "br", ""])
def test_nobody_is_sent_what_they_do_not_take(hub: Hub, refused: str) -> None:
    headers, _ = _raw(hub, "/", **{"Accept-Encoding": refused})
    assert "content-encoding" not in headers


def test_what_answers_a_program_is_never_compressed(hub: Hub) -> None:
    for path in ("/v1/catalogue?brand=none", "/v1/state", "/jwks.json", "/schema"):
        headers, body = _raw(hub, path)
        assert "content-encoding" not in headers, path
        assert len(body) > 100


def test_what_a_brand_asks_is_compressed_since_every_visitor_waits_for_it(hub: Hub) -> None:
    path = "/v1/catalogue?brand=news"
    headers, body = _raw(hub, path)
    assert headers["content-encoding"] == "gzip"
    assert headers.get_list("vary", split_commas=True) == ["Accept-Language", "Accept-Encoding"]
    assert json.loads(gzip.decompress(body))["brand"] == "news"
    plain, text = _raw(hub, path, **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain
    assert len(body) * 2 < len(text)


def test_a_style_sheet_is_compressed_and_known_again(hub: Hub) -> None:
    _, page = _raw(hub, "/")
    for address in re.findall(r'href="(/assets/[^"]+\.css)"', gzip.decompress(page).decode()):
        headers, _ = _raw(hub, address)
        if int(headers["content-length"]) > 1_024:
            assert headers["content-encoding"] == "gzip"
        again = hub.http.get(address, headers={"If-None-Match": headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["cache-control"] == headers["cache-control"]
        assert hub.http.get(address, headers={"If-None-Match": '"another"'}).status_code == 200
        head = hub.http.head(address, headers=_GZIP)
        assert head.headers["etag"] == headers["etag"]
        assert head.content == b""


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_page_with_its_style_sheets_is_light(hub: Hub, language: str) -> None:
    with httpx2.Client(base_url=hub.url) as http:
        interaction = http.get(authorize_path(ui_locales=language)).headers["location"]
        path = re.sub(r"^https?://[^/]+", "", interaction)
        for each in (path, "/", "/device", "/logout", "/nowhere", "/preferences"):
            weight, text = _weigh(http, f"{each}?lang={language}")
            assert (each == path) == ('value="refuse"' in text and 'class="choose"' in text)
            addresses = re.findall(r'href="(/assets/[^"]+)"', text)
            assert len(addresses) >= 2, each
            weight += sum(_weigh(http, address)[0] for address in addresses)
            assert weight < _MOST_BYTES, (each, weight)


def test_no_secret_stands_on_a_page_twice_alike(hub: Hub) -> None:
    """So that the length of a compressed page tells nothing of it (BREACH)."""
    with httpx2.Client(base_url=hub.url, headers=_PAGE) as http:
        path = re.sub(r"^https?://[^/]+", "", http.get(authorize_path()).headers["location"])
        one, other = (Form(http.get(path).text).hidden for _ in range(2))
        assert one["form_token"] != other["form_token"]
        assert one["served"] != other["served"]
        answer = http.post(
            path,
            data={**one, "act": "refuse"},
            headers={
                "Origin": hub.url.replace("127.0.0.1", "consent.localhost"),
                "Sec-Fetch-Site": "same-origin",
            },
        )
        assert answer.status_code == 303, "an older token of the same browser still counts"


@pytest.mark.parametrize("path", ["/device", "/logout", "/interaction/x", "/authorize"])
def test_a_body_that_no_page_sends_is_refused_on_a_page_in_our_style(hub: Hub, path: str) -> None:
    for content, kind, status in (
        (b"{}", "application/json", 415),
        (b"x" * 70_000, "application/x-www-form-urlencoded", 413),
    ):
        answer = httpx2.post(
            hub.url + path,
            content=content,
            headers={"Content-Type": kind, "Accept": "text/html", "Accept-Language": "fr"},
        )
        assert answer.status_code == status
        assert answer.headers["connection"] == "close"
        assert '<html lang="fr"' in answer.text
        assert "/assets/pages." in answer.text


def test_the_hubs_own_address_says_what_this_is(hub: Hub) -> None:
    page = httpx2.get(f"{hub.url}/", headers={"Accept-Language": "fr"}).text
    assert "<h1>Vos choix, en un seul endroit</h1>" in page
    for address in ("/preferences?lang=fr", "/schema", "/.well-known/openid-configuration"):
        assert f'href="{address}"' in page
    assert "<h1>Your choices, in one place</h1>" in httpx2.get(f"{hub.url}/?lang=en").text
