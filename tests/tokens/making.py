"""Tokens by hand: fixed keys, a fixed clock, and a pen that signs anything.

Signatures are deterministic (RFC 6979), so what is made here is the same every time.
"""

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from consentid.kit import base64url
from consentid.tokens import consent, jwks, status, verifying
from consentid.tokens.consent import Consent, ConsentClaims, Status, StatusListRef
from consentid.tokens.reasons import Inactive

NOW = 1_790_000_000
ISSUER = "https://consent.halcyon.example"
AUDIENCE = "https://news.halcyon.example"
LIST_URI = f"{ISSUER}/statuslists/1"
KID = "key-1"
INDEX = 4_242

# The P-256 keys of RFC 6979 appendix A.2.5 and RFC 7515 appendix A.3: everybody's.
KEY = ec.derive_private_key(
    0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721, ec.SECP256R1()
)
STRANGER = ec.derive_private_key(
    int.from_bytes(base64url.decode("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI")),
    ec.SECP256R1(),
)
KEYS = {KID: KEY.public_key()}
JWKS = {"keys": [jwks.jwk(KID, KEY.public_key())]}

_DETERMINISTIC = ec.ECDSA(SHA256(), deterministic_signing=True)

HEADER: dict[str, Any] = {"alg": "ES256", "kid": KID, "typ": "consent+jwt"}
PAYLOAD: dict[str, Any] = {
    "iss": ISSUER,
    "sub": "pLHDpDSpjCoxs4gYUgB1cg",
    "aud": AUDIENCE,
    "client_id": "news-web",
    "jti": "c9s3pAxxTtGrQ0MaQmZp8w",
    "iat": NOW - 60,
    "exp": NOW + 3540,
    "consent": {
        "cat": 3,
        "rev": 7,
        "g": ["audience", "ads.measurement"],
        "d": ["ads.personalised"],
    },
    "status": {"status_list": {"idx": INDEX, "uri": LIST_URI}},
}


def sign(signing_input: bytes, key: ec.EllipticCurvePrivateKey = KEY) -> bytes:
    """r||s."""
    r, s = decode_dss_signature(key.sign(signing_input, _DETERMINISTIC))
    return r.to_bytes(32) + s.to_bytes(32)


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode()


def pen(
    payload: bytes | dict[str, Any],
    header: bytes | dict[str, Any] = HEADER,
    key: ec.EllipticCurvePrivateKey = KEY,
) -> str:
    """Sign any two byte strings as if they were a header and a payload."""
    head, body = (part if isinstance(part, bytes) else compact(part) for part in (header, payload))
    signing_input = f"{base64url.encode(head)}.{base64url.encode(body)}"
    return f"{signing_input}.{base64url.encode(sign(signing_input.encode(), key))}"


def claims(**changed: object) -> ConsentClaims:
    """Claims as flows make them."""
    values: dict[str, Any] = {
        **PAYLOAD,
        "consent": Consent(cat=3, rev=7, g=("audience",), d=("ads.personalised",)),
        "status": Status(status_list=StatusListRef(idx=INDEX, uri=LIST_URI)),
        **changed,
    }
    return ConsentClaims(**values)


def issue(made: ConsentClaims, kid: str = KID, key: ec.EllipticCurvePrivateKey = KEY) -> str:
    """A token as flows make it."""
    signing_input = consent.unsigned(made, kid)
    return consent.assemble(signing_input, sign(signing_input, key))


def issue_list(
    set_indices: tuple[int, ...] = (),
    *,
    uri: str = LIST_URI,
    iat_s: int = NOW - 10,
    entries: int = 2**17,
    kid: str = KID,
    key: ec.EllipticCurvePrivateKey = KEY,
) -> str:
    """A status list as the publisher makes it."""
    signing_input = status.unsigned_list(
        uri, status.pack(entries, set_indices), kid=kid, iat_s=iat_s
    )
    return status.assemble(signing_input, sign(signing_input, key))


def judge(token: str, now_s: float = NOW) -> str:
    """``active`` or the reason why not."""
    found = verifying.verify(token, keys=KEYS, issuer=ISSUER, audience=AUDIENCE, now_s=now_s)
    return found.reason if isinstance(found, Inactive) else "active"
