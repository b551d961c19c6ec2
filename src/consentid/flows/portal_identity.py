"""How the hub remembers what the portal calls people and sessions: by keyed hashes, never by name.

Whoever reads the database learns of nobody what their identifier at the portal is.
"""

import hashlib
import hmac

from consentid.flows.context import Context
from consentid.keyring.deriving import Job, derived_key


def identity_hash(context: Context, *, issuer: str, sub: str) -> bytes:
    """Of a person: issuer and ``sub`` together, as ``sub`` means nothing alone.  32 bytes."""
    return _keyed(context, f"{issuer}\0{sub}")


def portal_sid_hash(context: Context, *, issuer: str, sid: str) -> bytes:
    """Of a session at the portal.  32 bytes."""
    return _keyed(context, f"sid\0{issuer}\0{sid}")


def _keyed(context: Context, text: str) -> bytes:
    key = derived_key(context.keyring.master, Job.IDENTITY)
    return hmac.digest(key, text.encode(), hashlib.sha256)
