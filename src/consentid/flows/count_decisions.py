"""Count decisions once they have committed, for who scrapes: by client, kind and outcome."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.append_decisions import Appended
from consentid.flows.context import Context

MIXED: Final = "mixed"
"""Some granted and some refused."""


def count_decisions(
    context: Context, connection: AsyncConnection, appended: Sequence[Appended]
) -> None:
    """Have these counted when the transaction has committed, and not where it never does."""
    context.database.after_commit(connection, lambda: _count(context, appended))


def _count(context: Context, appended: Sequence[Appended]) -> None:
    for each in appended:
        for new in each.decisions:
            outcomes = {choice.outcome for choice in new.decision.choices}
            outcome = outcomes.pop() if len(outcomes) == 1 else MIXED
            context.counts.decisions.add((new.decision.actor, new.kind, outcome))
