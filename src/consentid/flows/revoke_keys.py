"""Revoke signing keys that are in wrong hands, for every process at once.

From the commit on each process refuses what they signed, ceases to publish them and to sign with
them: whoever asks for the configuration in force is told in the same transaction, and every web
process looks several times a second.  It is an act of the log, with when they were stolen.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from consentid.flows.note_keys import published_ever
from consentid.flows.stage_act import Noting
from consentid.keyring.loading import jwks_of
from consentid.keyring.manifest import KeyEntry
from consentid.keyring.revoking import stolen_since, unknown_keys
from consentid.kit.canonical import Json
from consentid.kit.errors import MalformedError, NotFoundError
from consentid.kit.instants import MINUTE, Instant
from consentid.store import clock, revoked_keys
from consentid.store.engine import Database
from consentid.store.revoked_keys import RevokedKey

_CLOCKS_DIFFER: Final = 10 * MINUTE  # whoever says when may have another clock than the database


async def revoke_keys(
    database: Database,
    stolen: Mapping[str, Instant],
    noting: Noting,
    *,
    published: Mapping[str, Json] | None = None,
) -> Sequence[RevokedKey]:
    """Revoke keys, by name, each stolen at an instant; those that were not revoked before.

    ``published`` is the key set up to now, where it is at hand: what they signed is known by the
    log alone once they are gone, which may not have heard yet of one that was made just now.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    done: list[RevokedKey] = []
    async with database.writing() as connection:
        now = await clock.now(connection)
        if published is not None:
            await noting.note_keys(connection, published, at=now)
        for kid, stolen_at in sorted(stolen.items()):
            key = RevokedKey(kid=kid, stolen_at=Instant(min(stolen_at, now)), revoked_at=now)
            if not await revoked_keys.add(connection, key):
                continue
            done.append(key)
            await noting.note(connection, "keys/revoke", at=now, kid=kid, stolen_at=key.stolen_at)
    return done


async def revoke_named(
    database: Database,
    entries: Collection[KeyEntry],
    kids: Sequence[str],
    noting: Noting,
    *,
    stolen_at: Instant | None,
    only_published: bool = False,
) -> None:
    """Revoke keys by name, as somebody asks: those of a folder since they exist, unless they say.

    ``entries`` are the folder's; of others they have to say since when.  ``only_published``: the
    log has to know those, too.

    Raises:
        MalformedError: they say a time that has not come yet.
        NotFoundError: nothing is known of a name.
        UnavailableError: the database cannot be reached.
    """
    since = stolen_since(entries, kids, stolen_at)
    async with database.reading() as connection:
        if stolen_at is not None and stolen_at > await clock.now(connection) + _CLOCKS_DIFFER:
            # It counts for good: what was signed since the theft would never be looked at.
            raise MalformedError(
                "stolen_later",
                "That time has not come yet: is it the right year?",
                where="stolen_at",
            )
        before = {each.kid for each in await revoked_keys.every(connection)}
        known = {each.kid for each in entries} | before
        if only_published and not known.issuperset(kids):
            known |= await published_ever(connection)
    unknown = {kid for kid, at in since.items() if at is None} - before
    if only_published and (unknown or not known.issuperset(kids)):
        unknown |= set(kids) - known
        place = next(place for place, kid in enumerate(kids) if kid in unknown)
        raise NotFoundError(
            "key_unknown",
            "Neither this process's folder nor the log has such a key; of one that left the "
            "folder, say since when it was stolen.",
            where=f"kids[{place}]",
        )
    if unknown:
        raise unknown_keys(unknown)
    stolen = {kid: at for kid, at in since.items() if at is not None}
    await revoke_keys(database, stolen, noting, published=jwks_of(entries))


async def list_revoked(database: Database) -> Sequence[RevokedKey]:
    """Every key that was ever revoked.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with database.reading() as connection:
        return await revoked_keys.every(connection)
