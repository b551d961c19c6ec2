"""What leaves the house of people's data, before it leaves: in the log, and where they see it.

An entry that is about one person is sealed under their key, so the log itself tells of nobody.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import DecisionId, SubjectId
from consentid.flows.context import Context
from consentid.flows.log_origin import log_origin
from consentid.flows.open_subject import OpenSubject
from consentid.flows.read_buffer import ReadKind
from consentid.flows.restrict_subject import OPERATOR
from consentid.flows.stage_entry import stage_body, stage_own
from consentid.kit.canonical import Json
from consentid.kit.instants import HOUR, Instant
from consentid.ledger.leaf import Kind
from consentid.store import clock, reads
from consentid.store.reads import ReadRow


async def note_proof(
    context: Context, subject: OpenSubject, decisions: tuple[DecisionId, ...]
) -> None:
    """An operator is about to prove what somebody decided.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    about: dict[str, Json] = {
        "act": "prove",
        "by": context.settings.command_line,
        "decisions": [str(each) for each in decisions],
    }
    async with context.database.writing() as connection:
        now = await _stage_own(context, connection, subject, about)
        await reads.add(connection, [_row(subject.id, ReadKind.PROOF, now)])


async def note_download(context: Context, subject: OpenSubject) -> None:
    """Somebody is about to download all that is kept of them.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with context.database.writing() as connection:
        await _stage_own(context, connection, subject, {"act": "download"})


async def note_export(context: Context, *, after: str | None, is_opened: bool) -> None:
    """An operator is about to copy the log, with personal data or without.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with context.database.writing() as connection:
        await stage_body(
            connection,
            Kind.EXPORT,
            {
                "v": 1,
                "act": "export",
                "by": context.settings.command_line,
                "after": after,
                "opened": is_opened,
            },
            origin=log_origin(context, await context.book(connection)),
            at=await clock.now(connection),
            randomness=context.randomness,
        )


async def note_opened(context: Context, subjects: frozenset[SubjectId]) -> None:
    """An operator is about to copy records of these.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        rows = [_row(each, ReadKind.EXPORT, now) for each in sorted(subjects)]
        await reads.add(connection, rows)


async def _stage_own(
    context: Context, connection: AsyncConnection, subject: OpenSubject, about: dict[str, Json]
) -> Instant:
    now = await clock.now(connection)
    book = await context.book(connection)
    await stage_own(context, connection, book, Kind.EXPORT, subject=subject, about=about, at=now)
    return now


def _row(subject: SubjectId, kind: ReadKind, now: Instant) -> ReadRow:
    hour = Instant(now - now % HOUR)
    return ReadRow(subject=subject, client_id=OPERATOR, kind=kind, hour=hour, times=1)
