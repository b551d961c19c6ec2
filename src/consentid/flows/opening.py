"""Open what a process needs for its life: the pool, the cache, the portal, the keys."""

import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from consentid.cache.limits import Limiter, connect
from consentid.flows.context import Context
from consentid.net.guarded import make_client, make_public_client
from consentid.net.portal_keys import PortalKeys
from consentid.settings import Settings
from consentid.store.engine import ANSWERED_WITHIN_S, Database

PATIENT_S: Final = 3_600.0
"""For one statement of whoever audits: some of them read a whole table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A context, and how to close what it holds."""

    context: Context
    close: Callable[[], Awaitable[None]]


def open_context(settings: Settings, *, answered_within_s: float = ANSWERED_WITHIN_S) -> Opened:
    """Nothing is connected before its first use.  ``answered_within_s``: see ``Database``.

    Raises:
        SettingsError: no database is configured.
        NotFoundError, MalformedError: the keyring cannot be loaded.
    """
    database = Database(
        settings.database(),
        connections=settings.database_connections,
        answered_within_s=answered_within_s,
    )
    client = make_client(localhost_hosts=settings.localhost_hosts)
    outside = make_public_client(localhost_hosts=settings.localhost_hosts)
    valkey = connect(settings.valkey_url)
    context = Context(
        settings=settings,
        database=database,
        portal=PortalKeys(client),
        staff=PortalKeys(client),
        outside=outside,
        limiter=Limiter(valkey),
        randomness=secrets.token_bytes,
        monotonic=time.monotonic,
    )

    async def close() -> None:
        await context.portal.close()
        await context.staff.close()
        await client.aclose()
        await outside.aclose()
        if valkey is not None:
            await valkey.aclose()
        await database.close()

    return Opened(context=context, close=close)
