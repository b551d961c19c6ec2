"""Who holds access tokens, many at a time: one statement, on the way of every call."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.store.arrays import fetch
from consentid.store.clients import Client, client_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What a token that holds now stands for."""

    client: Client
    scopes: frozenset[str]
    subject: SubjectId | None
    device: SubjectId | None
    """The device on which a known subject is signed in."""
    family: UUID | None
    """What tokens that come of one code have in common."""


_FIND: Final = """
SELECT token_hash, subject_id, device_id, family, tokens.scopes AS granted, clients.*
FROM access_tokens AS tokens JOIN clients USING (client_id)
WHERE token_hash = ANY ($1::bytea[]) AND expires_at > clock_timestamp() AND disabled_at IS NULL
"""


async def find_holders(
    connection: AsyncConnection, token_hashes: Collection[bytes]
) -> Mapping[bytes, Holder]:
    """Whom these tokens stand for; unknown and expired ones are left out.

    So are those of clients that may not be used.
    """
    rows = await fetch(connection, _FIND, list(token_hashes))
    return {
        row["token_hash"]: Holder(
            client=client_of(row),
            scopes=frozenset(row["granted"]),
            subject=None if row["subject_id"] is None else SubjectId(row["subject_id"]),
            device=None if row["device_id"] is None else SubjectId(row["device_id"]),
            family=row["family"],
        )
        for row in rows
    }
