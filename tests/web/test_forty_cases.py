"""The cases that break OpenID Providers, each by its name, over HTTP and against a whole hub.

What is here needs a journey first, a key of somebody's, or every endpoint in turn.  The others live
where their endpoint is tested, under the names that the issue gives them: ``test_authorize``,
``test_par``, ``test_client_authentication``, ``test_device_authorization``, ``test_tokens``,
``test_portal_login`` (session fixation, login CSRF, mix-up) and ``pages.test_interactions`` (CSRF,
framing, stale forms).
"""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from tests.web.hub import (
    CONSENT_TOKEN,
    ID_TOKEN,
    Hub,
    Person,
    bearer,
    forget,
    form_of,
)
from tests.web.pages.visits import CALLBACK, Form, authorize_path, origin_of
from tests.web.signing import SigningClient, register

from consentid.brandbook.client import (
    ApplicationType,
    AuthMethod,
    ClientDeclaration,
    ClientId,
    Collects,
    Scope,
    Surface,
    TokenClass,
    grant_types_for,
)
from consentid.core.party import Party, PartyKind, Slug
from consentid.flows.register_client import add_client
from consentid.keyring.loading import load
from consentid.keyring.manifest import Use
from consentid.store.engine import Database

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
CODE = "authorization_code"
OAUTH_ENDPOINTS = (
    *("/token", "/par", "/introspect", "/revoke", "/device_authorization", "/bc-authorize"),
)
NEWS_HOME = "http://news.localhost:7600/"
EVIL = "evil.example"
FAR = "1" * 400
NO_NUMBERS = ("NaN", "1e400", "-1e400", "Infinity", FAR)
ROTTEN_BASICS = (b"\xff\xfe:x", b"news-web:\xff", b"no-colon", b":", b"a\0:b")


@pytest.fixture(autouse=True)
def counts_are_forgotten(valkey_url: str) -> None:
    """So that many refusals of one address do not end in 429."""
    forget(valkey_url, "limit:*")


@pytest.fixture(scope="module")
def signer(hub: Hub) -> SigningClient:
    return register(hub, "reach-of-forty")


@pytest.fixture
def browser(hub: Hub) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=hub.url, timeout=120, headers={"Accept": "text/html"}) as http:
        yield http


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A code as the client gets it, and what it is redeemed with."""

    code: str
    verifier: str

    def form(self, **changed: str | None) -> dict[str, str]:
        right: dict[str, str | None] = {
            "grant_type": CODE,
            "code": self.code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
        }
        return {name: text for name, text in {**right, **changed}.items() if text is not None}


def obtain_code(http: httpx2.Client, hub: Hub, **parameters: str) -> Code:
    """Send somebody from the news site, who accepts where they are asked; the code they bring."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    answer = http.get(authorize_path(code_challenge=challenge, **parameters))
    path = path_of(answer)
    if path.startswith("/interaction/"):
        fields = {**Form(http.get(path).text).hidden, "act": "accept"}
        answer = http.post(path, data=fields, headers={"Origin": origin_of(hub)})
    told = told_by(answer)
    return Code(code=told["code"], verifier=verifier)


def path_of(answer: httpx2.Response) -> str:
    assert answer.status_code == 303, answer.text
    return re.sub(r"^https?://[^/]+", "", answer.headers["location"])


def told_by(answer: httpx2.Response) -> dict[str, str]:
    assert answer.status_code == 303, answer.text
    location = answer.headers["location"]
    assert location.startswith(f"{CALLBACK}?"), location
    return dict(parse_qsl(urlsplit(location).query))


@pytest.fixture
def code(browser: httpx2.Client, hub: Hub) -> Code:
    return obtain_code(browser, hub)


@pytest.fixture
def tokens(browser: httpx2.Client, hub: Hub) -> dict[str, Any]:
    """All that a code is redeemed for."""
    answer = hub.token(obtain_code(browser, hub, scope="openid offline_access").form())
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found.keys() >= {"access_token", "refresh_token", "id_token", "consent_token"}
    return found


def assert_refused(answer: httpx2.Response, error: str, status: int = 400) -> None:
    """OAuth's words, never a bug's, and never stored."""
    assert (answer.status_code, answer.json().get("error")) == (status, error), answer.text
    assert answer.headers["cache-control"] == "no-store"


