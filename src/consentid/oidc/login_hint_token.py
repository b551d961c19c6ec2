"""A client names a person by its own word for them, and signs that: ``login_hint_token``.

``sub`` is the one that our tokens and events for this client carry: it means nothing to anybody
else, so that who reads the request learns of nobody.  An address or a number is never taken.  The
type is its own, so that what authenticates a client is no hint, and a hint authenticates nobody.

Spec: OpenID Connect CIBA Core 1.0 section 7.1, RFC 8725 section 3.11.
"""

import re
from collections.abc import Mapping
from typing import Final

from consentid.kit.instants import Instant
from consentid.oidc import client_assertion
from consentid.oidc.client_assertion import RefusedAssertionError

TYP: Final = "login-hint+jwt"
_SUB: Final = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


def verify_login_hint(
    unverified: str,
    *,
    client_id: str,
    keys: Mapping[str, Mapping[str, str]],
    issuer: str,
    now: Instant,
) -> str:
    """The ``sub`` that a client signed.  22 characters.  ``keys`` are its own, each with ``alg``.

    Raises:
        RefusedAssertionError: it is no such token of this client, or names nobody by ``sub``.
        ExpiredAssertionError: it was one.
    """
    found = client_assertion.read_signed(unverified, typ=TYP)
    if found.unverified_client_id != client_id:
        raise RefusedAssertionError("iss is the client's id")
    client_assertion.verify(found, keys=keys, issuer=issuer, now=now)
    sub = found.unverified_claims.get("sub")
    if not isinstance(sub, str) or _SUB.fullmatch(sub) is None:
        raise RefusedAssertionError("sub is the one that our tokens for this client carry")
    return sub
