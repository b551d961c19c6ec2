"""What was issued while a key was in wrong hands: to which clients, of whom, hour by hour."""

from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.flows.context import Context
from consentid.flows.note_read import write_reads
from consentid.flows.read_buffer import ReadKind
from consentid.flows.restrict_subject import OPERATOR
from consentid.kit.errors import NotFoundError
from consentid.kit.instants import Instant
from consentid.store import clients, clock, reads, revoked_keys
from consentid.tokens.pairwise import pairwise_sub

_ISSUED: Final = (ReadKind.TOKEN, ReadKind.EXCHANGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When a key may have been used by others."""

    begin: Instant
    end: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedRow:
    """Tokens that one client got of one person within an hour."""

    hour: Instant
    client_id: str
    subject: SubjectId
    sub: str
    """The person, as that client's brand or partner knows them."""
    times: int


async def find_window(
    connection: AsyncConnection, kid: str, *, begin: Instant | None, end: Instant | None
) -> Window:
    """When a key was in wrong hands: as its revocation says, unless it is said otherwise.

    Raises:
        NotFoundError: it was not revoked, and no begin is given.
    """
    known = {each.kid: each for each in await revoked_keys.every(connection)}
    revoked = known.get(kid)
    if begin is None and revoked is None:
        raise NotFoundError(
            "key_not_revoked",
            "That key was not revoked: say since when it was in wrong hands.",
            where="since",
        )
    if begin is None and revoked is not None:
        begin = revoked.stolen_at
    if end is None:
        end = await clock.now(connection) if revoked is None else revoked.revoked_at
    return Window(begin=begin or Instant(0), end=end)


async def issued_within(
    context: Context, connection: AsyncConnection, window: Window
) -> AsyncGenerator[IssuedRow]:
    """Every token that was given out meanwhile, counted by hour, client and person."""
    parties = {each.client_id: str(each.party) for each in await clients.every(connection)}
    async for row in reads.within(connection, _ISSUED, begin=window.begin, end=window.end):
        party = parties.get(row.client_id, "")
        yield IssuedRow(
            hour=row.hour,
            client_id=row.client_id,
            subject=row.subject,
            sub=pairwise_sub(context.keyring.pairwise, party, row.subject.bytes),
            times=row.times,
        )


async def note_listed(context: Context, subjects: Collection[SubjectId]) -> None:
    """An operator is about to see of each of these who was told of them.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    context.reads.give_back({(each, OPERATOR, ReadKind.EXPORT): 1 for each in subjects})
    await write_reads(context)