def assert_problem(answer: httpx2.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


# ── Redirects and clients ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "address",
    [
        f"{CALLBACK}/../evil",
        f"{CALLBACK}/..%2fevil",
        f"{CALLBACK}/./",
        f"{CALLBACK}?added=1",
        f"{CALLBACK}?",
        f"{CALLBACK}#",
        "http://news.localhost:7600/Callback",
        "HTTP://news.localhost:7600/callback",
        "http://news.localhost:07600/callback",
        "http://news.localhost:7600//callback",
        f"{CALLBACK}/",
        f"{CALLBACK} ",
        f" {CALLBACK}",
        "http://a:b@news.localhost:7600/callback",
        "http://news.localhost:7600\\@evil.example/callback",
        "http://xn--nws-uqb.localhost:7600/callback",
        "http://news.localhost.:7600/callback",
        "http://news。localhost:7600/callback",
        "http://ｎews.localhost:7600/callback",  # noqa: RUF001 a full-width letter
        "http://shop.localhost:7600/callback",
        "data:text/html,x",
    ],
)
def test_a_redirect_variant_is_followed_by_nobody_neither_here_nor_at_par_nor_at_token(
    browser: httpx2.Client, hub: Hub, code: Code, address: str
) -> None:
    for headers in ({}, {"Accept": "*/*"}):
        answer = browser.get(authorize_path(redirect=address), headers=headers)
        assert answer.status_code == 400
        assert "location" not in answer.headers
    query = dict(parse_qsl(urlsplit(authorize_path(redirect=address)).query))
    del query["client_id"]
    pushed = hub.http.post("/par", data=query, auth=hub.basic("news-web"))
    assert_refused(pushed, "invalid_request")
    assert_refused(hub.token(code.form(redirect_uri=address)), "invalid_grant")


def test_an_unknown_client_gets_a_page_and_no_redirect_even_with_prompt_none(
    browser: httpx2.Client,
) -> None:
    answer = browser.get(authorize_path(client="nobody", prompt="none"))
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "location" not in answer.headers


# ── Parameters twice ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", OAUTH_ENDPOINTS)
@pytest.mark.parametrize("name", ["scope", "client_id", "unheard_of"])
def test_a_parameter_twice_in_the_body_is_refused_everywhere(
    hub: Hub, path: str, name: str
) -> None:
    twice = form_of(("token", "x"), (name, "news-web"), (name, "news-web"))
    answer = hub.http.post(path, content=twice, headers=FORM, auth=hub.basic("news-web"))
    assert_refused(answer, "invalid_request")


@pytest.mark.parametrize("path", OAUTH_ENDPOINTS)
def test_a_parameter_in_query_and_body_is_refused_everywhere(hub: Hub, path: str) -> None:
    answer = hub.http.post(
        f"{path}?scope=openid", data={"scope": "openid"}, auth=hub.basic("news-web")
    )
    assert_refused(answer, "invalid_request")


@pytest.mark.parametrize("path", ["/userinfo", "/backchannel_logout"])
@pytest.mark.parametrize("name", ["access_token", "logout_token", "unheard_of"])
def test_a_parameter_twice_at_a_resource_is_refused(hub: Hub, path: str, name: str) -> None:
    answer = hub.http.post(path, content=form_of((name, "x"), (name, "x")), headers=FORM)
    assert answer.status_code == 400


@pytest.mark.parametrize("name", ["client_id", "state", "post_logout_redirect_uri", "unheard_of"])
def test_a_parameter_twice_at_logout_is_refused(browser: httpx2.Client, name: str) -> None:
    pairs = urlencode([(name, "x"), (name, "x")])
    once = urlencode([(name, "x")])
    for answer in (
        browser.get(f"/logout?{pairs}"),
        browser.post("/logout", content=pairs, headers=FORM),
        browser.post(f"/logout?{once}", content=once, headers=FORM),
    ):
        assert answer.status_code == 400
        assert "location" not in answer.headers


@pytest.mark.parametrize("name", [*dict(parse_qsl(urlsplit(authorize_path()).query)), "prompt"])
def test_a_parameter_across_query_and_body_of_authorize_is_refused(
    browser: httpx2.Client, name: str
) -> None:
    fields = {"prompt": "none", **dict(parse_qsl(urlsplit(authorize_path()).query))}
    answer = browser.post(f"/authorize?{urlencode({name: fields[name]})}", data=fields)
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_a_parameter_is_seen_twice_through_percent_encoding(browser: httpx2.Client) -> None:
    answer = browser.get(f"{authorize_path()}&%73tate=other")
    assert answer.status_code == 400
    assert "location" not in answer.headers


