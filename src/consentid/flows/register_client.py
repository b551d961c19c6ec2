"""Register clients, give them secrets, rotate those: a secret is shown once and stored hashed."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from consentid.brandbook.client import AuthMethod, Scope, Surface, TokenClass
from consentid.core.party import Party, PartyKind
from consentid.flows.publish_catalogue import find_applied
from consentid.kit import base64url
from consentid.kit.errors import ConflictError, MalformedError, NotFoundError
from consentid.kit.instants import SECOND, Instant
from consentid.store import clients, clock
from consentid.store.clients import Client
from consentid.store.engine import Database

SECRET_BYTES: Final = 32
OVERLAP_S: Final = 86_400
"""How long an old secret still holds after a rotation, so that a back end can be redeployed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSecret:
    """A client's secret, told this once."""

    client_id: str
    secret: str
    old_ends_in_s: int | None
    """Seconds until older secrets end; None where there were none to end."""


def hash_secret(secret: str) -> bytes:
    """How a secret is stored.  It has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


async def add_client(
    database: Database,
    *,
    client_id: str,
    party: Party,
    scopes: frozenset[Scope],
    auth_method: AuthMethod,
    surface: Surface,
    collects_for_group: bool,
    randomness: Callable[[int], bytes],
) -> NewSecret | None:
    """Register a client that the files do not declare; None for one that has no secret.

    Raises:
        ConflictError: the id is taken.
        NotFoundError: no such brand or partner, or no catalogue was applied.
    """
    book = await find_applied(database)
    if book is None or party not in book.catalogue.parties:
        raise NotFoundError(
            "party_unknown",
            f"{party} is not in the catalogue in force: run `consentid brands apply` first.",
            where="party",
        )
    async with database.writing() as connection:
        now = await clock.now(connection)
        if any(each.client_id == client_id for each in await clients.every(connection)):
            raise ConflictError(
                "client_exists",
                f"A client {client_id} exists: choose another id, or rotate its secret.",
                where="client_id",
            )
        await clients.save(
            connection,
            Client(
                client_id=client_id,
                party=party,
                source="command",
                auth_method=auth_method,
                scopes=frozenset(scopes),
                collects_for_group=collects_for_group,
                surface=surface,
                token_class=_token_class(party, surface),
            ),
            at=now,
        )
    if auth_method is not AuthMethod.CLIENT_SECRET_BASIC:
        return None
    return await rotate_secret(database, client_id=client_id, overlap_s=0, randomness=randomness)


async def rotate_secret(
    database: Database,
    *,
    client_id: str,
    overlap_s: int = OVERLAP_S,
    randomness: Callable[[int], bytes],
) -> NewSecret:
    """Give a client a new secret; the old ones hold for ``overlap_s`` more.

    Raises:
        NotFoundError: no such client.
        MalformedError: the client authenticates in another way.
    """
    secret = base64url.encode(randomness(SECRET_BYTES))
    async with database.writing() as connection:
        client = await clients.find(connection, client_id)
        if client is None:
            raise NotFoundError(
                "client_unknown",
                f"No client {client_id}: `consentid clients list` shows those that exist.",
                where="client_id",
            )
        if client.auth_method != AuthMethod.CLIENT_SECRET_BASIC:
            raise MalformedError(
                "client_has_no_secret",
                f"{client_id} authenticates by {client.auth_method}, not by a secret.",
                where="client_id",
            )
        now = await clock.now(connection)
        old = await clients.secret_hashes(connection, client_id, at=now)
        await clients.expire_secrets(connection, client_id, at=Instant(now + overlap_s * SECOND))
        await clients.add_secret(connection, client_id, secret_hash=hash_secret(secret), at=now)
    return NewSecret(client_id=client_id, secret=secret, old_ends_in_s=overlap_s if old else None)


async def list_clients(database: Database) -> Sequence[Client]:
    """Every client, disabled ones too."""
    async with database.reading() as connection:
        return await clients.every(connection)


def _token_class(party: Party, surface: Surface) -> TokenClass:
    if party.kind is PartyKind.PARTNER:
        return TokenClass.PARTNER
    return TokenClass.TV if surface is Surface.TV else TokenClass.WEB
