"""Carry a new catalogue version to the status lists: what it narrowed ends offline too.

Online, a token is judged by the catalogue in force at that instant.  Offline, its bit is all that a
verifier sees, so after each version every row of every subject is brought in step with it, some
subjects at a time.  A row remembers the version that it reached: a walk that was cut short goes on
where it was, two walks at once do the work once, and a row that was written meanwhile under the
older version is found by the next walk.
"""

from typing import Final

from consentid.core.decision import CatalogueVersion, SubjectId
from consentid.flows.context import Context
from consentid.flows.open_subject import open_subject
from consentid.flows.restate import restate_all
from consentid.kit.errors import UnreadableError
from consentid.store import catalogues, clock, statuses

PAGE: Final = 200
"""Rows that are looked up at a time."""


async def restate_after_catalogue(context: Context, *, page: int = PAGE) -> int:
    """Bring every row in step with the catalogue in force; returns how many subjects it took.

    Raises:
        UnavailableError: the database cannot be reached.
        UnreadableError: what is stored of a subject cannot be opened; everybody else was served.
    """
    done = 0
    broken: UnreadableError | None = None
    after: tuple[CatalogueVersion, SubjectId] | None = None
    while True:
        async with context.database.reading() as connection:
            newest = await catalogues.newest_version(connection)
            if newest is None:
                return 0
            behind = await statuses.find_behind(connection, newest, after=after, limit=page)
        for _, subject in behind:
            try:
                await _restate(context, subject)
            except UnreadableError as error:
                broken = error
            else:
                done += 1
        if len(behind) < page:
            break
        after = behind[-1]
    if broken is not None:
        raise broken
    return done


async def _restate(context: Context, subject_id: SubjectId) -> None:
    async with context.database.writing() as connection:
        subject = await open_subject(context, connection, subject_id, lock=True)
        if subject is None:
            return
        book = await context.book(connection)
        now = await clock.now(connection)
        await restate_all(context, connection, book, subject, at=now)
