"""How the hub remembers what the portal calls people and sessions: by keyed hashes, never by name.

Whoever reads the database learns of nobody what their identifier at the portal is.  Which clients
may name somebody by the portal's word stands here, too.
"""

import hashlib
import hmac

from consentid.brandbook.book import Book
from consentid.brandbook.client import AuthMethod
from consentid.core.party import PartyKind
from consentid.flows.context import Context
from consentid.keyring.deriving import Job, derived_key
from consentid.store.clients import Client


def identity_hash(context: Context, *, issuer: str, sub: str) -> bytes:
    """Of a person: issuer and ``sub`` together, as ``sub`` means nothing alone.  32 bytes."""
    return _keyed(context, f"{issuer}\0{sub}")


def portal_sid_hash(context: Context, *, issuer: str, sid: str) -> bytes:
    """Of a session at the portal.  32 bytes."""
    return _keyed(context, f"sid\0{issuer}\0{sid}")


def portal_audience(book: Book, client: Client) -> str | None:
    """Whom the portal's ID tokens have to be meant for that a client may hand in.

    None where it may hand in none: only authenticated clients of listed brands do.
    """
    if client.auth_method == AuthMethod.NONE or client.party.kind is not PartyKind.BRAND:
        return None
    return book.group.portal.clients.get(client.party.slug)


def _keyed(context: Context, text: str) -> bytes:
    key = derived_key(context.keyring.master, Job.IDENTITY)
    return hmac.digest(key, text.encode(), hashlib.sha256)
