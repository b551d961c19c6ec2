"""A withdrawal ends what would go on speaking for the person where it reaches.

A withdrawal of all ends every family of tokens.  What was granted on authorization details rests on
the purposes granted of them: once one of these is taken back, by its own name, an ancestor's or for
the whole group, the family ends.  Anything else goes on through a withdrawal of single purposes:
whoever refreshes is told the new state, since every refresh resolves again.
"""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.decision import Outcome
from consentid.core.party import Party, Reach
from consentid.core.purpose import ROOT, PurposeId, is_within
from consentid.core.resolution import resolve_all
from consentid.core.saying import say
from consentid.flows.append_decisions import Appended
from consentid.flows.open_subject import OpenSubject
from consentid.flows.resting import read_resting
from consentid.kit.instants import Instant
from consentid.store import dependents


async def end_dependents(
    connection: AsyncConnection, book: Book, appended: Collection[Appended]
) -> None:
    """End tokens, codes and approved device codes that rest on what these decisions took back.

    The caller holds the subjects' locks and commits.
    """
    refusing = [(each, refusals) for each in appended if (refusals := _refusals(each))]
    if not refusing:
        return
    resting = await dependents.find_resting(connection, [each.subject.id for each, _ in refusing])
    for each, refusals in refusing:
        subject, at = each.subject, each.at
        for reach in {reach for reach, purpose in refusals if purpose == ROOT}:
            await dependents.end_of(connection, subject.id, party=reach, at=at)
        for party, kept in resting.get(subject.id, {}).items():
            lost = _lost(book, subject, party, kept, refusals, at=at)
            if lost:
                await dependents.end_of(connection, subject.id, party=party, resting_on=lost, at=at)


def _refusals(appended: Appended) -> set[tuple[Reach, PurposeId]]:
    return {
        (new.decision.reach, choice.purpose)
        for new in appended.decisions
        for choice in new.decision.choices
        if choice.outcome is Outcome.REFUSED
    }


def _lost(
    book: Book,
    subject: OpenSubject,
    own: Party,
    kept: Collection[str],
    refusals: Collection[tuple[Reach, PurposeId]],
    *,
    at: Instant,
) -> frozenset[str]:
    """What of that which clients of a party rest on a refusal reached, and is granted no more.

    A signal's refusal leaves a grant standing that was made after the person was told of it.
    """
    reached: defaultdict[Party, dict[PurposeId, str]] = defaultdict(dict)
    for each in kept:
        party, purpose = read_resting(own, each)
        if any(reach in (None, party) and is_within(purpose, gone) for reach, gone in refusals):
            reached[party][purpose] = each
    lost: set[str] = set()
    for party, purposes in reached.items():
        held = resolve_all(subject.projection, book.catalogue, party, at, adult=subject.adult)
        says_yes_to = set(say(held, at).yes)
        lost |= {each for purpose, each in purposes.items() if purpose not in says_yes_to}
    return frozenset(lost)
