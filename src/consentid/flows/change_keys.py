"""Change the keys of a process's folder because a program asks, and say what became of the folder.

It may be a secret's mount, which no process can change: a key is revoked in the database all the
same, from which every process hears of it, and the folder follows where the secret is kept.
"""

import asyncio
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from consentid.flows.context import Context
from consentid.flows.revoke_keys import list_revoked, revoke_named
from consentid.flows.stage_act import Noting, noting
from consentid.keyring.revoking import Replaced, revoke
from consentid.keyring.rotating import Rotated, rotate
from consentid.kit.errors import ConflictError, ConsentidError
from consentid.kit.instants import Instant
from consentid.store.engine import Database
from consentid.store.revoked_keys import RevokedKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """What became of keys that are revoked."""

    keys: Sequence[RevokedKey]
    replaced: Replaced | None
    """In the folder; None where it could not be changed."""


def is_writable(folder: Path) -> bool:
    """Whether this process may change the keys of a folder."""
    return os.access(folder, os.W_OK | os.X_OK)


async def rotate_keys(
    context: Context,
    database: Database,
    noted: Noting,
    *,
    active: Collection[str] | None,
    force: bool,
    now: Instant,
) -> Rotated:
    """Rotate them, as ``rotate`` has it; its entry is committed right after.

    Raises:
        ConflictError: the folder cannot be changed from here, or others than ``active`` sign.
        RateLimitedError: a next key is too young, or too many are published.
        UnavailableError: the database cannot be reached; nothing was done, or it was done and the
            log has the new keys alone.
    """
    folder = context.settings.keys_dir
    async with noting(database, noted) as about:
        try:
            done = await asyncio.to_thread(rotate, folder, now=now, force=force, active=active)
        except OSError as error:
            raise ConflictError(
                "keys_read_only",
                "This process cannot change its folder of keys: run `consentid keys rotate` where "
                "the secret is kept, and mount that.",
                where="CONSENTID_KEYS_DIR",
            ) from error
        about.update(done.act)
    context.look_again()
    return done


async def revoke_everywhere(
    context: Context,
    database: Database,
    noted: Noting,
    kids: Sequence[str],
    *,
    stolen_at: Instant | None,
    now: Instant,
) -> Revoked:
    """Revoke keys: first in the database, which every process hears, then in the folder.

    Raises:
        NotFoundError: nothing is known of a name.
        UnavailableError: the database cannot be reached.
    """
    await revoke_named(
        database,
        context.keyring.entries,
        kids,
        noted,
        stolen_at=stolen_at,
        only_published=True,
    )
    known = {each.kid: each for each in await list_revoked(database)}
    context.heed(known)
    try:
        replaced = await asyncio.to_thread(revoke, context.settings.keys_dir, kids, now=now)
    except (OSError, ConsentidError):  # they are revoked, whatever the folder is like
        replaced = None
    context.look_again()
    return Revoked(keys=[known[kid] for kid in sorted(set(kids))], replaced=replaced)
