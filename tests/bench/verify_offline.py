"""``python -m tests.bench.verify_offline``: the verifier beside PyJWT, joserfc and the raw check.

All judge the same tokens of 0.9 kB, in turns of a few dozen, many rounds: told are medians of the
rounds' own ratios and, since other work on the machine only ever adds time, the least of each.  The
raw check is ``cryptography``'s alone, its inputs taken apart before.
"""

import argparse
import json
import os
import platform
import secrets
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import joserfc.jwt
import jwt
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey
from tests.tokens.making import (
    AUDIENCE,
    ISSUER,
    JWKS,
    KEY,
    claims,
    compact,
    issue,
    issue_list,
)

from consentid.kit import base64url
from consentid.tokens import jws
from consentid.tokens.consent import Consent
from consentid.verify import Active, OfflineVerifier

_TOKENS = 24
_BYTES = 900


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.verify_offline")
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.add_argument("--rounds", type=int, default=200)
    given = parser.parse_args()
    took = _measure(_contestants(), rounds=int(given.rounds))
    raw = took["raw ES256 check"]
    told = [
        {
            "name": name,
            "least_us": round(min(each), 2),
            "median_us": round(statistics.median(each), 2),
            "above_raw_us": round(min(each) - min(raw), 2),
            "ratio_to_ours": round(
                statistics.median(
                    one / ours for one, ours in zip(each, took["consentid"], strict=True)
                ),
                2,
            ),
        }
        for name, each in took.items()
    ]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    if given.json:
        print(json.dumps({"machine": machine, "results": told}, indent=2))  # noqa: T201 a command speaks by printing
        return 0
    print(f"{'':24}{'least':>9}{'median':>9}{'above raw':>11}{'of ours':>9}   microseconds")  # noqa: T201 as above
    for one in told:
        print(  # noqa: T201 as above
            f"{one['name']:24}{one['least_us']:9.2f}{one['median_us']:9.2f}"
            f"{one['above_raw_us']:11.2f}{one['ratio_to_ours']:9.2f}"
        )
    print(machine)  # noqa: T201 as above
    return 0


def _contestants() -> dict[str, Callable[[str], object]]:
    now_s = int(time.time())
    public = KEY.public_key()
    with TemporaryDirectory() as folder:
        keys = Path(folder) / "jwks.json"
        keys.write_bytes(compact(JWKS))
        listed = Path(folder) / "1.jwt"
        listed.write_text(issue_list(iat_s=now_s))
        verifier = OfflineVerifier.from_files(
            audience=AUDIENCE, jwks_file=keys, status_list_files=[listed]
        )
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    joserfc_key = ECKey.import_key(pem)
    registry = joserfc.jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
        iat={"essential": True},
    )
    parts: dict[str, tuple[bytes, bytes]] = {}
    es256 = ECDSA(SHA256())

    def raw(token: str) -> None:
        if token not in parts:
            signing_input, _, signature = token.rpartition(".")
            der = jws.to_der(base64url.decode(signature))
            assert der is not None
            parts[token] = der, signing_input.encode()
        der, signing_input = parts[token]
        public.verify(der, signing_input, es256)

    def ours(token: str) -> None:
        found = verifier.verify(token)
        assert isinstance(found, Active)

    def pyjwt(token: str) -> Any:
        return jwt.decode(
            token,
            public,
            algorithms=["ES256"],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": ["exp", "iat", "sub", "jti"], "strict_aud": True},
        )

    def by_joserfc(token: str) -> None:
        registry.validate(joserfc.jwt.decode(token, joserfc_key, algorithms=["ES256"]).claims)

    return {"raw ES256 check": raw, "consentid": ours, "PyJWT": pyjwt, "joserfc": by_joserfc}


def _measure(
    contestants: dict[str, Callable[[str], object]], *, rounds: int
) -> dict[str, list[float]]:
    tokens = [_token() for _ in range(_TOKENS)]
    for judge in contestants.values():
        for token in tokens:
            judge(token)
    took: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, judge in contestants.items():
            begun = time.perf_counter()
            for token in tokens:
                judge(token)
            took[name].append((time.perf_counter() - begun) / _TOKENS * 1e6)
    return took


def _token() -> str:
    """A token of twelve purposes, such as an issuer makes."""
    now_s = int(time.time())
    granted = ("ads", "ads.measurement", "ads.personalised", "audience.research", "contact.email")
    refused = ("content", "content.recommendations", "contact.phone", "contact.sms", "ads.partners")
    token = issue(
        claims(
            iat=now_s - 60,
            exp=now_s + 3_500,
            jti=secrets.token_urlsafe(16),
            consent=Consent(
                cat=3, rev=7, g=(*granted, "geo.precise"), d=(*refused, "shop:loyalty")
            ),
        )
    )
    assert abs(len(token) - _BYTES) < _BYTES / 10, len(token)
    return token


if __name__ == "__main__":
    sys.exit(main())
