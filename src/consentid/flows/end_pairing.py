"""A person's televisions: which are connected, and the end of one.

Ending one ends its tokens at once, and neither withdraws anything nor touches the person's other
devices: the television is refused at its next question, within a minute while it is in use.
"""

from dataclasses import dataclass

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.core.party import Party
from consentid.flows.context import Context
from consentid.flows.device_name import open_own
from consentid.flows.hub_session import Browser, find_visitor
from consentid.flows.open_subject import OpenSubject
from consentid.flows.references import ReferenceKind, open_reference, seal_reference
from consentid.kit.errors import ConflictError
from consentid.kit.instants import Instant
from consentid.store import clients, clock, dependents, pairings


class _Pairing(msgspec.Struct, frozen=True, array_like=True):
    family: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPairing:
    """A television that goes by the person's choices."""

    reference: str
    """Sealed: name it to end the connection."""
    name: str | None
    """What it calls itself: its own word."""
    party: Party | None
    """Whose app it runs; None for a client that is gone."""
    paired_at: Instant
    seen_at: Instant


async def find_pairings(
    context: Context, connection: AsyncConnection, subject: OpenSubject, *, now: Instant
) -> tuple[OwnPairing, ...]:
    """The televisions of a person, the latest first."""
    found: list[OwnPairing] = []
    for each in await pairings.of_subject(connection, subject.id, now=now):
        client = await clients.find(connection, each.client_id)
        found.append(
            OwnPairing(
                reference=seal_reference(
                    context,
                    ReferenceKind.PAIRING,
                    holder=_holder(subject.id),
                    content=_Pairing(family=each.family.bytes),
                ),
                name=None if each.sealed_name is None else open_own(subject, each.sealed_name),
                party=None if client is None else client.party,
                paired_at=each.paired_at,
                seen_at=each.seen_at,
            )
        )
    return tuple(found)


async def end_pairing(context: Context, browser: Browser, *, unverified_pairing: str) -> None:
    """Disconnect a television.

    Raises:
        ConflictError: nobody is known here any more.
        MalformedError: the reference is not one of this person's.
    """
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        visitor = await find_visitor(context, connection, browser, now=now, lock=True)
        if visitor.session is None:
            raise ConflictError("form_stale", "You are known here no longer.")
        subject = visitor.session.subject.id
        named = open_reference(
            context,
            ReferenceKind.PAIRING,
            unverified_pairing,
            holder=_holder(subject),
            into=_Pairing,
        )
        # One that renewed itself meanwhile keeps its family; one that ended has none left.
        ended = [
            each.family
            for each in await pairings.of_subject(connection, subject, now=now)
            if each.family.bytes == named.family
        ]
        await dependents.end_families(connection, ended, at=now)


def _holder(subject: SubjectId) -> str:
    return f"pairings/{subject.hex}"
