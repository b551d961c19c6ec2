"""``/sdk/v1/``: the browser SDK, whole, pinned, and for any page."""

import base64
import gzip
import hashlib
from importlib.resources import files

import httpx2
import pytest
from tests.web.hub import NEWS_ORIGIN, Hub

from consentid.web.sdk_files import SdkFile, accepts_gzip

SERVED = (".js", ".css", ".d.ts")
MEDIA_TYPES = {
    "x.js": "text/javascript",
    "x.css": "text/css",
    "x.d.ts": "text/plain",
    "integrity.json": "application/json",
}
IDENTITY = {"Accept-Encoding": "identity"}


def names() -> list[str]:
    return sorted(each.name for each in files("consentid.sdk").iterdir() if each.is_file())


def raw(hub: Hub, name: str, **headers: str) -> tuple[httpx2.Response, bytes]:
    """An answer, and its body as it travels."""
    url = f"/sdk/v1/{name}"
    with hub.http.stream("GET", url, headers=headers) as answer:
        return answer, b"".join(answer.iter_raw())


def test_every_file_is_served_as_it_lies_in_the_package(hub: Hub) -> None:
    served = [name for name in names() if name.endswith(SERVED)]
    pins = hub.http.get("/sdk/v1/integrity.json").json()
    assert sorted(pins) == served
    for name in served:
        content = (files("consentid.sdk") / name).read_bytes()
        answer = hub.http.get(f"/sdk/v1/{name}")
        assert answer.status_code == 200
        assert answer.content == content
        digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
        assert pins[name] == f"sha384-{digest}"
        media_type = SdkFile(name=name, content=b"").media_type
        assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"


@pytest.mark.parametrize(("name", "media_type"), MEDIA_TYPES.items())
def test_a_file_is_of_the_kind_that_its_name_says(name: str, media_type: str) -> None:
    assert SdkFile(name=name, content=b"").media_type == media_type


def test_a_file_travels_compressed_to_whoever_takes_that(hub: Hub) -> None:
    plain, content = raw(hub, "integrity.json", **IDENTITY)
    assert "content-encoding" not in plain.headers
    small, packed = raw(hub, "integrity.json", **{"Accept-Encoding": "br, gzip;q=0.5"})
    assert small.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed) == content
    assert small.headers["etag"] != plain.headers["etag"]
    for answer in (plain, small):
        assert "Accept-Encoding" in answer.headers["vary"]
        assert int(answer.headers["content-length"]) > 0


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_file_that_is_known_is_not_sent_again(hub: Hub, encoding: str) -> None:
    first, _ = raw(hub, "integrity.json", **{"Accept-Encoding": encoding})
    etag = first.headers["etag"]
    for named in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again, body = raw(
            hub, "integrity.json", **{"Accept-Encoding": encoding, "If-None-Match": named}
        )
        assert again.status_code == 304
        assert body == b""
        assert again.headers["etag"] == etag
        assert again.headers["cache-control"] == first.headers["cache-control"]
        assert "Accept-Encoding" in again.headers["vary"]
    other, _ = raw(hub, "integrity.json", **{"If-None-Match": '"other"'})
    assert other.status_code == 200


def test_any_page_may_load_the_sdk(hub: Hub) -> None:
    for origin in (NEWS_ORIGIN, "https://anybody.example"):
        answer = hub.http.get("/sdk/v1/integrity.json", headers={"Origin": origin})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["cache-control"] == "public, max-age=3600"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "name",
    [
        "nothing.js",
        "__init__.py",
        "..%2f..%2fasgi.py",
        "%2e%2e/app.py",
        "x" * 200,
        "consentid.JS",
        "integrity.json%00",
        "",
    ],
)
def test_nothing_else_of_the_package_is_served(hub: Hub, name: str) -> None:
    answer = hub.http.get(f"/sdk/v1/{name}")
    assert answer.status_code in {400, 404, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert b"import" not in answer.content


@pytest.mark.parametrize("query", ["v=3", "v=3&v=4", "_=1700000000000", "%00", "a" * 200])
def test_a_query_that_has_a_file_anew_changes_nothing(hub: Hub, query: str) -> None:
    """Refused, it would leave a page without its script."""
    plain = hub.http.get("/sdk/v1/consentid.js")
    answer = hub.http.get(f"/sdk/v1/consentid.js?{query}")
    assert answer.status_code == 200
    assert answer.content == plain.content
    assert answer.headers["etag"] == plain.headers["etag"]


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("gzip;q=0", False),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("identity", False),
        ("x-gzip-like", False),
        ("gzip;q=nonsense", False),
    ],
)
def test_who_takes_gzip(header: str, *, accepted: bool) -> None:
    assert accepts_gzip([header]) is accepted
