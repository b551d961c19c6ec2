from typing import Any

import pytest
from litestar import Response
from litestar.connection import ASGIConnection
from litestar.testing import RequestFactory

from consentid.web.cookies import Cookie, Jar

SECURE, PLAIN = Jar(is_secure=True), Jar(is_secure=False)


def connection(*headers: str) -> ASGIConnection[Any, Any, Any, Any]:
    request = RequestFactory().get("/")
    request.scope["headers"] = [(b"cookie", header.encode()) for header in headers]
    return ASGIConnection(request.scope)


def cookie_of(response: Response[None]) -> str:
    [cookie] = response.cookies
    return cookie.to_header(header="")


@pytest.mark.parametrize("cookie", list(Cookie))
def test_over_https_every_cookie_is_for_this_host_alone(cookie: Cookie) -> None:
    response = Response(None)
    SECURE.put(response, cookie, "value")

    header = cookie_of(response)
    same_site = "strict" if cookie is Cookie.OPERATOR else "lax"

    assert header.startswith(f"__Host-{cookie}=value;")
    for part in ("HttpOnly", "Secure", "Path=/", f"SameSite={same_site}"):
        assert part in header
    assert "Domain" not in header


def test_over_http_a_cookie_has_neither_the_prefix_nor_secure() -> None:
    response = Response(None)
    PLAIN.put(response, Cookie.SESSION, "value")

    header = cookie_of(response)

    assert header.startswith("consentid-session=value;")
    assert "Secure" not in header
    assert "HttpOnly" in header


def test_a_session_ends_with_the_browser_and_a_device_lasts_13_months() -> None:
    session, device = Response(None), Response(None)
    SECURE.put(session, Cookie.SESSION, "value")
    SECURE.put(device, Cookie.DEVICE, "value")

    assert "Max-Age" not in cookie_of(session)
    assert f"Max-Age={396 * 86_400}" in cookie_of(device)


def test_a_cookie_without_the_prefix_counts_for_nothing_over_https() -> None:
    browser = SECURE.read(connection("consentid-session=planted; consentid-device=planted"))

    assert browser.unverified_session is None
    assert browser.unverified_device is None


def test_each_cookie_is_read_by_its_name() -> None:
    browser = SECURE.read(
        connection(
            "a=1; __Host-consentid-session=s; __Host-consentid-device=d",
            "__Host-consentid-browser=b",
        )
    )

    assert browser.unverified_session == "s"
    assert browser.unverified_device == "d"
    assert browser.unverified_secret == "b"


@pytest.mark.parametrize(
    "headers",
    [
        ("__Host-consentid-session=a; __Host-consentid-session=b",),
        ("__Host-consentid-session=a", "__Host-consentid-session=a"),
        ("__Host-consentid-session=",),
        ("__Host-consentid-session",),
        ("x=" + "y" * 20_000 + "; __Host-consentid-session=a",),
    ],
)
def test_a_cookie_that_comes_twice_or_empty_counts_as_none(headers: tuple[str, ...]) -> None:
    assert SECURE.read(connection(*headers)).unverified_session is None


def test_a_removed_cookie_is_forgotten_at_once() -> None:
    response = Response(None)
    SECURE.remove(response, Cookie.SESSION)

    assert "Max-Age=0" in cookie_of(response)