# ── PKCE ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "query",
    [
        "code_verifier=" + "v" * 43,
        "code_challenge=" + "a" * 43,
        "code_challenge=" + "a" * 43 + "&code_challenge_method=plain",
        "code_challenge=" + "a" * 43 + "&code_challenge_method=s256",
        "code_challenge=" + "a" * 42 + "&code_challenge_method=S256",
        "code_challenge=" + "a" * 129 + "&code_challenge_method=S256",
        "code_challenge=" + "a" * 42 + "%3D&code_challenge_method=S256",
        "code_challenge=&code_challenge_method=S256",
        "code_challenge_method=S256",
    ],
    ids=[
        "a verifier without challenge",
        "no method",
        "plain",
        "small letter",
        "short",
        "long",
        "padded",
        "empty",
        "method alone",
    ],
)
@pytest.mark.parametrize(
    ("client", "address"),
    [("news-web", CALLBACK), ("news-spa", "http://news.localhost:7600/spa/callback")],
)
def test_pkce_missing_plain_or_short_is_refused_to_everyone(
    browser: httpx2.Client, query: str, client: str, address: str
) -> None:
    pairs = [
        (name, text)
        for name, text in parse_qsl(urlsplit(authorize_path(client, address)).query)
        if not name.startswith("code_challenge")
    ]
    answer = browser.get(f"/authorize?{urlencode(pairs)}&{query}")
    assert answer.status_code == 303
    location = answer.headers["location"]
    assert location.startswith(f"{address}?")
    assert dict(parse_qsl(urlsplit(location).query))["error"] == "invalid_request"


@pytest.mark.parametrize("verifier", [None, "", "v" * 42, "v" * 43, "v" * 129, "é" * 43])
def test_a_code_without_its_verifier_is_refused(hub: Hub, code: Code, verifier: str | None) -> None:
    answer = hub.token(code.form(code_verifier=verifier))
    assert answer.status_code == 400
    assert answer.json()["error"] in {"invalid_grant", "invalid_request"}


def test_the_challenge_itself_is_no_verifier(hub: Hub, code: Code) -> None:
    digest = hashlib.sha256(code.verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert_refused(hub.token(code.form(code_verifier=challenge)), "invalid_grant")


# ── What belongs to another client, and what comes again ──────────────────────────────────────────


@pytest.mark.parametrize("client", ["shop-web", "play-web", "reach-forms"])
def test_another_clients_code_is_refused_and_stays_good_for_its_own(
    hub: Hub, code: Code, client: str
) -> None:
    assert_refused(hub.token(code.form(), client), "invalid_grant")
    assert hub.token(code.form()).status_code == 200


def test_a_public_client_cannot_redeem_a_confidential_ones_code(hub: Hub, code: Code) -> None:
    assert_refused(hub.token(code.form(client_id="news-spa"), None), "invalid_grant")
    # Nor may anybody pass for the confidential client by its id alone.
    assert_refused(hub.token(code.form(client_id="news-web"), None), "invalid_client", 401)


def test_another_clients_refresh_token_is_refused_and_stays_good_for_its_own(
    hub: Hub, tokens: Mapping[str, str]
) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert_refused(hub.token(form, "shop-web"), "invalid_grant")
    assert_refused(hub.token({**form, "client_id": "news-spa"}, None), "invalid_grant")
    assert hub.token(form).status_code == 200


def test_another_clients_device_code_is_refused_and_stays_good_for_its_own(hub: Hub) -> None:
    register_tv(hub, "shop-tv")
    asked = hub.http.post("/device_authorization", data={"client_id": "play-tv"})
    form = {"grant_type": DEVICE_GRANT, "device_code": asked.json()["device_code"]}
    foreign = hub.token({**form, "client_id": "shop-tv"}, None)
    assert_refused(foreign, "invalid_grant")
    assert_refused(hub.token(form, "news-web"), "unauthorized_client")
    assert_refused(hub.token({**form, "client_id": "play-tv"}, None), "authorization_pending")


def register_tv(hub: Hub, client_id: str) -> None:
    shop = Party(kind=PartyKind.BRAND, slug=Slug("shop"))
    declared = ClientDeclaration(
        id=ClientId(client_id),
        party=shop,
        auth=AuthMethod.NONE,
        scopes=frozenset({Scope.DECISIONS_WRITE, Scope.DECISIONS_READ}),
        collects=Collects.OWN,
        surface=Surface.TV,
        token_class=TokenClass.TV,
        grant_types=grant_types_for(AuthMethod.NONE, Surface.TV, [], shop),
        application_type=ApplicationType.NATIVE,
    )

    async def add() -> None:
        owner = Database(hub.owner.url.render_as_string(hide_password=False))
        await add_client(owner, declared, randomness=secrets.token_bytes)
        await owner.close()

    asyncio.run(add())


def test_reuse_of_a_code_is_refused_and_ends_what_came_of_it(hub: Hub, code: Code) -> None:
    first = hub.token(code.form()).json()
    assert_refused(hub.token(code.form()), "invalid_grant")
    told = hub.http.get("/userinfo", headers=bearer(first["access_token"]))
    assert told.status_code == 401


def test_reuse_of_a_refresh_token_is_refused_and_ends_its_family(
    hub: Hub, tokens: Mapping[str, str]
) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    newer = hub.token(form).json()
    assert_refused(hub.token(form), "invalid_grant")
    newest = {**form, "refresh_token": newer["refresh_token"]}
    assert_refused(hub.token(newest), "invalid_grant")
    assert hub.http.get("/userinfo", headers=bearer(newer["access_token"])).status_code == 401


# ── Requests that we do not take ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "values", "error"),
    [
        (
            "response_type",
            ("none", "token", "id_token", "code token", "code code", "Code", "code "),
            "unsupported_response_type",
        ),
        (
            "response_mode",
            ("fragment", "form_post", "query.jwt", "web_message", "Query"),
            "invalid_request",
        ),
        ("prompt", ("none login", "none consent", "login none", "select_account", "None"), ""),
        ("max_age", ("-1", "1.5", "NaN", "1e400", "٣", "9" * 400), "invalid_request"),
        (
            "resource",
            (
                f"https://{EVIL}/",
                "https://news.halcyon.example#fragment",
                "https://news.halcyon.example#",
                "https://news.halcyon.example/",
                "/relative",
            ),
            "invalid_target",
        ),
    ],
)
def test_a_parameter_that_we_do_not_take_is_told_to_the_client(
    browser: httpx2.Client, name: str, values: tuple[str, ...], error: str
) -> None:
    for value in values:
        told = told_by(browser.get(authorize_path(**{name: value})))
        assert told["error"] == (error or "invalid_request"), value
        assert told["state"] == "the-state"
        assert "code" not in told


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "RS256"])
def test_jar_is_refused_whatever_its_alg_and_nothing_in_it_counts(
    browser: httpx2.Client, hub: Hub, alg: str
) -> None:
    inner = {"client_id": "news-web", "redirect_uri": f"https://{EVIL}/", "state": "inner"}
    parts = ({"alg": alg}, inner)
    jar = ".".join(encoded(json.dumps(part).encode()) for part in parts) + "."
    told = told_by(browser.get(authorize_path(request=jar)))
    assert (told["error"], told["state"]) == ("request_not_supported", "the-state")
    pushed = hub.http.post("/par", data={"request": jar}, auth=hub.basic("news-web"))
    assert pushed.status_code == 400
    assert pushed.json()["error"] in {"request_not_supported", "invalid_request"}


