"""Makes ``tests/vectors/consent-tokens.json``, each negative vector named after its mutation.

A vector that has shipped is never edited: add new ones at the end.  Write the file with
``python -m tests.tokens.vector_making``; a test checks that the file is what is made here.
"""

import json
from pathlib import Path
from typing import Any

from tests.tokens.making import (
    AUDIENCE,
    HEADER,
    INDEX,
    ISSUER,
    JWKS,
    KID,
    LIST_URI,
    NOW,
    PAYLOAD,
    STRANGER,
    compact,
    issue_list,
    pen,
    sign,
)

from consentid.kit import base64url

FILE = Path(__file__).parent.parent / "vectors" / "consent-tokens.json"

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _with(**changed: object) -> dict[str, Any]:
    return {**PAYLOAD, **changed}


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in PAYLOAD.items() if key != name}


def _signed_otherwise(signature: bytes) -> str:
    return f"{pen(PAYLOAD).rpartition('.')[0]}.{base64url.encode(signature)}"


def _raw(old: bytes, new: bytes) -> bytes:
    text = compact(PAYLOAD)
    assert text.count(old) == 1
    return text.replace(old, new)


def _positive() -> dict[str, str]:
    acting = {"sub": "https://reach.example", "act": {"sub": "https://broker.example"}}
    return {
        "as issued": pen(PAYLOAD),
        "delegated twice": pen(_with(act=acting)),
        "with acr and a key to confirm": pen(_with(acr="urn:halcyon:1", cnf={"jkt": "A" * 43})),
        "nothing granted": pen(_with(consent={"cat": 1, "rev": 0, "g": [], "d": []})),
        "an unknown claim": pen(_with(later={"g": ["x"]})),
        "members in another order, with white space": pen(
            json.dumps(PAYLOAD, sort_keys=True, indent=1).encode()
        ),
        "header members in another order": pen(
            PAYLOAD, compact({"typ": "consent+jwt", "kid": KID, "alg": "ES256"})
        ),
        "letters written as escapes": pen(_raw(b"news-web", b"news\\u002dweb")),
        "one second left": pen(_with(iat=NOW - 3599, exp=NOW + 1)),
        "issued by a clock 30 s ahead": pen(_with(iat=NOW + 30)),
        "a day long": pen(_with(iat=NOW, exp=NOW + 86_400)),
    }


def _bad_form() -> dict[str, tuple[str, str]]:
    good = pen(PAYLOAD)
    head, body, signature = good.split(".")
    return {
        "empty": ("", "not_compact"),
        "two parts": (f"{head}.{body}", "not_compact"),
        "four parts": (f"{good}.", "not_compact"),
        "five parts, as encrypted": (f"{good}.x.y", "not_compact"),
        "over 8192 characters": (pen(_with(later="x" * 6_000)), "too_long"),
        "padded": (f"{head}=.{body}.{signature}", "bad_encoding"),
        "standard base64 alphabet": (f"{head}.{body}.+{signature[1:]}", "bad_encoding"),
        "a line break at the end": (f"{good}\n", "bad_encoding"),
        "a space before": (f" {good}", "bad_encoding"),
        "trailing bits in the signature": (
            good[:-1] + chr(ord(good[-1]) + 1),
            "bad_encoding",
        ),
        "not ASCII": (f"{head}.{body}.é{signature[1:]}", "bad_encoding"),
        "NUL": (f"{head}\0.{body}.{signature}", "bad_encoding"),
        "no signature": (f"{head}.{body}.", "bad_signature"),
        "payload empty": (pen(b""), "bad_claims"),
        "payload not an object": (pen(b"[]"), "bad_claims"),
        "payload not JSON": (pen(b"{"), "bad_claims"),
        "payload followed by more": (pen(compact(PAYLOAD) + b"{}"), "bad_claims"),
        "payload with a byte order mark": (pen(b"\xef\xbb\xbf" + compact(PAYLOAD)), "bad_claims"),
        "payload with bad UTF-8 in an unknown claim": (
            pen(_raw(b'{"iss"', b'{"later":"\xff","iss"')),
            "bad_encoding",
        ),
        "nesting": (
            pen(_raw(b'{"iss"', b'{"x":' + b"[" * 900 + b"]" * 900 + b',"iss"')),
            "bad_claims",
        ),
    }


