"""The owner's way to the database, for a web process that was given it: open while one act is done.

Every other process serves as a role that can write neither clients nor configuration, whatever its
requests say.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from consentid.flows.context import Context
from consentid.kit.errors import ForbiddenError
from consentid.store.engine import Database


@asynccontextmanager
async def owned(context: Context) -> AsyncGenerator[Database]:
    """The database as the role that ``admin_database_url`` names.

    Raises:
        ForbiddenError: this process was not given it.
    """
    url = context.settings.admin_database_url
    if url is None:
        raise ForbiddenError(
            "admin_database_unset",
            "This process cannot write clients and configuration: ask the internal one that has "
            "CONSENTID_ADMIN_DATABASE_URL, or use the command line.",
        )
    database = Database(url, connections=1)
    try:
        yield database
    finally:
        await database.close()
