"""A code or a refresh token comes a second time: it has leaked, or its client asked twice at once.

A request that came in before the first one was done is a race: it is refused and ends nothing.  One
that came in afterwards has what it should not have: the family ends.  When a request came in is
told by the database's clock, less how long the request has waited here, for a connection say; so
clocks of several machines are never compared.  Spec: RFC 6749 section 4.1.2, RFC 9700 section
4.14.2.
"""

from uuid import UUID

from consentid.core.decision import SubjectId
from consentid.flows.oauth.request import AuthlibRequest
from consentid.flows.oauth.transaction import Transaction
from consentid.kit.instants import Instant
from consentid.store import dependents, subjects


async def end_if_reused(
    transaction: Transaction,
    asked: AuthlibRequest,
    *,
    family: UUID,
    subject: SubjectId,
    used_at: Instant,
) -> None:
    """End a family whose credential is used again; a race ends nothing."""
    if transaction.arrived_at <= used_at:
        return
    # Whoever holds the lock may be adding a token to this very family.
    await subjects.find(transaction.connection, subject, lock=True)
    await dependents.end_families(transaction.connection, [family], at=transaction.now)
    asked.is_kept_when_refused = True
