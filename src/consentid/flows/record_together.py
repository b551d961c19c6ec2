"""Decisions of different subjects, recorded in one transaction.

Each is judged by itself, and one that is refused leaves nothing, not even its idempotency key; what
the others leave is one statement, and one commit makes it durable.  Where the statement or the
commit fails, nothing of the group is there, and each is recorded alone.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core import projection
from consentid.core.decision import SubjectId
from consentid.core.saying import say
from consentid.core.sharing import Line, Resolve
from consentid.flows.append_decisions import Appended, append_decisions
from consentid.flows.authenticate import Caller
from consentid.flows.consistency import consistency_of
from consentid.flows.context import Context
from consentid.flows.count_decisions import count_decisions
from consentid.flows.end_dependents import end_dependents
from consentid.flows.idempotency import Repeatable, check_same, open_answer, seal_answer
from consentid.flows.issue_token import token_of
from consentid.flows.judge_answer import (
    Answer,
    Judged,
    Withdrawal,
    find_answered,
    judge_answer,
)
from consentid.flows.lines import resolver, say_now
from consentid.flows.open_subject import OpenSubject, seal_projection, unseal
from consentid.flows.restate import (
    Row,
    changed,
    ended,
    find_rows,
    line_states,
    settle_all,
    take_indices,
)
from consentid.flows.session import Session, require_known, resolve_here
from consentid.flows.show_state import PurposeState, asks, describe, public_decision_id
from consentid.flows.target import default_audience
from consentid.flows.write_effects import write_effects
from consentid.flows.write_receipt import write_receipt
from consentid.kit.errors import ConsentidError
from consentid.kit.instants import Instant, to_rfc3339
from consentid.kit.lane import ALONE, Alone
from consentid.store import acts, grounds
from consentid.store.acts import Act
from consentid.store.grounds import Asked, Grounds
from consentid.store.statuses import AudienceState
from consentid.store.subjects import SubjectRow
from consentid.tokens.consent import ConsentClaims
from consentid.tokens.receipt import Receipt


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer as it is kept for a repeated request: all but the signatures."""

    decision: str
    recorded_at: str
    state: tuple[PurposeState, ...]
    ask: tuple[str, ...]
    receipt: Receipt
    consistency: str
    claims: ConsentClaims | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What is to be recorded, for whom, and under which key."""

    caller: Caller
    subject: SubjectId
    asked: Answer | Withdrawal
    request: Repeatable


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """A decision that is admitted and not written yet."""

    recording: Recording
    judged: Judged
    appended: Appended
    session: Session
    """The subject as it is from now on, and the device beneath it."""
    resolve: Resolve
    """What holds of the subject from now on."""
    rows: Sequence[Row]
    audience: str | None
    """Whom the answer's token is for; None where the client has nobody left to speak to."""


class _KeyTakenError(Exception):
    """Somebody else used one of the keys meanwhile."""


