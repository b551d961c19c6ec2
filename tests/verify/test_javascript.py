"""``verify.js`` in real Chromium, and in node where there is one: same vectors, same answers."""

import gzip
import json
import re
import shutil
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Page
from tests.tokens.making import AUDIENCE, JWKS, NOW, STRANGER, claims, compact, issue, pen
from tests.tokens.vector_making import FILE
from tests.verify.conftest import Issuer

from consentid.kit import base64url
from consentid.tokens import jwks
from consentid.tokens.consent import Consent, Status, StatusListRef

MODULE = Path(str(files("consentid.sdk") / "verify.js"))
TV = Path(str(files("consentid.sdk") / "consentid-tv.js"))
HERE = Path(__file__).parent / "js"
LIST_PATH = "/statuslists/1"
VECTORS: dict[str, Any] = json.loads(FILE.read_text())
_NEWER_THAN_ES5 = re.compile(r"=>|\b(?:let|const|class|async|await|import|export|yield)\b|`|\.\.\.")


@pytest.fixture
def page(blank_page: Callable[[], Page], issuer: Issuer) -> Iterator[Page]:
    """A page of the issuer's own origin."""
    issuer.documents["/"] = b"<!doctype html><title>verify</title><link rel=icon href='data:,'>"
    issuer.documents["/verify.js"] = MODULE.read_bytes()
    issuer.documents["/judge_vectors.js"] = (HERE / "judge_vectors.js").read_bytes()
    opened = blank_page()
    opened.goto(f"{issuer.url}/")
    yield opened
    opened.close()


@pytest.fixture
def ask(page: Page, issuer: Issuer) -> Callable[..., dict[str, Any]]:
    """One verifier, with a clock of its own; each call may first let time pass."""
    page.evaluate(
        """async ([issuer, audience, now]) => {
            const { Verifier } = await import("/verify.js");
            window.now = now;
            const given = { issuer, audience, now: () => window.now };
            window.make = (options) => new Verifier({ ...given, ...options });
            window.verifier = window.make({ timeoutMs: 60000 });
        }""",
        [issuer.url, AUDIENCE, NOW],
    )

    def ask_it(token: object, *, forward_s: float = 0) -> dict[str, Any]:
        return page.evaluate(
            """async ([token, forward]) => {
                window.now += forward;
                const found = await window.verifier.verify(token);
                const [granted, assisted] = [found.granted ?? [], found.assisted ?? []];
                return { ...found, granted: [...granted], assisted: [...assisted] };
            }""",
            [token, forward_s],
        )

    return ask_it


def expect_as_python(told: dict[str, Any]) -> None:
    assert {name for name in told if told[name] == "active"} == {
        vector["name"] for vector in VECTORS["positive"]
    }
    for vector in VECTORS["negative"]:
        assert told[vector["name"]] == vector["reason"], vector["name"]
    for vector in VECTORS["status_lists"]:
        outside = list(range(2**17, 2**17 + 8))
        assert told[vector["name"]] == vector["set"] + outside


@pytest.mark.browser
def test_the_vectors_mean_the_same_in_a_browser(page: Page) -> None:
    told = page.evaluate(
        """async (vectors) => {
            const { judgeVectors } = await import("/judge_vectors.js");
            return judgeVectors(await import("/verify.js"), vectors);
        }""",
        VECTORS,
    )
    expect_as_python(told)


if (NODE := shutil.which("node")) is not None:

    def test_the_vectors_mean_the_same_in_node(tmp_path: Path) -> None:
        assert NODE is not None
        # Beside no package.json: a module says so by its name.
        module = tmp_path / "verify.mjs"
        module.write_bytes(MODULE.read_bytes())
        for name, text in (("vectors.mjs", None), ("judge_vectors.mjs", "judge_vectors.js")):
            source = (HERE / (text or name)).read_text()
            (tmp_path / name).write_text(source.replace("judge_vectors.js", "judge_vectors.mjs"))
        ran = subprocess.run(  # noqa: S603 our own program
            [NODE, str(tmp_path / "vectors.mjs"), str(module), str(FILE)],
            capture_output=True,
            check=True,
            timeout=300,
        )
        expect_as_python(json.loads(ran.stdout))


def test_the_module_is_under_four_kilobytes() -> None:
    assert len(gzip.compress(MODULE.read_bytes(), 9, mtime=0)) < 4_000


