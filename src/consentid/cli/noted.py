"""Work on files that is in the log, too, where there is one: a database keeps nobody from it."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from consentid.cli import terminal
from consentid.cli.opening import noting_of, owned
from consentid.kit.errors import UnavailableError
from consentid.settings import Settings

if TYPE_CHECKING:
    from consentid.kit.canonical import Json

_Done = TypeVar("_Done")


def do_noted(
    chosen: Settings,
    work: Callable[[], _Done],
    about: "Callable[[_Done], Mapping[str, Json]]",
) -> _Done:
    """Do it; ``about`` says what the log is to say of it: ``act`` and more, or nothing.

    The entry is committed right after the work.  Where no database is set, or none can be reached,
    the work is done all the same: keys are rotated above all when something is wrong.
    """
    if chosen.database_url is None and chosen.migration_database_url is None:
        return work()
    done: list[_Done] = []

    async def do() -> None:
        from consentid.flows.stage_act import noting  # noqa: PLC0415  the server extra

        async with owned(chosen) as database, noting(database, noting_of(chosen)) as noted:
            done.append(work())
            noted.update(about(done[0]))

    try:
        asyncio.run(do())
    except UnavailableError:
        if not done:
            done.append(work())
        terminal.note("the database cannot be reached: who did this is not in the log")
    return done[0]
