"""The database, as an operator's command opens it: as its owner, while the command runs."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from consentid.settings import Settings

if TYPE_CHECKING:
    from consentid.flows.stage_act import Noting
    from consentid.store.engine import Database


@asynccontextmanager
async def owned(chosen: Settings) -> "AsyncGenerator[Database]":
    """The owner's way to the database.

    Raises:
        SettingsError: no database is set.
    """
    url = chosen.migration_database()
    from consentid.store.engine import Database  # noqa: PLC0415  the server extra

    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


def noting_of(chosen: Settings) -> "Noting":
    """Whoever runs a command, as the log knows them."""
    from consentid.flows.stage_act import Noting  # noqa: PLC0415  the server extra

    return Noting(
        by=chosen.command_line,
        randomness=secrets.token_bytes,
        ledger_origin=chosen.ledger_origin,
    )
