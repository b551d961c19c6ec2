"""The owner's way to the database, for a web process that was given it: open while one act is done.

A few acts at once, however many ask: each takes a connection beyond those of who serves.

Every other process serves as a role that can write neither clients nor configuration, let nobody
in, revoke no key and destroy no subject's, whatever its requests say.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from consentid.flows.context import Context
from consentid.kit.errors import ForbiddenError, UnavailableError
from consentid.store.engine import Database

_PATIENCE_S: Final = 5.0
_RETRY_S: Final = 5


@asynccontextmanager
async def owned(context: Context) -> AsyncGenerator[Database]:
    """The database as the role that ``admin_database_url`` names.

    Raises:
        ForbiddenError: this process was not given it.
        UnavailableError: too many others are at it.
    """
    url = context.settings.admin_database_url
    if url is None:
        raise ForbiddenError(
            "admin_database_unset",
            "This takes the owner's database, which this process was not given: ask the internal "
            "one that has CONSENTID_ADMIN_DATABASE_URL, or use the command line.",
        )
    async with _in_turn(context.owning):
        database = Database(url, connections=1)
        try:
            yield database
        finally:
            await database.close()


@asynccontextmanager
async def _in_turn(room: asyncio.Semaphore) -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            _ = await room.acquire()
    except TimeoutError as error:
        raise UnavailableError(
            "too_busy", "Too many administer at once: ask again.", retry_after_s=_RETRY_S
        ) from error
    try:
        yield
    finally:
        room.release()
