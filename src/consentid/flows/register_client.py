"""Register clients, give them secrets, rotate those: a secret is shown once and stored hashed."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook import form
from consentid.brandbook.book import Book, Profile
from consentid.brandbook.client import AuthMethod, ClientDeclaration, Scope
from consentid.brandbook.client_faults import find_faults
from consentid.core.catalogue import offered
from consentid.flows.publish_catalogue import find_applied
from consentid.flows.registration import check_withheld, registered
from consentid.flows.stage_act import Noting
from consentid.flows.stage_changes import client_body
from consentid.flows.stage_entry import stage_body
from consentid.kit import base64url
from consentid.kit.errors import ConflictError, MalformedError, NotFoundError
from consentid.kit.instants import SECOND, Instant
from consentid.ledger.leaf import Kind, origin_of
from consentid.settings import COMMAND_LINE
from consentid.store import catalogues, clients, clock
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
    declared: ClientDeclaration,
    *,
    randomness: Callable[[int], bytes],
    ledger_origin: str | None = None,
    by: str = COMMAND_LINE,
    withheld: Collection[Scope] = (),
) -> NewSecret | None:
    """Register a client that the files do not declare; None for one that has no secret.

    ``ledger_origin`` is the log's name where the operator chose one, ``by`` whoever registers it,
    ``withheld`` what they may give nobody.

    Raises:
        ForbiddenError: it has a scope that is withheld.
        ConflictError: the id is taken.
        NotFoundError: no such brand or partner, or no catalogue was applied.
        MalformedError: the declaration contradicts itself, or would widen what its party may do.
    """
    check_withheld(declared.scopes, withheld, where="scopes")
    book = await find_applied(database)
    profile = None if book is None else book.find_profile(declared.party)
    if book is None or profile is None:
        raise NotFoundError(
            "party_unknown",
            f"{declared.party} is not in the catalogue in force: first `consentid brands apply`.",
            where="party",
        )
    _check(book, profile, declared)
    async with database.writing() as connection:
        await catalogues.lock(connection)
        now = await clock.now(connection)
        if any(each.client_id == declared.id for each in await clients.every(connection)):
            raise ConflictError(
                "client_exists",
                f"A client {declared.id} exists: choose another id, or rotate its secret.",
                where="client_id",
            )
        client = registered(declared, source="command")
        await clients.save(connection, client, at=now)
        await stage_body(
            connection,
            Kind.CLIENT,
            client_body(client),
            origin=ledger_origin or origin_of(book.group.issuer),
            at=now,
            randomness=randomness,
        )
        noted = Noting(by=by, randomness=randomness, ledger_origin=ledger_origin)
        await noted.note(connection, "client/add", at=now, client=declared.id)
        if declared.auth is not AuthMethod.CLIENT_SECRET_BASIC:
            return None
        secret = await _give_secret(connection, declared.id, at=now, randomness=randomness)
    return NewSecret(client_id=declared.id, secret=secret, old_ends_in_s=None)


def _check(book: Book, profile: Profile, declared: ClientDeclaration) -> None:
    """Hold a client to the rules that the files are held to."""
    if not form.CLIENT_ID.fits(declared.id):
        raise MalformedError(
            "bad_client_id", f"The id will not do: write {form.CLIENT_ID.right}.", where="client_id"
        )
    uris = (*declared.redirect_uris, *declared.post_logout_redirect_uris)
    unfit = next((uri for uri in uris if not form.REDIRECT.fits(uri)), None)
    if unfit is not None:
        raise MalformedError(
            "bad_redirect_uri", f"{unfit} will not do: write {form.REDIRECT.right}.", where=unfit
        )
    logout = declared.backchannel_logout_uri
    if logout is not None and not form.LINK.fits(logout):
        raise MalformedError(
            "bad_logout_uri", f"{logout} will not do: write {form.LINK.right}.", where=logout
        )
    fault = next(iter(find_faults(declared, profile.domains)), None)
    if fault is not None:
        raise MalformedError(
            f"client_{fault.rule}",
            f"{fault.message[0].upper()}{fault.message[1:]}: {fault.remedy}.",
            where=str(fault.keys[0]),
        )
    strange = (declared.purposes or frozenset()) - set(offered(book.catalogue, declared.party))
    if strange:
        raise MalformedError(
            "purpose_unknown",
            f"{declared.party} does not offer {', '.join(sorted(strange))}.",
            where="purposes",
        )
    audiences = book.catalogue.parties[declared.party].audiences
    if declared.audience not in (None, *audiences):
        raise MalformedError(
            "audience_unknown",
            f"{declared.party} registered {', '.join(audiences)}, not {declared.audience}.",
            where="audience",
        )


async def rotate_secret(
    database: Database,
    *,
    client_id: str,
    overlap_s: int = OVERLAP_S,
    randomness: Callable[[int], bytes],
    ledger_origin: str | None = None,
    by: str = COMMAND_LINE,
    withheld: Collection[Scope] = (),
) -> NewSecret:
    """Give a client a new secret; the old ones hold for ``overlap_s`` more.

    ``ledger_origin``, ``by`` and ``withheld`` as above.

    Raises:
        ForbiddenError: the client has a scope that is withheld.
        NotFoundError: no such client.
        MalformedError: the client authenticates in another way.
    """
    book = await find_applied(database)
    async with database.writing() as connection:
        await catalogues.lock(connection)  # of two at once the later ends the secret of the earlier
        client = await clients.find(connection, client_id)
        if client is None:
            raise NotFoundError(
                "client_unknown",
                "No such client: `consentid clients list` shows those that exist.",
                where="client_id",
            )
        check_withheld(client.scopes, withheld, where="client_id")
        if client.auth_method != AuthMethod.CLIENT_SECRET_BASIC:
            raise MalformedError(
                "client_has_no_secret",
                f"{client_id} authenticates by {client.auth_method}, not by a secret.",
                where="client_id",
            )
        now = await clock.now(connection)
        old = await clients.secret_hashes(connection, client_id, at=now)
        await clients.expire_secrets(connection, client_id, at=Instant(now + overlap_s * SECOND))
        secret = await _give_secret(connection, client_id, at=now, randomness=randomness)
        noted = Noting(by=by, randomness=randomness, ledger_origin=ledger_origin)
        await noted.note(connection, "client/rotate", at=now, client=client_id, overlap_s=overlap_s)
        if old and book is not None:  # a first one comes with the registration
            await stage_body(
                connection,
                Kind.CLIENT,
                {"v": 1, "act": "rotate", "client": client_id, "overlap_s": overlap_s},
                origin=ledger_origin or origin_of(book.group.issuer),
                at=now,
                randomness=randomness,
            )
    return NewSecret(client_id=client_id, secret=secret, old_ends_in_s=overlap_s if old else None)


async def _give_secret(
    connection: AsyncConnection,
    client_id: str,
    *,
    at: Instant,
    randomness: Callable[[int], bytes],
) -> str:
    secret = base64url.encode(randomness(SECRET_BYTES))
    await clients.add_secret(connection, client_id, secret_hash=hash_secret(secret), at=at)
    return secret


async def list_clients(database: Database) -> Sequence[Client]:
    """Every client, disabled ones too."""
    async with database.reading() as connection:
        return await clients.every(connection)