def _bad_header() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    extras: dict[str, Any] = {
        "jwk": JWKS["keys"][0],
        "jku": f"{ISSUER}/jwks.json",
        "x5u": f"{ISSUER}/x5u",
        "x5c": ["AA=="],
        "crit": ["exp"],
        "zip": "DEF",
        "b64": True,
        "cty": "JWT",
        "x5t": "AA",
        "enc": "A128GCM",
    }
    for name, value in extras.items():
        found[f"header with {name}"] = (pen(PAYLOAD, {**HEADER, name: value}), "bad_header")
    for algorithm in ("none", "None", "HS256", "RS256", "ES384", "ES512", "EdDSA", "es256", ""):
        found[f"alg {algorithm or 'empty'}"] = (
            pen(PAYLOAD, {**HEADER, "alg": algorithm}),
            "wrong_algorithm",
        )
    for kind in ("JWT", "statuslist+jwt", "at+jwt", "CONSENT+JWT", "application/consent+jwt", ""):
        found[f"typ {kind or 'empty'}"] = (pen(PAYLOAD, {**HEADER, "typ": kind}), "wrong_type")
    for name in ("alg", "kid", "typ"):
        left = {key: value for key, value in HEADER.items() if key != name}
        found[f"header without {name}"] = (pen(PAYLOAD, left), "bad_header")
    twice = compact(HEADER)[:-1]
    return {
        **found,
        "alg twice": (pen(PAYLOAD, twice + b',"alg":"ES256"}'), "bad_header"),
        "alg none, then ES256": (
            pen(PAYLOAD, b'{"alg":"none",' + compact(HEADER)[1:]),
            "bad_header",
        ),
        "kid twice, once in escapes": (
            pen(PAYLOAD, twice + b',"k\\u0069d":"key-1"}'),
            "bad_header",
        ),
        "kid of 13 characters": (pen(PAYLOAD, {**HEADER, "kid": "k" * 13}), "bad_header"),
        "kid empty": (pen(PAYLOAD, {**HEADER, "kid": ""}), "bad_header"),
        "kid a path": (pen(PAYLOAD, {**HEADER, "kid": "../key-1"}), "bad_header"),
        "kid a number": (pen(PAYLOAD, {**HEADER, "kid": 1}), "bad_header"),
        "kid unknown": (pen(PAYLOAD, {**HEADER, "kid": "key-2"}), "unknown_key"),
        "header a list": (pen(PAYLOAD, b'["ES256","key-1","consent+jwt"]'), "bad_header"),
        "header nested deeply": (
            pen(PAYLOAD, b'{"kid":' + b"[" * 2_000 + b"]" * 2_000 + b"}"),
            "bad_header",
        ),
    }


def _bad_signature() -> dict[str, tuple[str, str]]:
    good = pen(PAYLOAD)
    head, body, _ = good.split(".")
    right = sign(f"{head}.{body}".encode())
    swapped = pen(_with(consent={"cat": 3, "rev": 7, "g": ["ads"], "d": []}))
    last = "A" if head[-1] != "A" else "B"
    return {
        "signed by a stranger": (pen(PAYLOAD, key=STRANGER), "bad_signature"),
        "claims of another token": (
            f"{head}.{swapped.split('.')[1]}.{good.split('.')[2]}",
            "bad_signature",
        ),
        "one bit of the signature": (
            _signed_otherwise(bytes([right[0] ^ 1]) + right[1:]),
            "bad_signature",
        ),
        "one character of the header": (f"{head[:-1]}{last}.{body}.{good.split('.')[2]}", ""),
        "signature of zeros": (_signed_otherwise(bytes(64)), "bad_signature"),
        "s zero": (_signed_otherwise(right[:32] + bytes(32)), "bad_signature"),
        "r and s the order": (_signed_otherwise(_ORDER.to_bytes(32) * 2), "bad_signature"),
        "r and s swapped": (_signed_otherwise(right[32:] + right[:32]), "bad_signature"),
        "signature one byte short": (_signed_otherwise(right[:-1]), "bad_signature"),
        "signature one byte long": (_signed_otherwise(right + b"\0"), "bad_signature"),
        "signature in DER": (_signed_otherwise(_der(right)), "bad_signature"),
    }


