"""What a receipt is held against, fetched from its issuer.

The issuer learns that somebody checks, and by the entry's id that it is about this entry where the
receipt carries no proof yet; never the receipt.
"""

from typing import Final
from uuid import UUID

import httpx2

from consentid.kit.errors import MalformedError, UnavailableError
from consentid.ledger.note import parse_key
from consentid.tokens import jwks
from consentid.verify.fetching import fetch
from consentid.verify.issuers import check_issuer
from consentid.verify.receipts import Trusted

TIMEOUT_S: Final = 5.0
_MAX_KEYS_BYTES: Final = 65_536
_MAX_PROOF_BYTES: Final = 131_072


async def fetch_trusted(
    issuer: str, *, transport: httpx2.AsyncBaseTransport | None = None
) -> Trusted:
    """An issuer's keys, for signatures and for its logs.

    Raises:
        MalformedError: the issuer is not an https URL, or what it publishes is no key.
        UnavailableError: it cannot be reached.
    """
    check_issuer(issuer)
    async with httpx2.AsyncClient(transport=transport, follow_redirects=False) as client:
        signing = await _get(client, f"{issuer}/jwks.json", max_bytes=jwks.MAX_JWKS_BYTES)
        logs = await _get(client, f"{issuer}/v1/ledger/keys", max_bytes=_MAX_KEYS_BYTES)
    return Trusted(
        issuer=issuer,
        keys=jwks.read_keys(signing),
        logs=tuple(parse_key(line) for line in logs.decode(errors="replace").splitlines()),
    )


async def fetch_proof(
    issuer: str, unverified_entry: object, *, transport: httpx2.AsyncBaseTransport | None = None
) -> str | None:
    """The proof of an entry, unverified; None where its log has none yet, or cannot be reached."""
    try:
        entry = UUID(str(unverified_entry))
        async with httpx2.AsyncClient(transport=transport, follow_redirects=False) as client:
            address = f"{issuer}/v1/ledger/proof/entry/{entry}"
            return (await _get(client, address, max_bytes=_MAX_PROOF_BYTES)).decode()
    except (UnavailableError, ValueError):
        return None


async def _get(client: httpx2.AsyncClient, url: str, *, max_bytes: int) -> bytes:
    try:
        fetched = await fetch(client, url, etag=None, max_bytes=max_bytes, timeout_s=TIMEOUT_S)
    except UnavailableError as error:
        error.where = url
        raise
    if fetched.body is None:
        raise MalformedError("document_empty", "nothing was answered", where=url)
    return fetched.body
