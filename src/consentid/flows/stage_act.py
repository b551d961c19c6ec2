"""What administrators do is in the log: the act, by whom, on what, in the act's own transaction.

Everybody may read it, so it names neither a secret nor where events go, and whoever did it by a
pseudonym (``by``): staff by theirs, a command by ``cli`` or the name that the operator gave it, a
client by its id.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.encoding import decode
from consentid.flows.context import Context
from consentid.flows.note_keys import stage_keys
from consentid.flows.stage_entry import stage_body
from consentid.kit.canonical import Json
from consentid.kit.instants import Instant
from consentid.ledger.leaf import Kind, origin_of
from consentid.store import catalogues, clock, entry_bodies
from consentid.store.engine import Database


async def stage_act(
    connection: AsyncConnection,
    act: str,
    *,
    by: str,
    ledger_origin: str | None,
    at: Instant,
    randomness: Callable[[int], bytes],
    **about: Json,
) -> None:
    """Stage one, in the transaction of the act.  ``ledger_origin``: as the operator chose it."""
    origin = await _origin(connection, ledger_origin)
    if origin is None:
        return
    await stage_body(
        connection,
        Kind.ADMIN,
        {"v": 1, "act": act, "by": by, **about},
        origin=origin,
        at=at,
        randomness=randomness,
    )


async def _origin(connection: AsyncConnection, chosen: str | None) -> str | None:
    """The log's name; None where nothing was ever applied, nor is there a log then."""
    applied = await catalogues.find(connection)
    if applied is None:
        return None
    return chosen or origin_of(decode(applied.body).group.issuer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noting:
    """Who acts, and what an entry of theirs is made with."""

    by: str
    randomness: Callable[[int], bytes]
    ledger_origin: str | None = None
    """The log's name where the operator chose one."""

    async def note(
        self, connection: AsyncConnection, act: str, *, at: Instant, **about: Json
    ) -> None:
        """Stage an act in its own transaction."""
        await stage_act(
            connection,
            act,
            by=self.by,
            ledger_origin=self.ledger_origin,
            at=at,
            randomness=self.randomness,
            **about,
        )

    async def note_keys(
        self, connection: AsyncConnection, published: Mapping[str, Json], *, at: Instant
    ) -> None:
        """Stage the keys that are published, unless the log has them, in its own transaction."""
        origin = await _origin(connection, self.ledger_origin)
        if origin is not None:
            await stage_keys(
                connection, published, origin=origin, at=at, randomness=self.randomness
            )


@asynccontextmanager
async def noting(database: Database, noted: Noting) -> AsyncGenerator[dict[str, Json]]:
    """A transaction around what is done elsewhere, as in files; its entry is what is put in.

    ``act`` names it.  Where nothing is put in, or the database has no log yet, nothing is noted.

    Raises:
        UnavailableError: the database cannot be reached; nothing was done then, or it was done and
            is not in the log.
    """
    async with database.writing() as connection:
        about: dict[str, Json] = {}
        has_log = await entry_bodies.is_there(connection)
        yield about
        act = about.pop("act", None)
        if has_log and isinstance(act, str):
            await noted.note(connection, act, at=await clock.now(connection), **about)


def noting_of(context: Context, by: str) -> Noting:
    """The same, from what a process has."""
    return Noting(
        by=by, randomness=context.randomness, ledger_origin=context.settings.ledger_origin
    )


def by_client(client_id: str) -> str:
    """What the log calls a client that acts."""
    return f"client:{client_id}"