def test_a_remote_request_uri_is_refused_and_nobody_goes_there(browser: httpx2.Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.5)
        there = f"http://127.0.0.1:{trap.getsockname()[1]}/request.jwt"
        told = told_by(browser.get(authorize_path(request_uri=there)))
        assert told["error"] == "request_uri_not_supported"
        with pytest.raises(TimeoutError):
            trap.accept()


@pytest.mark.parametrize(
    "resource",
    [f"https://{EVIL}/", "https://market.halcyon.example", "https://news.halcyon.example#x"],
)
def test_a_resource_foreign_or_with_fragment_is_refused_at_the_token_endpoint(
    hub: Hub, code: Code, tokens: Mapping[str, str], resource: str
) -> None:
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert_refused(hub.token({**refresh, "resource": resource}), "invalid_target")
    assert_refused(hub.token(code.form(resource=resource)), "invalid_target")
    answer = hub.exchange(hub.id_token(Person()), resource=resource)
    assert_refused(answer, "invalid_target")


@pytest.mark.parametrize(
    "scope", ["openid " + "x" * 50_000, "openid " * 7_143, " " * 50_000], ids=["long", "many", " "]
)
def test_a_50_kb_scope_is_refused_everywhere(browser: httpx2.Client, hub: Hub, scope: str) -> None:
    answer = browser.post(
        "/authorize", data=dict(parse_qsl(urlsplit(authorize_path(scope=scope)).query))
    )
    assert answer.status_code == 400
    assert "location" not in answer.headers
    # A server that reads no such line says so in HTTP's words.
    in_the_line = browser.get("/authorize", params={"scope": scope})
    assert in_the_line.status_code in {400, 414, 431}
    for path, client in (("/token", "news-web"), ("/par", "news-web")):
        form = {"grant_type": "client_credentials", "scope": scope}
        answer = hub.http.post(path, data=form, auth=hub.basic(client))
        assert_refused(answer, "invalid_request")


