"""A withdrawal ends what would go on speaking for the person where it reaches."""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import Choice, Outcome, SubjectId
from consentid.core.party import Reach
from consentid.core.purpose import ROOT
from consentid.kit.instants import Instant
from consentid.store import dependents


async def end_dependents(
    connection: AsyncConnection,
    subject: SubjectId,
    *,
    reach: Reach,
    choices: Collection[Choice],
    at: Instant,
) -> None:
    """End refresh tokens, codes and approved device codes after a withdrawal of all.

    A withdrawal of single purposes ends none: whoever refreshes is told the new state, since every
    refresh resolves again.  The caller commits.
    """
    if any(choice.purpose == ROOT and choice.outcome is Outcome.REFUSED for choice in choices):
        await dependents.end_of(connection, subject, party=reach, at=at)
