"""``/authorize`` over HTTP: what is refused to whom, and how cookies are set."""

import html.parser
import secrets
from collections.abc import Iterator
from typing import final
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from tests.web.hub import Hub
from typing_extensions import override

CALLBACK = "http://news.localhost:7600/callback"


@pytest.fixture
def browser(hub: Hub) -> Iterator[httpx2.Client]:
    """A browser with no cookies yet."""
    with httpx2.Client(base_url=hub.url, timeout=120) as client:
        yield client


def request(**changed: str | None) -> dict[str, str]:
    right: dict[str, str | None] = {
        "client_id": "news-web",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "state": "a state",
        "code_challenge": "a" * 43,
        "code_challenge_method": "S256",
    }
    return {name: text for name, text in {**right, **changed}.items() if text is not None}


def told(answer: httpx2.Response) -> dict[str, str]:
    """What a client is told by a redirect."""
    assert answer.status_code == 303, answer.text
    location = answer.headers["location"]
    assert location.startswith(f"{CALLBACK}?"), location
    return dict(parse_qsl(urlsplit(location).query, strict_parsing=True))


@final
class _Page(html.parser.HTMLParser):
    """Whether a document is whole: every element that is opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in {"meta", "link", "br", "img", "input", "hr"}:
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def assert_page(answer: httpx2.Response, status: int) -> None:
    """A page for the person, which leads nowhere and runs nothing."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "location" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    policies = answer.headers.get_list("content-security-policy")
    assert all("default-src 'none'" in policy for policy in policies)
    assert all("frame-ancestors 'none'" in policy for policy in policies)
    assert policies
    page = _Page()
    page.feed(answer.text)
    assert page.open == []
    assert "script" not in page.tags


def test_an_unknown_client_is_told_to_the_person_and_redirected_nowhere(
    browser: httpx2.Client,
) -> None:
    for client in ("unknown", "news-web ", "NEWS-WEB", "x" * 500, "<script>alert(1)</script>"):
        answer = browser.get("/authorize", params=request(client_id=client))
        assert_page(answer, 400)
        assert "<script>" not in answer.text
    assert_page(browser.get("/authorize", params=request(client_id=None)), 400)


@pytest.mark.parametrize(
    "address",
    [
        None,
        f"{CALLBACK}/../evil",
        f"{CALLBACK}/",
        f"{CALLBACK}?x=1",
        f"{CALLBACK}#x",
        "http://news.localhost:7601/callback",
        "http://news.localhost/callback",
        "https://news.localhost:7600/callback",
        "http://NEWS.localhost:7600/callback",
        "http://user@news.localhost:7600/callback",
        "http://news.localhost:7600@evil.example/callback",
        "http://nеws.localhost:7600/callback",  # noqa: RUF001 a Cyrillic letter
        "http://127.0.0.1:7600/callback",
        "//evil.example",
        "javascript:alert(1)",
    ],
)
def test_an_address_that_is_not_registered_is_told_to_the_person_and_redirected_nowhere(
    browser: httpx2.Client, address: str | None
) -> None:
    assert_page(browser.get("/authorize", params=request(redirect_uri=address)), 400)


@pytest.mark.parametrize("name", [*request(), "prompt", "unheard_of"])
def test_a_parameter_that_comes_twice_in_the_query_is_refused(
    browser: httpx2.Client, name: str
) -> None:
    pairs = [*request().items(), (name, "1"), (name, "1")]

    assert_page(browser.get(f"/authorize?{urlencode(pairs)}"), 400)


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "state", "prompt"])
def test_a_parameter_that_comes_twice_in_the_body_is_refused(
    browser: httpx2.Client, name: str
) -> None:
    pairs = [*request().items(), (name, "1"), (name, "1")]

    assert_page(
        browser.post(
            "/authorize",
            content=urlencode(pairs),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        ),
        400,
    )


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "state"])
def test_a_parameter_that_comes_in_query_and_body_is_refused(
    browser: httpx2.Client, name: str
) -> None:
    fields = request()

    answer = browser.post(f"/authorize?{urlencode({name: fields[name]})}", data=fields)

    assert_page(answer, 400)


