"""Write admitted decisions: body, projection, ledger entry, outbox row, token rows, all or none."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.decision import Decision
from consentid.flows.append_decisions import append_decisions
from consentid.flows.context import Context
from consentid.flows.count_decisions import count_decisions
from consentid.flows.end_dependents import end_dependents
from consentid.flows.lines import resolver
from consentid.flows.open_subject import OpenSubject, seal_projection
from consentid.flows.restate import changed, ended, find_rows, line_states, settle_all, take_indices
from consentid.flows.write_effects import write_effects
from consentid.kit.instants import Instant
from consentid.store import acts, statuses
from consentid.store.acts import Act


async def commit_decisions(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    subject: OpenSubject,
    decisions: Sequence[Decision],
    *,
    at: Instant,
) -> OpenSubject:
    """Append decisions of one subject and bring all that follows from them up to date.

    What rested on something that they take back ends.

    The caller holds the subject's lock and commits.
    """
    appended = append_decisions(context, book, subject, decisions, at=at)
    states = await statuses.of_subject(connection, subject.id)
    resolve = resolver(book, appended.subject, at=at)
    rows = find_rows(book, appended.subject, states, at=at, resolve=resolve)
    indices = await take_indices(context, connection, [(subject.id, row) for row in rows], at=at)
    settled = settle_all(context, book, appended.subject, rows, indices)
    act = Act(
        subject=subject.id,
        at=at,
        decisions=appended.decisions,
        event=write_effects(
            context,
            appended.subject,
            line_states(book, rows, settled),
            decisions=[each.id for each in decisions],
            at=at,
        ),
        projection=seal_projection(context, appended.subject),
        states=changed(rows, settled),
        ended=ended(context, rows, at=at),
    )
    await acts.write(connection, [act])
    await end_dependents(connection, book, [appended])
    count_decisions(context, connection, [appended])
    return appended.subject