def _der(raw: bytes) -> bytes:
    def integer(value: bytes) -> bytes:
        value = value.lstrip(b"\0")
        value = b"\0" + value if value[0] & 0x80 else value
        return b"\x02" + bytes([len(value)]) + value

    both = integer(raw[:32]) + integer(raw[32:])
    return b"\x30" + bytes([len(both)]) + both


def _bad_types() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for name in PAYLOAD:
        found[f"without {name}"] = (pen(_without(name)), "bad_claims")
        found[f"{name} null"] = (pen(_with(**{name: None})), "bad_claims")
    wrong: dict[str, tuple[str, Any]] = {
        "aud a list of one": ("aud", [AUDIENCE]),
        "aud a list": ("aud", [AUDIENCE, "https://shop.halcyon.example"]),
        "aud an object": ("aud", {AUDIENCE: True}),
        "exp true": ("exp", True),
        "exp a string": ("exp", str(NOW + 60)),
        "exp with a fraction": ("exp", NOW + 60.5),
        "exp a float": ("exp", float(NOW + 60)),
        "exp negative": ("exp", -1),
        "exp beyond 2^53": ("exp", 2**53 + 1),
        "exp beyond 2^64": ("exp", 2**64),
        "iat false": ("iat", False),
        "iat a string": ("iat", "0"),
        "nbf a string": ("nbf", "0"),
        "sub of 21 characters": ("sub", "A" * 21),
        "sub of 23 characters": ("sub", "A" * 23),
        "sub not base64url": ("sub", "A" * 21 + "+"),
        "sub a number": ("sub", 7),
        "jti a number": ("jti", 7),
        "client_id empty": ("client_id", ""),
        "consent a list": ("consent", []),
        "consent without rev": ("consent", {"cat": 1, "g": [], "d": []}),
        "granted a string": ("consent", {"cat": 1, "rev": 1, "g": "ads", "d": []}),
        "granted with a number": ("consent", {"cat": 1, "rev": 1, "g": [1], "d": []}),
        "granted and refused": ("consent", {"cat": 1, "rev": 1, "g": ["ads"], "d": ["ads"]}),
        "rev negative": ("consent", {"cat": 1, "rev": -1, "g": [], "d": []}),
        "rev true": ("consent", {"cat": 1, "rev": True, "g": [], "d": []}),
        "status empty": ("status", {}),
        "status index negative": ("status", {"status_list": {"idx": -1, "uri": LIST_URI}}),
        "status index true": ("status", {"status_list": {"idx": True, "uri": LIST_URI}}),
        "status index a string": ("status", {"status_list": {"idx": "1", "uri": LIST_URI}}),
        "act a string": ("act", "https://reach.example"),
        "act nested three times": (
            "act",
            {"sub": "a", "act": {"sub": "b", "act": {"sub": "c"}}},
        ),
        "cnf without a thumbprint": ("cnf", {}),
    }
    for name, (claim, value) in wrong.items():
        found[name] = (pen(_with(**{claim: value})), "bad_claims")
    exp = b'"exp":%d' % (NOW + 3540)
    for name, text in {
        "exp NaN": b"NaN",
        "exp Infinity": b"Infinity",
        "exp 1e400": b"1e400",
        "exp in scientific notation": b"1.79e9",
        "exp with a leading zero": b"01790003540",
        "exp of 5000 digits": b"9" * 5_000,
    }.items():
        found[name] = (pen(_raw(exp, b'"exp":' + text)), "bad_claims")
    return found