def test_the_television_s_script_is_es5() -> None:
    code = re.sub(r"/\*.*?\*/|//[^\n]*|\"[^\"\n]*\"", "", TV.read_text(), flags=re.DOTALL)
    assert _NEWER_THAN_ES5.findall(code) == []
    assert not re.search(r"\b(?:fetch|Promise|Map|Set|Symbol|crypto)\b", code)


@pytest.mark.browser
def test_a_token_is_active_until_it_is_withdrawn(
    issuer: Issuer, ask: Callable[..., dict[str, Any]]
) -> None:
    token = issuer.token()
    found = ask(token)
    assert (found["active"], found["granted"], found["aud"]) == (True, ["audience"], AUDIENCE)
    assert found["assisted"] == []
    said = Consent(cat=3, rev=7, g=("ads", "contact"), d=(), a=("contact",))
    assert ask(issuer.token(consent=said))["assisted"] == ["contact"]
    stray = claims(iss=issuer.url, consent=Consent(cat=3, rev=7, g=("ads",), d=(), a=("contact",)))
    assert ask(pen(msgspec.to_builtins(stray)))["reason"] == "bad_claims"
    for _ in range(3):
        assert ask(token)["active"] is True
    assert issuer.count(LIST_PATH) == issuer.count("/jwks.json") == 1
    issuer.publish(4_242, iat_s=NOW + 5)
    assert ask(token, forward_s=300)["reason"] == "superseded"


@pytest.mark.browser
def test_a_remembered_token_expires(issuer: Issuer, ask: Callable[..., dict[str, Any]]) -> None:
    token = issuer.token(exp=NOW + 100)
    assert ask(token, forward_s=99)["active"] is True
    assert ask(token, forward_s=1)["reason"] == "expired"
    assert ask(token, forward_s=-3_700)["active"] is False


@pytest.mark.browser
def test_without_a_fresh_list_the_answer_is_no(
    issuer: Issuer, ask: Callable[..., dict[str, Any]]
) -> None:
    token = issuer.token()
    assert ask(token)["active"] is True
    issuer.status = 503
    assert ask(token, forward_s=299)["active"] is True
    assert ask(token, forward_s=1)["reason"] == "status_unavailable"
    issuer.status = 200
    issuer.publish(iat_s=NOW + 300)
    assert ask(token, forward_s=6)["active"] is True


BAD_LISTS: dict[str, Callable[[Issuer], object]] = {
    "of another address": lambda i: i.publish(uri=f"{i.url}/statuslists/2"),
    "of a stranger": lambda i: i.publish(key=STRANGER),
    "expired": lambda i: i.publish(iat_s=NOW - 4_000),
    "signed over 300 s ago": lambda i: i.publish(iat_s=NOW - 300),
    "of the future": lambda i: i.publish(iat_s=NOW + 100),
    "too large": lambda i: i.documents.update({LIST_PATH: b"A" * 2_000_000}),
    "empty": lambda i: i.documents.update({LIST_PATH: b""}),
    "a token": lambda i: i.documents.update({LIST_PATH: i.token().encode()}),
    "gone": lambda i: i.documents.pop(LIST_PATH),
}


@pytest.mark.browser
@pytest.mark.parametrize("name", BAD_LISTS)
def test_a_list_that_is_not_to_be_believed_is_a_no(
    name: str, issuer: Issuer, ask: Callable[..., dict[str, Any]]
) -> None:
    BAD_LISTS[name](issuer)
    assert ask(issuer.token())["active"] is False


@pytest.mark.browser
def test_a_list_that_inflates_too_far_is_a_no(
    issuer: Issuer, ask: Callable[..., dict[str, Any]]
) -> None:
    issuer.documents[LIST_PATH] = _signed_bomb(issuer).encode()
    assert len(issuer.documents[LIST_PATH]) < 65_536
    assert ask(issuer.token())["active"] is False


@pytest.mark.browser
def test_a_new_key_is_looked_up_once_a_minute(
    issuer: Issuer, ask: Callable[..., dict[str, Any]]
) -> None:
    assert ask(issuer.token())["active"] is True
    other = ec.generate_private_key(ec.SECP256R1())
    unknown = _token_of(issuer, other)
    assert ask(unknown)["reason"] == "unknown_key"
    issuer.documents["/jwks.json"] = compact(
        {"keys": [*JWKS["keys"], jwks.jwk("key-2", other.public_key())]}
    )
    assert ask(unknown)["reason"] == "unknown_key"
    assert ask(unknown, forward_s=61)["active"] is True
    assert issuer.count("/jwks.json") == 3  # at first, in vain, and then with success