def test_1000_authorization_details_are_refused_everywhere(
    browser: httpx2.Client, hub: Hub
) -> None:
    for one in ({"type": "consent_request", "purposes": ["ads"]}, {}, 0):
        many = json.dumps([one] * 1_000)
        answer = hub.http.post(
            "/par", data={"authorization_details": many}, auth=hub.basic("news-web")
        )
        assert answer.status_code in {400, 413}
        form = {"client_id": "play-tv", "authorization_details": many}
        assert hub.http.post("/device_authorization", data=form).status_code in {400, 413}
        posted = browser.post(
            "/authorize",
            data={
                **dict(parse_qsl(urlsplit(authorize_path()).query)),
                "authorization_details": many,
            },
        )
        assert posted.status_code in {303, 400, 413}
        if posted.status_code == 303:
            followed = browser.get(path_of(posted))
            assert "code=" not in followed.headers.get("location", "")


# ── Who calls ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", OAUTH_ENDPOINTS)
@pytest.mark.parametrize("raw", ROTTEN_BASICS, ids=repr)
def test_basic_that_is_not_utf8_or_has_no_colon_is_401_never_500(
    hub: Hub, path: str, raw: bytes
) -> None:
    header = {"Authorization": f"Basic {base64.b64encode(raw).decode()}"}
    form = {"grant_type": "client_credentials", "token": "x"}
    answer = hub.http.post(path, data=form, headers=header)
    assert_refused(answer, "invalid_client", 401)
    assert answer.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("path", OAUTH_ENDPOINTS)
@pytest.mark.parametrize(
    "header", [b"Basic", b"Basic \xff\xfe", b"Basic a b", b"Basic =", b"Digest x=y"]
)
def test_an_authorization_header_that_is_no_basic_is_401_never_500(
    hub: Hub, path: str, header: bytes
) -> None:
    answer = hub.http.post(path, data={"token": "x"}, headers=[(b"Authorization", header)])
    assert_refused(answer, "invalid_client", 401)


@pytest.mark.parametrize("path", OAUTH_ENDPOINTS)
def test_two_authentication_methods_at_once_are_refused(
    hub: Hub, signer: SigningClient, path: str
) -> None:
    form = {"grant_type": "client_credentials", "token": "x"}
    basic = hub.basic("news-web")
    for extra in ({"client_secret": basic[1]}, signer.proof()):
        answer = hub.http.post(path, data={**form, **extra}, auth=basic)
        assert_refused(answer, "invalid_request")
    both = {**form, **signer.proof(), "client_id": "news-web", "client_secret": basic[1]}
    assert_refused(hub.http.post(path, data=both), "invalid_request")
    other = hub.http.post(path, data={**form, "client_id": "shop-web"}, auth=basic)
    assert other.status_code in {400, 401}


@pytest.mark.parametrize("path", OAUTH_ENDPOINTS)
def test_a_secret_in_the_query_is_refused_even_if_it_is_right(hub: Hub, path: str) -> None:
    client_id, secret = hub.basic("news-web")
    query = urlencode({"client_id": client_id, "client_secret": secret})
    answer = hub.http.post(f"{path}?{query}", data={"grant_type": "client_credentials"})
    assert_refused(answer, "invalid_request")
    assert secret not in answer.text
    assert secret not in hub.log.read_text()


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": ["@issuer", "https://other.example"]},
        {"aud": ["@issuer", "@issuer"]},
        {"aud": []},
        {"aud": "https://foreign.example"},
        {"aud": "@issuer/"},
        {"exp": 2**40},
        {"exp": "soon"},
        {"exp": True},
        {"jti": ""},
        {"jti": "x" * 10_000},
        {"jti": 7},
    ],
    ids=str,
)
def test_a_client_assertion_with_two_or_foreign_audiences_far_exp_or_no_jti_is_refused(
    hub: Hub, signer: SigningClient, changed: dict[str, Any]
) -> None:
    told = {
        name: json.loads(json.dumps(value).replace("@issuer", signer.issuer))
        for name, value in changed.items()
    }
    proof = signer.proof(signer.assertion(**told))
    answer = hub.http.post("/token", data={"grant_type": "client_credentials", **proof})
    assert_refused(answer, "invalid_client", 401)


@pytest.mark.parametrize("form", [Encoding.PEM, Encoding.DER])
@pytest.mark.parametrize("kid", ["k1", "../", "../../dev/null"])
def test_a_client_assertion_of_hs256_with_a_public_key_is_refused_whatever_its_kid(
    hub: Hub, signer: SigningClient, form: Encoding, kid: str
) -> None:
    public = signer.key.public_key.public_bytes(form, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "kid": kid, "typ": "client-authentication+jwt"}
    head = encoded(json.dumps(header).encode())
    body = signer.assertion().split(".")[1]
    mac = encoded(hmac.digest(public, f"{head}.{body}".encode(), "sha256"))
    proof = signer.proof(f"{head}.{body}.{mac}")
    answer = hub.http.post("/token", data={"grant_type": "client_credentials", **proof})
    assert_refused(answer, "invalid_client", 401)