def _twice() -> dict[str, tuple[str, str]]:
    exp = b'"exp":%d' % (NOW + 3540)
    return {
        "exp twice": (pen(_raw(exp, b'"exp":1,' + exp)), "duplicate_claims"),
        "exp twice, the same": (pen(_raw(exp, exp + b"," + exp)), "duplicate_claims"),
        "aud twice, once in escapes": (
            pen(_raw(exp, exp + b',"a\\u0075d":"%s"' % AUDIENCE.encode())),
            "duplicate_claims",
        ),
        "granted twice": (pen(_raw(b'"g":[', b'"g":[],"g":[')), "duplicate_claims"),
        "status index twice": (pen(_raw(b'"idx":', b'"idx":1,"idx":')), "duplicate_claims"),
        "an unknown claim twice": (pen(_raw(exp, exp + b',"x":1,"x":1')), "duplicate_claims"),
        "twice within an unknown claim": (
            pen(_raw(exp, exp + b',"x":{"y":1,"y":2}')),
            "duplicate_claims",
        ),
        "NaN in an unknown claim": (pen(_raw(exp, exp + b',"x":NaN')), "bad_claims"),
    }


def _untimely_or_foreign() -> dict[str, tuple[str, str]]:
    return {
        "another issuer": (pen(_with(iss="https://consent.other.example")), "wrong_issuer"),
        "the issuer with a slash": (pen(_with(iss=f"{ISSUER}/")), "wrong_issuer"),
        "another audience": (pen(_with(aud="https://shop.halcyon.example")), "wrong_audience"),
        "the audience with a slash": (pen(_with(aud=f"{AUDIENCE}/")), "wrong_audience"),
        "the audience in capitals": (pen(_with(aud=AUDIENCE.upper())), "wrong_audience"),
        "expired": (pen(_with(exp=NOW - 1)), "expired"),
        "expires now": (pen(_with(exp=NOW)), "expired"),
        "issued in the future": (pen(_with(iat=NOW + 31)), "not_yet_valid"),
        "not before later": (pen(_with(nbf=NOW + 31)), "not_yet_valid"),
        "a second more than a day long": (
            pen(_with(iat=NOW, exp=NOW + 86_401)),
            "lifetime_too_long",
        ),
        "a status list signed the same": (issue_list(), "wrong_type"),
    }


def make() -> dict[str, Any]:
    """Everything that the file holds."""
    negative = {
        **_bad_form(),
        **_bad_header(),
        **_bad_signature(),
        **_bad_types(),
        **_twice(),
        **_untimely_or_foreign(),
    }
    return {
        "about": (
            "Consent tokens to verify at the instant `now` (Unix seconds, leeway 30 s for iat and "
            "nbf only) for `issuer` and `audience` with the keys of `jwks`. `reason` is ours; "
            "another verifier need only say that a negative token is inactive. The key is public "
            "knowledge (RFC 6979 appendix A.2.5)."
        ),
        "now": NOW,
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "jwks": JWKS,
        "positive": [{"name": name, "token": token} for name, token in _positive().items()],
        "negative": [
            {"name": name, "reason": reason or "bad_header", "token": token}
            for name, (token, reason) in negative.items()
        ],
        "status_lists": [
            {"name": "none set", "uri": LIST_URI, "token": issue_list(), "set": []},
            {
                "name": "first, ours and last set",
                "uri": LIST_URI,
                "token": issue_list((0, INDEX, 2**17 - 1)),
                "set": [0, INDEX, 2**17 - 1],
            },
        ],
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(make(), indent=1, ensure_ascii=True) + "\n")
