"""A withdrawal ends what would go on speaking for the person where it reaches.

A withdrawal of all ends every family of tokens.  What was granted on authorization details rests on
the purposes granted of them: once one of these is taken back, by its own name, an ancestor's or for
the whole group, the family ends.  Anything else goes on through a withdrawal of single purposes:
whoever refreshes is told the new state, since every refresh resolves again.
"""

from collections.abc import Collection, Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.decision import Decision, Outcome
from consentid.core.party import Party, Reach
from consentid.core.purpose import ROOT, PurposeId, is_within
from consentid.core.resolution import resolve_all
from consentid.core.saying import say
from consentid.flows.open_subject import OpenSubject
from consentid.kit.instants import Instant
from consentid.store import dependents


async def end_dependents(
    connection: AsyncConnection,
    book: Book,
    subject: OpenSubject,
    decisions: Iterable[Decision],
    *,
    at: Instant,
) -> None:
    """End tokens, codes and approved device codes that rest on what these decisions took back.

    ``subject`` has made them.  The caller holds its lock and commits.
    """
    refusals = {
        (decision.reach, choice.purpose)
        for decision in decisions
        for choice in decision.choices
        if choice.outcome is Outcome.REFUSED
    }
    if not refusals:
        return
    for reach in {reach for reach, purpose in refusals if purpose == ROOT}:
        await dependents.end_of(connection, subject.id, party=reach, at=at)
    for party, purposes in (await dependents.find_resting(connection, subject.id)).items():
        lost = _lost(book, subject, party, purposes, refusals, at=at)
        if lost:
            await dependents.end_of(connection, subject.id, party=party, resting_on=lost, at=at)


def _lost(
    book: Book,
    subject: OpenSubject,
    party: Party,
    purposes: Collection[PurposeId],
    refusals: Collection[tuple[Reach, PurposeId]],
    *,
    at: Instant,
) -> frozenset[PurposeId]:
    """Which of the purposes a refusal reached, and are granted no more.

    A signal's refusal leaves a grant standing that was made after the person was told of it.
    """
    reached = {
        purpose
        for purpose in purposes
        if any(reach in (None, party) and is_within(purpose, gone) for reach, gone in refusals)
    }
    if not reached:
        return frozenset()
    held = resolve_all(subject.projection, book.catalogue, party, at, adult=subject.adult)
    return frozenset(reached - set(say(held, at).yes))
