"""The eraser: destroys what is due, as the database role that may, where that role is set up."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from consentid.flows.context import Context
from consentid.flows.erasure_list import apply_list
from consentid.flows.shred_subjects import shred_subjects
from consentid.store import clock, erasures
from consentid.store.engine import Database
from consentid.worker.forgetting import carefully

ROLE: Final = "eraser"
PACE_S: Final = 5
_log: Final = logging.getLogger("consentid.worker")


@asynccontextmanager
async def erasing(context: Context) -> AsyncGenerator[Callable[[Context], Awaitable[int]]]:
    """What the eraser does in a round; its first one applies the list of erasures again."""
    url = context.settings.erasure_database()
    database = None if url is None else Database(url, connections=1)
    has_applied = False

    async def erase(context: Context) -> int:
        nonlocal has_applied
        if not has_applied:
            await apply_list(context)
            has_applied = True
        if database is None:
            await _tell_of_overdue(context)
            return 0
        return await carefully(partial(shred_subjects, erasing=database))(context)

    try:
        yield erase
    finally:
        if database is not None:
            await database.close()


async def _tell_of_overdue(context: Context) -> None:
    async with context.database.reading() as connection:
        now = await clock.now(connection)
        overdue = [each for each in await erasures.pending(connection) if each.shred_at <= now]
    if overdue:
        _log.error(
            "%d erasures are overdue: set CONSENTID_ERASURE_DATABASE_URL, since the serving role "
            "cannot destroy a key",
            len(overdue),
        )