async def record_together(
    context: Context, group: Sequence[Recording], *, is_patient: bool = False
) -> Sequence[Kept | Exception | Alone]:
    """Record them all; what is told of each is true once this returns.

    No two are of one subject, and no two under one key.  Whose subject somebody else is writing is
    left undone, unless ``is_patient`` says to wait for it.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    while True:
        try:
            return await _try_together(context, group, is_patient=is_patient)
        except _KeyTakenError:
            # Alone, it finds what was answered; the others have nothing to do with that.
            if len(group) > 1:
                raise


async def _try_together(
    context: Context, group: Sequence[Recording], *, is_patient: bool
) -> Sequence[Kept | Exception | Alone]:
    async with context.database.writing() as connection:
        # Nobody waits for somebody else's subject, but whoever waits alone.
        locked = await grounds.lock(
            connection, [each.subject for each in group], is_patient=is_patient
        )
        # All that is read now is newer than the locks: instants are in the order of one subject's
        # decisions, and nobody decides by a configuration that was replaced while they waited.
        found = await grounds.look(connection, [_asked(context, each) for each in group])
        book = await context.book_of(connection, found[0].catalogue)
        outcomes: list[_Decided | Kept | ConsentidError | Alone] = []
        for recording, its_grounds in zip(group, found, strict=True):
            row = locked.get(recording.subject)
            if row is None and not is_patient:
                outcomes.append(ALONE)
                continue
            outcomes.append(_decide(context, book, recording, row, its_grounds))
            await asyncio.sleep(0)  # whoever asks for something else is served in between
        kept = iter(
            await _write(
                context, connection, book, [each for each in outcomes if isinstance(each, _Decided)]
            )
        )
    return [next(kept) if isinstance(each, _Decided) else each for each in outcomes]


def _asked(context: Context, recording: Recording) -> Asked:
    return Asked(
        subject=recording.subject,
        device=recording.caller.device,
        key=recording.request.key,
        served=find_answered(context, recording.caller, recording.asked),
    )


def _decide(
    context: Context, book: Book, recording: Recording, row: SubjectRow | None, found: Grounds
) -> _Decided | Kept | ConsentidError:
    try:
        opened = None if row is None else unseal(context, row)
        if found.first is not None:
            check_same(recording.request, found.first)
            first = open_answer(recording.request, found.first, opened)
            return msgspec.json.decode(first, type=Kept)
        return _admitted(context, book, recording, require_known(opened), found)
    except ConsentidError as error:
        return error


def _admitted(
    context: Context, book: Book, recording: Recording, subject: OpenSubject, found: Grounds
) -> _Decided:
    client = recording.caller.client
    judged = judge_answer(
        context,
        book,
        recording.caller,
        recording.asked,
        subject,
        signals_on=found.signals_on,
        showing=found.showing,
        at=_next_instant(subject, found),
        clock=found.at,
    )
    appended = append_decisions(context, book, subject, judged.decisions, at=judged.at)
    subject = appended.subject
    resolve = resolver(book, subject, at=judged.at)
    audience = default_audience(book, client)
    rows = find_rows(book, subject, found.states, at=judged.at, resolve=resolve, issued=audience)
    if audience is not None and audience not in {row.key for row in rows}:
        line = Line(origin=client.party)
        saying = say_now(book, subject, line, at=judged.at, resolve=resolve)
        rows.append(Row(key=audience, saying=saying, is_issued=True))
    device = None if found.device is None else unseal(context, found.device)
    return _Decided(
        recording=recording,
        judged=judged,
        appended=appended,
        session=Session(subject=subject, device=device),
        resolve=resolve,
        rows=rows,
        audience=audience,
    )


def _next_instant(subject: OpenSubject, found: Grounds) -> Instant:
    """Now, and later than all that the subject did before; see ``store.clock.now_after``."""
    before = (found.last_recorded_at, projection.newest(subject.projection))
    return max([found.at, *(Instant(last + 1) for last in before if last is not None)])


async def _write(
    context: Context, connection: AsyncConnection, book: Book, decided: Sequence[_Decided]
) -> Sequence[Kept]:
    if not decided:
        return []
    indices = iter(
        await take_indices(
            context,
            connection,
            [(each.session.subject.id, row) for each in decided for row in each.rows],
            at=decided[0].judged.at,
        )
    )
    written: list[Act] = []
    answers: list[Kept] = []
    for each in decided:
        states = settle_all(
            context, book, each.session.subject, each.rows, islice(indices, len(each.rows))
        )
        answers.append(_kept(context, book, each, states))
        written.append(_act(context, book, each, states, answers[-1]))
        await asyncio.sleep(0)  # as above
    context.recording.make_way()  # there is nothing more to judge
    if not await acts.write(connection, written):
        raise _KeyTakenError
    appended = [each.appended for each in decided]
    await end_dependents(connection, book, appended)
    count_decisions(context, connection, appended)
    return answers


def _act(
    context: Context, book: Book, decided: _Decided, states: Sequence[AudienceState], answer: Kept
) -> Act:
    subject, judged = decided.session.subject, decided.judged
    return Act(
        subject=subject.id,
        at=judged.at,
        decisions=decided.appended.decisions,
        event=write_effects(
            context,
            subject,
            line_states(book, decided.rows, states),
            decisions=[each.id for each in judged.decisions],
            at=judged.at,
        ),
        projection=seal_projection(context, subject),
        states=changed(decided.rows, states),
        ended=ended(context, decided.rows, at=judged.at),
        served=judged.served,
        device=decided.recording.caller.device,
        signals=judged.signals,
        answer=seal_answer(
            context, decided.recording.request, subject, msgspec.json.encode(answer)
        ),
    )


def _kept(context: Context, book: Book, decided: _Decided, states: Sequence[AudienceState]) -> Kept:
    client, session = decided.recording.caller.client, decided.session
    party, now, decision = client.party, decided.judged.at, decided.judged.decision
    if session.device is None:
        resolutions = decided.resolve(party)
    else:
        resolutions = resolve_here(book, session, party, now)
    own = next((state for state in states if state.audience == decided.audience), None)
    new = next(each for each in decided.appended.decisions if each.decision is decision)
    claims = None
    if own is not None:
        claims = token_of(
            context,
            book,
            session.subject,
            client,
            state=own,
            saying=say(resolutions, now),
            at=now,
        ).claims
    return Kept(
        decision=public_decision_id(context, party, decision.id),
        recorded_at=to_rfc3339(decision.recorded_at),
        state=describe(context, book, party, resolutions),
        ask=asks(book, party, resolutions),
        receipt=write_receipt(context, book, party, session.subject, decision, new=new),
        consistency=consistency_of(context, party, session.subject),
        claims=claims,
    )
