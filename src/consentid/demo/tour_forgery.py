"""Tokens that must be refused, each made from a good one by one change.

Some are signed with the hub's real key, which only the demo has at hand: so the check that refuses
them is the one named, and not just the signature's.  Spec: RFC 8725 (JWT best practice).
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from consentid.demo.tour_report import unverified_parts
from consentid.keyring.loading import Keyring
from consentid.keyring.manifest import Algorithm, Use
from consentid.keyring.signing import SigningKey, generate
from consentid.kit import base64url

Json = Mapping[str, Any]
_HOUR_S: Final = 3600


def forgeries(good: str, keyring: Keyring, *, now_s: int) -> Iterator[tuple[str, str]]:
    """Pairs of what was changed and the token that came of it."""
    header, claims = unverified_parts(good)
    real = keyring.active(Use.CONSENT)
    other = generate(Algorithm.ES256)
    greedy = {**claims, "consent": {**claims["consent"], "g": [*claims["consent"]["g"], "all"]}}
    head, body, signature = good.split(".")
    yield "a purpose added, the old signature kept", f"{head}.{_part(greedy)}.{signature}"
    yield "one bit of the signature flipped", f"{head}.{body}.{_flipped(signature)}"
    yield "the signature cut off", f"{head}.{body}."
    yield "signed with another key under the real key's name", _signed(header, claims, other)
    yield "a key of its own in the header", _signed({**header, "jwk": other.jwk()}, claims, other)
    yield "alg none", f"{_part({**header, 'alg': 'none'})}.{body}."
    yield "alg HS256 with the public key as secret", _mac_signed(header, claims, real)
    yield (
        "expired, signed with the real key",
        _signed(header, {**claims, "iat": now_s - 2 * _HOUR_S, "exp": now_s - _HOUR_S}, real),
    )
    yield "without exp, signed with the real key", _signed(header, _without(claims, "exp"), real)
    yield (
        "another issuer, signed with the real key",
        _signed(header, {**claims, "iss": "https://consent.example"}, real),
    )
    yield (
        "two audiences, signed with the real key",
        _signed(header, {**claims, "aud": [claims["aud"], "https://reach.example"]}, real),
    )
    yield "another typ, signed with the real key", _signed({**header, "typ": "JWT"}, claims, real)
    yield "a claim named twice, signed with the real key", _signed(header, claims, real, _twice)
    yield (
        "a status list elsewhere, signed with the real key",
        _signed(
            header,
            {**claims, "status": {"status_list": {"idx": 0, "uri": "https://evil.example/1"}}},
            real,
        ),
    )
    yield "nine thousand bytes long", f"{head}.{body}{'A' * 9000}.{signature}"
    yield "nested a thousand times", f"{head}.{base64url.encode(b'[' * 1000)}.{signature}"
    yield "not a token", "consent"


def _signed(
    header: Json, claims: Json, key: SigningKey, spoil: Callable[[bytes], bytes] = bytes
) -> str:
    payload = base64url.encode(spoil(_compact(claims)))
    signing_input = f"{_part(header)}.{payload}"
    return f"{signing_input}.{base64url.encode(key.sign(signing_input.encode()))}"


def _mac_signed(header: Json, claims: Json, key: SigningKey) -> str:
    """The classic confusion: a verifier that believes ``alg`` takes public bytes for a secret."""
    signing_input = f"{_part({**header, 'alg': 'HS256'})}.{_part(claims)}"
    secret = json.dumps(key.jwk()).encode()
    mac = hmac.digest(secret, signing_input.encode(), hashlib.sha256)
    return f"{signing_input}.{base64url.encode(mac)}"


def _twice(payload: bytes) -> bytes:
    return payload[:-1] + b',"sub":"AAAAAAAAAAAAAAAAAAAAAA"}'


def _flipped(signature: str) -> str:
    raw = bytearray(base64url.decode(signature))
    raw[7] ^= 1
    return base64url.encode(bytes(raw))


def _without(claims: Json, name: str) -> Json:
    return {key: value for key, value in claims.items() if key != name}


def _part(value: Json) -> str:
    return base64url.encode(_compact(value))


def _compact(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