@pytest.mark.browser
@pytest.mark.parametrize(("strict", "usable_s"), [(False, 300), (True, 60)])
def test_a_revoked_key_is_refused_within_the_bound(
    page: Page,
    issuer: Issuer,
    ask: Callable[..., dict[str, Any]],
    strict: bool,
    usable_s: int,
) -> None:
    page.evaluate("(strict) => { window.verifier = window.make({ strict }); }", strict)
    token = issuer.token(exp=NOW + 3_000)
    assert ask(token)["active"] is True
    other = ec.generate_private_key(ec.SECP256R1())
    issuer.documents["/jwks.json"] = compact({"keys": [jwks.jwk("key-2", other.public_key())]})
    issuer.publish(iat_s=NOW + usable_s, key=other, kid="key-2")
    assert ask(token, forward_s=usable_s)["reason"] == "unknown_key"


@pytest.mark.browser
def test_keys_that_rotate_faster_than_once_a_minute_are_looked_up_each_time(
    issuer: Issuer, page: Page, ask: Callable[..., dict[str, Any]]
) -> None:
    assert ask(issuer.token())["active"] is True
    keys = [*JWKS["keys"]]
    for number in range(2, 5):
        other = ec.generate_private_key(ec.SECP256R1())
        keys.append(jwks.jwk(f"key-{number}", other.public_key()))
        issuer.documents["/jwks.json"] = compact({"keys": keys})
        both = [_token_of(issuer, other, f"key-{number}", idx=idx) for idx in (1, 2)]
        found = page.evaluate(
            """(both) => Promise.all(both.map((token) => window.verifier.verify(token)))""", both
        )
        assert [each["active"] for each in found] == [True, True]


@pytest.mark.browser
@pytest.mark.parametrize("bad", [None, 7, "", "x", "x.y.z", "A" * 9_000, {}, "é.é.é"])
def test_what_is_no_token_is_a_no(ask: Callable[..., dict[str, Any]], bad: object) -> None:
    assert ask(bad)["active"] is False


@pytest.mark.browser
@pytest.mark.parametrize(
    "issuer_url",
    [
        "http://consent.example",
        "https://consent.example/",
        "https://consent.example?x",
        "https://a@consent.example",
        "ftp://consent.example",
        "http://localhost.evil.example",
        "http://evil.example/.localhost",
        "",
    ],
)
def test_an_issuer_that_is_no_https_url_is_refused(
    page: Page, ask: Callable[..., dict[str, Any]], issuer_url: str
) -> None:
    assert ask("x")["active"] is False
    told = page.evaluate(
        """(issuer) => {
            try { return String(window.make({ issuer })); } catch (error) { return error.name; }
        }""",
        issuer_url,
    )
    assert told == "TypeError"


@pytest.mark.browser
def test_a_silent_issuer_is_a_no_in_time(
    page: Page, issuer: Issuer, ask: Callable[..., dict[str, Any]]
) -> None:
    issuer.hold = threading.Event()
    page.evaluate("window.verifier = window.make({ timeoutMs: 300 })")
    assert ask(issuer.token())["reason"] == "keys_unavailable"
    issuer.hold.set()


def _token_of(
    issuer: Issuer, key: ec.EllipticCurvePrivateKey, kid: str = "key-2", *, idx: int = 1
) -> str:
    place = Status(status_list=StatusListRef(idx=idx, uri=issuer.list_uri))
    return issue(claims(iss=issuer.url, status=place), kid, key)


def _signed_bomb(issuer: Issuer) -> str:
    """A list, properly signed, that inflates to thirty megabytes."""
    squeezed = base64url.encode(zlib.compress(bytes(30_000_000), 9))
    listed = {"bits": 1, "lst": squeezed}
    return pen(
        {"sub": issuer.list_uri, "iat": NOW, "exp": NOW + 600, "ttl": 300, "status_list": listed},
        {"alg": "ES256", "kid": "key-1", "typ": "statuslist+jwt"},
    )
