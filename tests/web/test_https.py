"""Where the issuer is https, as everywhere but in demo and dev: cookies, headers, addresses."""

from collections.abc import Iterator

import httpx2
import pytest
from joserfc.jwk import RSAKey
from tests.conftest import run_apart
from tests.web.hub import Hub, running_hub
from tests.web.pages.centre import PATH, Person
from tests.web.pages.visits import origin_of
from tests.web.test_openapi_roles import is_secured, pages

from consentid.embedded.postgres import EmbeddedPostgres

PLAIN, SECURE = (f'issuer = "{scheme}://consent.localhost' for scheme in ("http", "https"))


@pytest.fixture(scope="module")
def secure_hub(
    postgres: EmbeddedPostgres,
    template_database: str,
    valkey_url: str,
    portal: tuple[str, RSAKey],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Hub]:
    """Behind a proxy that ends TLS, as far as it can know."""
    urls = run_apart(postgres.create_database("https", template=template_database))
    with running_hub(
        tmp_path_factory.mktemp("https"),
        urls,
        portal,
        valkey_url=valkey_url,
        changed={PLAIN: SECURE},
    ) as running:
        yield running


def cookies_of(answer: httpx2.Response) -> dict[str, str]:
    """What an answer sets, as a browser would send it; each is for this host alone."""
    kept: dict[str, str] = {}
    for header in answer.headers.get_list("set-cookie"):
        name, _, rest = header.partition("=")
        value, *attributes = rest.split("; ")
        told = {each.lower() for each in attributes}
        assert name.startswith("__Host-"), header
        assert {"secure", "httponly", "path=/"} <= told, header
        assert told & {"samesite=lax", "samesite=strict"}, header
        assert not any(each.startswith("domain") for each in told), header
        kept[name] = value
    return kept


def test_every_cookie_of_every_page_is_for_this_host_alone_and_every_page_is_closed(
    secure_hub: Hub,
) -> None:
    found: set[str] = set()
    for path in pages("GET"):
        answer = secure_hub.http.get(path, headers={"Accept": "text/html"})
        found |= cookies_of(answer).keys()
        assert is_secured(answer), path
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert "unsafe-" not in policy, path
        secure_hub.http.cookies.clear()
    assert "__Host-consentid-browser" in found


def test_a_person_answers_over_https_and_a_cookie_without_its_prefix_is_nobody_s(
    secure_hub: Hub,
) -> None:
    origin = origin_of(secure_hub).replace("http://", "https://")
    with httpx2.Client(base_url=secure_hub.url) as http:
        page = http.get(PATH)
        kept = cookies_of(page)
        http.headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in kept.items())
        person = Person(http=http, origin=origin, page=page)
        fields = {**person.hidden, "content": "granted", "act": "save"}
        answer = person.send(fields)
        assert answer.status_code < 500
        elsewhere = person.send(fields, headers={"Origin": origin_of(secure_hub)})
        assert elsewhere.status_code in {400, 403}
        planted = http.headers["Cookie"].replace("__Host-", "")
        http.headers["Cookie"] = planted
        assert cookies_of(http.get(PATH)).keys() >= {"__Host-consentid-browser"}


def test_addresses_are_the_issuer_s_and_not_the_request_s(secure_hub: Hub) -> None:
    told = secure_hub.http.get(
        "/.well-known/openid-configuration",
        headers={"X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"},
    ).json()
    issuer = told["issuer"]
    assert issuer.startswith("https://consent.localhost")
    for name, address in told.items():
        if name.endswith(("_endpoint", "_uri")):
            assert address.startswith(f"{issuer}/"), name
