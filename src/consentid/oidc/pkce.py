"""Proof key for code exchange, S256 only, for every client.  Spec: RFC 7636, RFC 9700."""

import hashlib
import hmac
import re
from typing import Final

from consentid.kit import base64url

METHOD: Final = "S256"
_FORM: Final = re.compile(r"[A-Za-z0-9\-._~]{43,128}", re.ASCII)


def is_well_formed(text: str) -> bool:
    """Whether it can be a challenge or a verifier.  Spec: RFC 7636 sections 4.1 and 4.2."""
    return _FORM.fullmatch(text) is not None


def matches(verifier: str, challenge: str) -> bool:
    """Whether a verifier is the one that a challenge was made of.  Spec: RFC 7636 section 4.6."""
    if not is_well_formed(verifier):
        return False
    made = base64url.encode(hashlib.sha256(verifier.encode()).digest())
    return hmac.compare_digest(made.encode(), challenge.encode())