def test_a_client_assertion_is_no_authentication_where_there_is_no_key(hub: Hub) -> None:
    signer = register(hub, "reach-of-other-key")
    for client_id in ("news-web", "news-spa", "nobody"):
        said = signer.assertion(iss=client_id, sub=client_id)
        answer = hub.http.post(
            "/token", data={"grant_type": "client_credentials", **signer.proof(said)}
        )
        assert_refused(answer, "invalid_client", 401)


# ── Tokens in another's place ─────────────────────────────────────────────────────────────────────


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_an_id_token_where_a_consent_token_is_meant_is_worth_nothing(
    hub: Hub, tokens: Mapping[str, str]
) -> None:
    id_token = tokens["id_token"]
    verified = hub.http.post("/v1/verify", json={"token": id_token}, headers=hub.client_token())
    assert verified.content == b'{"active":false}'
    asked = hub.http.post(
        "/introspect",
        data={"token": id_token, "token_type_hint": "consent_token"},
        auth=hub.basic("news-web"),
    )
    assert asked.json() == {"active": False}
    # A partner may take over a consent token; that of a brand may not even try.
    assert_refused(hub.exchange(id_token, CONSENT_TOKEN, "reach-forms"), "invalid_grant")
    assert_refused(hub.exchange(id_token, CONSENT_TOKEN), "unauthorized_client")


@pytest.mark.parametrize("path", ["/userinfo", "/v1/state", "/v1/history"])
@pytest.mark.parametrize("kind", ["id_token", "consent_token", "refresh_token"])
def test_no_other_token_is_an_access_token(
    hub: Hub, tokens: Mapping[str, str], path: str, kind: str
) -> None:
    answer = hub.http.get(path, headers=bearer(tokens[kind]))
    assert answer.headers["www-authenticate"].endswith('error="invalid_token"')
    if path == "/userinfo":
        assert_refused(answer, "invalid_token", 401)
    else:
        assert_problem(answer, 401)


def test_a_consent_token_where_an_id_token_is_meant_is_worth_nothing(
    browser: httpx2.Client, hub: Hub, tokens: Mapping[str, str]
) -> None:
    consent_token = tokens["consent_token"]
    told = told_by(browser.get(authorize_path(id_token_hint=consent_token, prompt="none")))
    assert told["error"] == "invalid_request"
    answer = browser.get("/logout", params={"id_token_hint": consent_token})
    assert answer.status_code == 400
    assert_refused(hub.exchange(consent_token, ID_TOKEN), "invalid_grant")
    # Our own ID token is not the portal's either: it signs nobody in.
    assert_refused(hub.exchange(tokens["id_token"], ID_TOKEN), "invalid_grant")
    logout = hub.http.post("/backchannel_logout", data={"logout_token": consent_token})
    assert_refused(logout, "invalid_request")


def test_a_consent_token_and_an_id_token_are_no_refresh_token_no_code_and_no_client_assertion(
    hub: Hub, signer: SigningClient, tokens: Mapping[str, str]
) -> None:
    for kind in ("id_token", "consent_token", "access_token"):
        token = tokens[kind]
        form = {"grant_type": "refresh_token", "refresh_token": token}
        assert_refused(hub.token(form), "invalid_grant")
        code = Code(code=token, verifier="v" * 43)
        assert_refused(hub.token(code.form()), "invalid_grant")
        form = {"grant_type": "client_credentials", **signer.proof(token)}
        assert_refused(hub.http.post("/token", data=form), "invalid_client", 401)


def test_an_id_token_of_another_client_is_a_hint_for_nobody(
    browser: httpx2.Client, tokens: Mapping[str, str]
) -> None:
    path = authorize_path(
        "shop-web",
        "http://shop.localhost:7600/callback",
        id_token_hint=tokens["id_token"],
        prompt="none",
    )
    answer = browser.get(path)
    told = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    assert told["error"] == "invalid_request"


# ── Numbers out of this world ─────────────────────────────────────────────────────────────────────


def with_number(claims: Mapping[str, Any], name: str, number: str) -> bytes:
    """Claims as JSON in which one number is written so."""
    return json.dumps({**claims, name: "@"}).replace('"@"', number).encode()


