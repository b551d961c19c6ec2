"""What leaves the house of people's data, before it leaves: in the log, and where they see it.

An entry that is about one person is sealed under their key, so the log itself tells of nobody.
"""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import DecisionId, SubjectId
from consentid.flows.context import Context
from consentid.flows.log_origin import log_origin
from consentid.flows.open_subject import OpenSubject
from consentid.flows.read_buffer import ReadKind
from consentid.flows.restrict_subject import OPERATOR
from consentid.flows.stage_act import by_client, noting_of
from consentid.flows.stage_entry import stage_body, stage_own
from consentid.kit.canonical import Json
from consentid.kit.instants import HOUR, Instant
from consentid.ledger.leaf import Kind
from consentid.store import clock, reads
from consentid.store.reads import ReadRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Taker:
    """Who takes it."""

    by: str
    """As the log knows them."""
    reader: str
    """As the person sees them: a client, or ``OPERATOR``."""


def command_line(context: Context) -> Taker:
    """Whoever types a command."""
    return Taker(by=context.settings.command_line, reader=OPERATOR)


def program(client_id: str) -> Taker:
    """A client of the administration."""
    return Taker(by=by_client(client_id), reader=client_id)


async def note_proof(
    context: Context, subject: OpenSubject, decisions: tuple[DecisionId, ...], taker: Taker
) -> None:
    """Somebody is about to prove what a person decided.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    about: dict[str, Json] = {
        "act": "prove",
        "by": taker.by,
        "decisions": [str(each) for each in decisions],
    }
    async with context.database.writing() as connection:
        now = await _stage_own(context, connection, subject, about)
        await _stage_act(context, connection, "ledger/prove", taker, now)
        await reads.add(connection, [_row(subject.id, taker, ReadKind.PROOF, now)])


async def note_download(context: Context, subject: OpenSubject) -> None:
    """Somebody is about to download all that is kept of them.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with context.database.writing() as connection:
        await _stage_own(context, connection, subject, {"act": "download"})


async def note_export(
    context: Context, *, after: str | None, is_opened: bool, taker: Taker
) -> None:
    """Somebody is about to copy the log, with personal data or without.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        await _stage_act(
            context, connection, "ledger/export", taker, now, after=after, opened=is_opened
        )
        await stage_body(
            connection,
            Kind.EXPORT,
            {
                "v": 1,
                "act": "export",
                "by": taker.by,
                "after": after,
                "opened": is_opened,
            },
            origin=log_origin(context, await context.book(connection)),
            at=now,
            randomness=context.randomness,
        )


async def note_opened(context: Context, subjects: frozenset[SubjectId], taker: Taker) -> None:
    """Somebody is about to copy records of these.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        rows = [_row(each, taker, ReadKind.EXPORT, now) for each in sorted(subjects)]
        await reads.add(connection, rows)


async def _stage_own(
    context: Context, connection: AsyncConnection, subject: OpenSubject, about: dict[str, Json]
) -> Instant:
    now = await clock.now(connection)
    book = await context.book(connection)
    await stage_own(context, connection, book, Kind.EXPORT, subject=subject, about=about, at=now)
    return now


async def _stage_act(
    context: Context,
    connection: AsyncConnection,
    act: str,
    taker: Taker,
    now: Instant,
    **about: Json,
) -> None:
    """A program's, for those who look at what programs do; whose data it was, it does not say."""
    if taker.reader != OPERATOR:
        await noting_of(context, taker.by).note(connection, act, at=now, **about)


def _row(subject: SubjectId, taker: Taker, kind: ReadKind, now: Instant) -> ReadRow:
    hour = Instant(now - now % HOUR)
    return ReadRow(subject=subject, client_id=taker.reader, kind=kind, hour=hour, times=1)
