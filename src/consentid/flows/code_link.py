"""What a device's link carries beside its code: who follows it, by its QR code say, does not guess.

Eight letters can be tried, and what may be tried is limited; a proof of 48 bits cannot.  It says
when the code was made and holds for as long as the code lives, in which nobody else is given that
code: so proofs that somebody collects are good for codes of their own alone.  It opens nothing:
the person compares as ever.  Spec: RFC 8628 sections 3.3.1 and 5.1.
"""

import hashlib
import hmac
from typing import Final

from consentid.flows.context import Context
from consentid.keyring.deriving import Job, derived_key
from consentid.kit import base64url
from consentid.kit.instants import SECOND, Instant

LIFETIME_S: Final = 600
FIELD: Final = "proof"
_DOMAIN: Final = b"link/1\0"
_TIME_BYTES: Final = 4
_MAC_BYTES: Final = 6
"""No more than a QR code holds without getting finer."""


def prove_code(context: Context, user_code: str, *, created_at: Instant) -> str:
    """What the link of a code says of it.  14 characters."""
    at = (created_at // SECOND).to_bytes(_TIME_BYTES)
    return base64url.encode(at + _mac(context, user_code, at))


def is_proven(context: Context, user_code: str, unverified_proof: str, *, now_s: float) -> bool:
    """Whether a code came by its own link, while it lived."""
    try:
        raw = base64url.decode(unverified_proof)
    except ValueError:
        return False
    at, mac = raw[:_TIME_BYTES], raw[_TIME_BYTES:]
    is_ours = hmac.compare_digest(_mac(context, user_code, at), mac)
    return is_ours and now_s < int.from_bytes(at) + LIFETIME_S


def _mac(context: Context, user_code: str, at: bytes) -> bytes:
    key = derived_key(context.keyring.master, Job.USER_CODE)
    return hmac.digest(key, _DOMAIN + at + user_code.encode(), hashlib.sha256)[:_MAC_BYTES]