@pytest.mark.parametrize("number", NO_NUMBERS)
@pytest.mark.parametrize("name", ["exp", "iat", "auth_time"])
def test_nan_and_1e400_as_exp_of_a_rightly_signed_id_token_are_refused(
    hub: Hub, name: str, number: str
) -> None:
    now_s = int(time.time())
    claims = {
        "iss": hub.portal_issuer,
        "sub": secrets.token_hex(8),
        "aud": "halcyon-news",
        "iat": now_s,
        "exp": now_s + 300,
        "jti": secrets.token_hex(8),
    }
    header = {"alg": "RS256", "kid": str(hub.portal_key.kid)}
    body = with_number(claims, name, number)
    token = jws.serialize_compact(header, body, hub.portal_key, algorithms=["RS256"])
    answer = hub.exchange(token)
    if (name, number) == ("exp", FAR):
        # A whole number however large is a time: whatever it says, it is taken for minutes only.
        assert answer.status_code == 200
    else:
        assert_refused(answer, "invalid_grant")


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_nan_and_1e400_as_exp_of_a_rightly_signed_consent_token_are_inactive(
    hub: Hub, tokens: Mapping[str, str], number: str
) -> None:
    token = signed_anew(hub, tokens["consent_token"], Use.CONSENT, number)
    verified = hub.http.post("/v1/verify", json={"token": token}, headers=hub.client_token())
    assert verified.content == b'{"active":false}'
    asked = hub.http.post("/introspect", data={"token": token}, auth=hub.basic("news-web"))
    assert asked.json() == {"active": False}
    assert_refused(hub.exchange(token, CONSENT_TOKEN, "reach-forms"), "invalid_grant")


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_nan_and_1e400_as_exp_of_a_rightly_signed_hint_lead_to_no_bug(
    browser: httpx2.Client, hub: Hub, tokens: Mapping[str, str], number: str
) -> None:
    token = signed_anew(hub, tokens["id_token"], Use.ID, number)
    told = told_by(browser.get(authorize_path(id_token_hint=token, prompt="none")))
    assert told["error"] == "invalid_request"
    assert browser.get("/logout", params={"id_token_hint": token}).status_code == 400


def signed_anew(hub: Hub, token: str, use: Use, number: str) -> str:
    """One of our tokens with another ``exp``, signed with the hub's own key."""
    head, body, _ = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    said = f"{head}.{encoded(with_number(claims, 'exp', number))}"
    key = load(hub.log.parent / "keys").active(use)
    return f"{said}.{encoded(key.sign(said.encode()))}"


# ── Names that others spoof ───────────────────────────────────────────────────────────────────────


SPOOFED = {
    "Host": EVIL,
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Server": EVIL,
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "444",
    "X-Forwarded-Prefix": f"//{EVIL}",
    "X-Original-URL": f"https://{EVIL}/",
    "X-Rewrite-URL": f"https://{EVIL}/",
    "Forwarded": f"for=192.0.2.1;host={EVIL};proto=https",
}


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/logout",
        "/device",
        "/nowhere",
        "/schema",
        "/v1/catalogue?brand=news&language=en",
        authorize_path(),
        authorize_path(client="nobody"),
        authorize_path(prompt="none"),
        authorize_path(prompt="login"),
    ],
)
def test_a_spoofed_host_and_x_forwarded_change_nothing(browser: httpx2.Client, path: str) -> None:
    answer = browser.get(path, headers=SPOOFED)
    assert EVIL not in answer.text
    assert EVIL not in str(answer.headers.raw)


def test_a_spoofed_host_changes_no_address_for_clients_and_devices(hub: Hub) -> None:
    asked = hub.http.post("/device_authorization", data={"client_id": "play-tv"}, headers=SPOOFED)
    assert asked.json()["verification_uri"] == f"{origin_of(hub)}/device"
    posted = hub.http.post(
        authorize_path(), content=b"", headers={**FORM, **SPOOFED}, follow_redirects=False
    )
    assert posted.headers["location"].startswith(f"{origin_of(hub)}/authorize?")


def test_a_spoofed_host_makes_no_foreign_page_ours(browser: httpx2.Client) -> None:
    path = path_of(browser.get(authorize_path()))
    fields = {**Form(browser.get(path).text).hidden, "act": "accept"}
    headers = {**SPOOFED, "Origin": f"https://{EVIL}"}
    assert browser.post(path, data=fields, headers=headers).status_code == 403


