"""OAuth clients of brands and partners, and the hashes of their secrets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy import RowMapping, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.client import ApplicationType
from consentid.core.party import Party, PartyKind, Slug
from consentid.kit.instants import Instant
from consentid.store.tables import client_secrets, clients


class RegisteredKey(msgspec.Struct, frozen=True, kw_only=True):
    """A client's public key, with the one algorithm that it signs with."""

    kid: str
    alg: str
    members: dict[str, str]


class Registration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a client behaves at the OAuth endpoints, in the words of RFC 7591.

    Kept as JSON.  A member unknown to this release is passed over: the next one may have put it
    there while both serve.
    """

    application_type: str = "web"
    """``web``, ``browser`` or ``native``."""
    grant_types: tuple[str, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None
    purposes: tuple[str, ...] | None = None
    """What it may ask for, with all that lies below; None for all that its party offers."""
    audience: str | None = None
    """What its tokens are meant for unless it asks otherwise; None for its party's first."""
    id_token_signed_response_alg: str = "RS256"  # noqa: S105 - an algorithm's name
    require_pushed_authorization_requests: bool = False
    keys: tuple[RegisteredKey, ...] = ()


_encoder: Final = msgspec.json.Encoder(order="deterministic")
_decoder: Final = msgspec.json.Decoder(Registration)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A registered client."""

    client_id: str
    party: Party
    source: str
    """``files`` or ``command``: where it is declared."""
    auth_method: str
    scopes: frozenset[str]
    collects_for_group: bool
    surface: str
    token_class: str
    registration: Registration
    disabled_at: Instant | None = None

    @property
    def is_brand_page(self) -> bool:
        """Whether it is the script of a brand's page: what it holds, whoever sits there has."""
        is_page = self.registration.application_type == ApplicationType.BROWSER
        return is_page and self.party.kind is PartyKind.BRAND


def client_of(row: RowMapping) -> Client:
    """A client from a row of its table."""
    return Client(
        client_id=row["client_id"],
        party=Party(kind=PartyKind(row["party_kind"]), slug=Slug(row["party_slug"])),
        source=row["source"],
        auth_method=row["auth_method"],
        scopes=frozenset(row["scopes"]),
        collects_for_group=row["collects"] == "group",
        surface=row["surface"],
        token_class=row["token_class"],
        registration=_decoder.decode(row["registration"]),
        disabled_at=row["disabled_at"],
    )


async def find(connection: AsyncConnection, client_id: str) -> Client | None:
    """A client that may be used now."""
    found = await connection.execute(
        select(clients).where(clients.c.client_id == client_id, clients.c.disabled_at.is_(None))
    )
    row = found.mappings().one_or_none()
    return None if row is None else client_of(row)


async def find_ever(connection: AsyncConnection, client_id: str) -> Client | None:
    """A client, also one that may not be used any more."""
    found = await connection.execute(select(clients).where(clients.c.client_id == client_id))
    row = found.mappings().one_or_none()
    return None if row is None else client_of(row)


async def every(connection: AsyncConnection) -> Sequence[Client]:
    """All clients, disabled ones too, in order of party and id."""
    statement = select(clients).order_by(
        clients.c.party_kind, clients.c.party_slug, clients.c.client_id
    )
    return [client_of(row) for row in (await connection.execute(statement)).mappings()]


async def save(connection: AsyncConnection, client: Client, *, at: Instant) -> None:
    """Register a client, or bring its registration up to date and enable it again."""
    values = {
        "party_kind": client.party.kind,
        "party_slug": client.party.slug,
        "source": client.source,
        "auth_method": client.auth_method,
        "scopes": sorted(client.scopes),
        "collects": "group" if client.collects_for_group else "own",
        "surface": client.surface,
        "token_class": client.token_class,
        "registration": _encoder.encode(client.registration),
        "disabled_at": client.disabled_at,
    }
    await connection.execute(
        insert(clients)
        .values(client_id=client.client_id, created_at=at, **values)
        .on_conflict_do_update(index_elements=[clients.c.client_id], set_=values)
    )


async def disable_all_but(
    connection: AsyncConnection, client_ids: Sequence[str], *, source: str, at: Instant
) -> None:
    """Disable the clients of a source that are declared no longer."""
    await connection.execute(
        update(clients)
        .where(
            clients.c.source == source,
            clients.c.client_id.not_in(client_ids),
            clients.c.disabled_at.is_(None),
        )
        .values(disabled_at=at)
    )


async def add_secret(
    connection: AsyncConnection, client_id: str, *, secret_hash: bytes, at: Instant
) -> None:
    """Add a secret beside those that still hold."""
    await connection.execute(
        insert(client_secrets).values(client_id=client_id, secret_hash=secret_hash, created_at=at)
    )


async def expire_secrets(connection: AsyncConnection, client_id: str, *, at: Instant) -> None:
    """Let the present secrets end at an instant."""
    await connection.execute(
        update(client_secrets)
        .where(
            client_secrets.c.client_id == client_id,
            or_(client_secrets.c.expires_at.is_(None), client_secrets.c.expires_at > at),
        )
        .values(expires_at=at)
    )


async def secret_hashes(
    connection: AsyncConnection, client_id: str, *, at: Instant
) -> Sequence[bytes]:
    """The hashes of the secrets that hold now."""
    rows = await connection.scalars(
        select(client_secrets.c.secret_hash).where(
            client_secrets.c.client_id == client_id,
            or_(client_secrets.c.expires_at.is_(None), client_secrets.c.expires_at > at),
        )
    )
    return rows.all()