@pytest.mark.parametrize(
    "query",
    ["client_id=%ff", "client_id=%00", "client_id=a%0d%0ab", "&" * 40, "client_id=" + "x" * 20_000],
)
def test_a_query_that_is_no_text_or_too_much_is_refused(browser: httpx2.Client, query: str) -> None:
    assert_page(browser.get(f"/authorize?{query}"), 400)


def test_a_body_of_another_kind_is_refused(browser: httpx2.Client) -> None:
    assert_page(browser.post("/authorize", json=request()), 415)


def test_an_address_takes_no_other_method(browser: httpx2.Client) -> None:
    assert_page(browser.put("/authorize"), 405)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "openid admin"}, "invalid_scope"),
        ({"scope": "openid " + "x" * 2_000}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "select_account"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"resource": "https://market.halcyon.example"}, "invalid_target"),
        ({"resource": "https://news.halcyon.example#x"}, "invalid_target"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.example/request"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"authorization_details": "[]"}, "invalid_request"),
        ({"id_token_hint": "no token"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_what_the_client_may_know_is_told_with_its_state_and_our_name(
    browser: httpx2.Client, hub: Hub, changed: dict[str, str | None], error: str
) -> None:
    issuer = hub.http.get("/.well-known/openid-configuration").json()["issuer"]

    answer = browser.get("/authorize", params=request(**changed))

    found = told(answer)
    assert (found["error"], found["state"], found["iss"]) == (error, "a state", issuer)
    assert "code" not in found
    assert "set-cookie" not in answer.headers


def test_a_scope_of_50_kb_is_refused(browser: httpx2.Client) -> None:
    answer = browser.post("/authorize", data=request(scope="openid " + "x" * 50_000))

    assert_page(answer, 400)


def test_a_request_leads_to_a_page_in_the_same_browser(browser: httpx2.Client, hub: Hub) -> None:
    issuer = hub.http.get("/.well-known/openid-configuration").json()["issuer"]

    answer = browser.get("/authorize", params=request())

    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{issuer}/interaction/")
    assert answer.headers["cache-control"] == "no-store"
    [cookie] = answer.headers.get_list("set-cookie")
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "path=/", "samesite=lax"} <= parts
    assert not any(part.startswith("domain") for part in parts)


def test_a_browser_keeps_its_secret(browser: httpx2.Client) -> None:
    browser.get("/authorize", params=request())

    assert "set-cookie" not in browser.get("/authorize", params=request()).headers


def test_a_form_is_the_same_request_as_a_query(browser: httpx2.Client) -> None:
    fields = request(state="a & b = ü")

    answer = browser.post("/authorize", data=fields)

    assert answer.status_code == 303
    target = urlsplit(answer.headers["location"])
    assert target.path == "/authorize"
    assert dict(parse_qsl(target.query)) == fields
    assert "set-cookie" not in answer.headers


def test_a_spoofed_host_changes_no_address(browser: httpx2.Client) -> None:
    answer = browser.get(
        "/authorize",
        params=request(),
        headers={
            "Host": "evil.example",
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Proto": "https",
            "Forwarded": "host=evil.example",
        },
    )

    assert "evil.example" not in str(answer.headers)


def test_a_session_cookie_that_somebody_planted_signs_nobody_in(browser: httpx2.Client) -> None:
    browser.cookies.set("consentid-session", secrets.token_urlsafe(32))
    browser.cookies.set("consentid-device", secrets.token_urlsafe(32))

    found = told(browser.get("/authorize", params=request(prompt="none")))

    assert found["error"] == "login_required"


def test_an_error_leads_to_no_page_of_another_site(browser: httpx2.Client) -> None:
    answer = browser.get("/authorize", params=request(state="x" * 2_049))

    assert_page(answer, 400)