# ── Signing out, forms and frames ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "address",
    [
        f"https://{EVIL}/",
        f"//{EVIL}",
        f"/\\{EVIL}",
        f"{NEWS_HOME}../",
        f"{NEWS_HOME}?x=1",
        f"{NEWS_HOME}#x",
        "http://news.localhost:7600",
        f"http://news.localhost:7600@{EVIL}/",
        "http://NEWS.localhost:7600/",
        "http://shop.localhost:7600/",
        CALLBACK,
        "javascript:alert(1)",
    ],
)
def test_an_open_redirect_after_logout_is_none(
    browser: httpx2.Client, tokens: Mapping[str, str], address: str
) -> None:
    for who in ({}, {"client_id": "news-web"}, {"id_token_hint": tokens["id_token"]}):
        fields = {**who, "post_logout_redirect_uri": address}
        answer = browser.get("/logout", params=fields)
        assert answer.status_code == 400, answer.text
        assert "location" not in answer.headers
        posted = browser.post("/logout", data=fields)
        assert posted.status_code in {303, 400}
        if posted.status_code == 303:
            assert path_of(posted).startswith("/logout?")
            assert posted.headers["location"].startswith(("/", origin_of_browser(browser)))
            assert not posted.headers["location"].startswith("//")


def origin_of_browser(http: httpx2.Client) -> str:
    return str(http.base_url).rstrip("/")


def test_after_logout_only_the_registered_address_is_gone_to(
    browser: httpx2.Client, tokens: Mapping[str, str]
) -> None:
    fields = {
        "id_token_hint": tokens["id_token"],
        "post_logout_redirect_uri": NEWS_HOME,
        "state": f"https://{EVIL}/",
    }
    answer = browser.get("/logout", params=fields)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{NEWS_HOME}?state=")


@pytest.mark.parametrize("state", ["a\r\nSet-Cookie: x=y", "a\0b", "\x7f"])
def test_a_state_with_control_characters_is_refused_before_it_reaches_a_header(
    browser: httpx2.Client, state: str
) -> None:
    fields = {"client_id": "news-web", "post_logout_redirect_uri": NEWS_HOME, "state": state}
    for path, params in (("/logout", fields), ("/authorize", fields)):
        answer = browser.get(path, params=params)
        assert answer.status_code == 400
        assert "location" not in answer.headers


@pytest.mark.parametrize("path", ["/logout", "/device"])
@pytest.mark.parametrize(
    "headers",
    [{"Origin": f"https://{EVIL}"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=str,
)
def test_csrf_on_our_other_forms_is_refused(
    browser: httpx2.Client, path: str, headers: dict[str, str]
) -> None:
    hidden = Form(browser.get(path).text).hidden
    fields = {**hidden, "act": "leave", "user_code": "BCDF-GHJK"}
    if path == "/device":
        del fields["act"]
    answer = browser.post(path, data=fields, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/logout", "/device"])
def test_csrf_a_form_without_this_browsers_token_is_refused(
    browser: httpx2.Client, hub: Hub, path: str
) -> None:
    browser.get(path)
    for token in ({}, {"form_token": "x" * 43}, {"form_token": "é"}):
        extra = {"act": "leave"} if path == "/logout" else {"user_code": "BCDF-GHJK"}
        headers = {"Origin": origin_of(hub)}
        answer = browser.post(path, data={**token, **extra}, headers=headers)
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/logout",
        "/logout?client_id=nobody",
        "/device",
        "/device?user_code=BCDF-GHJK",
        "/login/callback",
        "/interaction/" + "x" * 43,
        "/nowhere",
        authorize_path(client="nobody"),
    ],
)
def test_framing_no_page_of_ours_is_shown_within_another(browser: httpx2.Client, path: str) -> None:
    answer = browser.get(path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policies = answer.headers.get_list("content-security-policy")
    assert policies
    assert all("frame-ancestors 'none'" in policy for policy in policies)
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"


def test_session_fixation_a_planted_browser_secret_opens_no_interaction_of_another(
    hub: Hub,
) -> None:
    with httpx2.Client(base_url=hub.url) as attacker, httpx2.Client(base_url=hub.url) as victim:
        attacker.get(authorize_path())
        for name, value in attacker.cookies.items():
            victim.cookies.set(name, value)
        before = dict(attacker.cookies)
        obtain_code(victim, hub)
        # The victim's answer made a session; what the attacker planted is not one.
        told = told_by(attacker.get(authorize_path(prompt="none")))
        assert told["error"] == "login_required"
        assert dict(attacker.cookies) == before


def test_a_stale_form_is_409_and_records_nothing(browser: httpx2.Client, hub: Hub) -> None:
    path = path_of(browser.get(authorize_path()))
    stale = Form(browser.get(path).text).hidden
    obtain_code(browser, hub)
    before = hub.counts()["decisions"]
    answer = browser.post(path, data={**stale, "act": "accept"}, headers={"Origin": origin_of(hub)})
    assert answer.status_code == 409
    assert "location" not in answer.headers
    assert hub.counts()["decisions"] == before
