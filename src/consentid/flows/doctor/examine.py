"""Look at everything, one part after the other; what cannot be reached is told, too."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.brandbook.encoding import decode
from consentid.cache.liveness import answers
from consentid.flows.doctor.finding import Finding, in_order, unsafe, warning
from consentid.flows.doctor.look_at_brands import look_at_brands
from consentid.flows.doctor.look_at_clock import judge_skew, look_at_world
from consentid.flows.doctor.look_at_database import (
    judge_replicas,
    judge_slots,
    judge_step,
    look_at_serving,
)
from consentid.flows.doctor.look_at_keys import look_at_keys
from consentid.flows.doctor.look_at_settings import look_at_settings
from consentid.flows.doctor.look_at_work import look_at_work
from consentid.kit.errors import UnavailableError, said_by
from consentid.kit.instants import SECOND, Instant
from consentid.net.guarded import make_client
from consentid.settings import PREFIX, Given
from consentid.settings.chosen import DATABASES
from consentid.store import catalogues, inspection
from consentid.store.engine import NOT_LET_IN, Database, sqlstate_of
from consentid.store.migrating import step_of


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What the database told."""

    findings: list[Finding] = field(default_factory=list)
    in_force: Book | None = None
    is_known: bool = False
    """Whether it could say what is in force."""


async def examine(
    given: Given, *, clock: Callable[[], float], date_from: str | None = None
) -> Sequence[Finding]:
    """Everything that is not as it should be, the worst first.

    ``clock`` tells the seconds since 1970 by this machine; ``date_from`` is an address whose Date
    header it is held against.
    """
    settings = given.settings
    seen = _Seen()
    await _look_at_databases(given, seen, clock)
    found = [
        *look_at_settings(given),
        *look_at_brands(settings.brands_dir, seen.in_force, is_known=seen.is_known),
        *look_at_keys(settings.keys_dir, now=Instant(int(clock() * SECOND))),
        *seen.findings,
    ]
    if settings.valkey_url is not None and not await answers(settings.valkey_url):
        found.append(
            warning(
                "valkey.unreachable",
                given.places["valkey_url"],
                "it does not answer: limits are counted by each process alone",
                "see that it runs, and that processes may reach it",
            )
        )
    if date_from is not None:
        async with make_client(localhost_hosts=settings.localhost_hosts) as client:
            found += await look_at_world(client, date_from, clock)
    return in_order(found)


async def _look_at_databases(given: Given, seen: _Seen, clock: Callable[[], float]) -> None:
    settings = given.settings
    if settings.database_url is None:
        name = f"{PREFIX}DATABASE_URL"
        seen.findings.append(
            unsafe("database.missing", name, "no database is named", f"set {name} or {name}_FILE")
        )
    for name in DATABASES:
        url: str | None = getattr(settings, name)
        if url is not None:
            await _look_at_one(given, name, url, seen, clock)


def _unread(place: str, error: UnavailableError | DBAPIError | asyncpg.PostgresError) -> Finding:
    cause = error.__cause__ if isinstance(error, UnavailableError) else error
    state = sqlstate_of(cause)
    if isinstance(error, UnavailableError) and not state.startswith(NOT_LET_IN):
        return unsafe(
            "database.unreachable",
            place,
            f"{error.message} ({said_by(error) or type(cause).__name__})",
            "see that it runs, and that we may reach it and believe its certificate",
        )
    return unsafe(
        "database.refused",
        place,
        f"it refuses (SQLSTATE {state or 'unknown'})",
        "look into the database's own log; `consentid migrate` grants what roles need",
    )


async def _look_at_one(
    given: Given, name: str, url: str, seen: _Seen, clock: Callable[[], float]
) -> None:
    place = given.places[name]
    try:
        async with _reading(url) as connection:
            if name == "database_url":
                await _look_as_serving(connection, place, seen, clock)
            # The role that sees most tells of followers.
            if name == "migration_database_url" or given.settings.migration_database_url is None:
                await _look_at_followers(connection, place, seen)
    except (UnavailableError, DBAPIError, asyncpg.PostgresError) as error:
        seen.findings.append(_unread(place, error))


async def _look_as_serving(
    connection: AsyncConnection, place: str, seen: _Seen, clock: Callable[[], float]
) -> None:
    before_s = clock()
    server = await inspection.server(connection)
    seen.findings += judge_skew(
        "clock.database", place, theirs_s=server.now_s, before_s=before_s, after_s=clock()
    )
    step = await step_of(connection)
    seen.findings += judge_step(step, place)
    seen.findings += [each async for each in look_at_serving(connection, place)]
    if step is None:
        return
    newest = await catalogues.find(connection)
    seen.in_force = None if newest is None else decode(newest.body)
    seen.is_known = True
    seen.findings += [each async for each in look_at_work(connection)]


async def _look_at_followers(connection: AsyncConnection, place: str, seen: _Seen) -> None:
    seen.findings += judge_replicas(await inspection.replicas(connection), place)
    seen.findings += judge_slots(await inspection.idle_slots(connection))


@asynccontextmanager
async def _reading(url: str) -> AsyncGenerator[AsyncConnection]:
    database = Database(url, connections=1)
    try:
        async with database.reading() as connection:
            yield connection
    finally:
        await database.close()
