"""Record what a person chose: judged by the core, durable, then spoken of under signature.

In one transaction: the idempotency row, the decision (and what its signals and its lifts add), the
projection, the subject's version, the staged ledger entries, the outbox rows, the token rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.brandbook.client import Surface
from consentid.core.admission import Draft, Rights, ShownNotice, admit
from consentid.core.clock import online
from consentid.core.decision import (
    Assurance,
    Channel,
    Choice,
    Decision,
    DecisionId,
    Outcome,
    SignalSource,
)
from consentid.core.lifting import find_lifts, lifting_decision
from consentid.core.party import PartyKind, Reach, ReachKind
from consentid.core.purpose import ROOT, PurposeId
from consentid.flows.authenticate import Caller
from consentid.flows.commit_decisions import commit_decisions
from consentid.flows.consistency import consistency_of
from consentid.flows.context import Context
from consentid.flows.idempotency import Repeatable, find_first_answer, save_answer
from consentid.flows.issue_token import PreparedToken, prepare_token, sign_token
from consentid.flows.observe_signals import signal_decisions
from consentid.flows.session import Session, open_session, resolve_here
from consentid.flows.show_catalogue import NoticeRefOut, ServedRef, open_served
from consentid.flows.show_state import (
    PurposeState,
    asks,
    describe,
    public_decision_id,
    require_party,
)
from consentid.flows.write_receipt import ReceiptOut, write_receipt
from consentid.kit.errors import ConflictError, ForbiddenError, MalformedError
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant, to_rfc3339
from consentid.store import clock, served
from consentid.store.served import ServedNotice
from consentid.tokens.consent import ConsentClaims

CHANNELS: Final = {Surface.WEB: Channel.WEB, Surface.APP: Channel.APP, Surface.TV: Channel.TV}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person chose on a notice, as a client hands it in."""

    served: str
    notice: NoticeRefOut
    reach: ReachKind
    choices: tuple[Choice, ...]
    signals: Mapping[SignalSource, bool]
    """Signals that the person's browser sends now (true) or sends no longer (false)."""
    told_of_signal: bool
    prompted_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """What a person takes back: some purposes, or all of them."""

    reach: ReachKind
    purposes: tuple[PurposeId, ...]


class _Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer as it is kept for a repeated request: all but the signature."""

    decision: str
    recorded_at: str
    state: tuple[PurposeState, ...]
    ask: tuple[str, ...]
    receipt: ReceiptOut
    consistency: str
    claims: ConsentClaims | None = None


class DecisionOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a decision."""

    decision: str
    """Its id in the caller's sector.  22 characters."""
    recorded_at: str
    state: tuple[PurposeState, ...]
    ask: tuple[str, ...]
    """What is missing still at the caller's brand or partner."""
    receipt: ReceiptOut
    consistency: str
    consent_token: str | None = None


async def record_decision(
    context: Context, caller: Caller, answer: Answer, request: Repeatable
) -> DecisionOut:
    """Record an answer to a notice.

    Raises:
        MalformedError, ForbiddenError, ConflictError: see ``core.admission.admit``; and the
            served-notice id, the notice or the idempotency key is not what it should be.
        UnauthenticatedError: the subject was erased.
        UnavailableError: the database cannot be reached.
    """
    return await _write(context, caller, answer, request)


async def withdraw(
    context: Context, caller: Caller, withdrawal: Withdrawal, request: Repeatable
) -> DecisionOut:
    """Record a withdrawal: a refusal that answers no notice.

    Raises:
        MalformedError, ForbiddenError: see ``core.admission.admit``.
        UnauthenticatedError: the subject was erased.
        UnavailableError: the database cannot be reached.
    """
    return await _write(context, caller, withdrawal, request)


async def _write(
    context: Context, caller: Caller, asked: Answer | Withdrawal, request: Repeatable
) -> DecisionOut:
    async with context.database.writing() as connection:
        arrived = await clock.now(connection)
        first = await find_first_answer(context, connection, request, at=arrived)
        if first is None:
            kept = await _decide(context, connection, caller, asked, request)
        else:
            kept = msgspec.json.decode(first, type=_Kept)
    # Committed: only now may it be signed and spoken of.
    return DecisionOut(
        decision=kept.decision,
        recorded_at=kept.recorded_at,
        state=kept.state,
        ask=kept.ask,
        receipt=kept.receipt,
        consistency=kept.consistency,
        consent_token=None
        if kept.claims is None
        else sign_token(context, PreparedToken(claims=kept.claims)),
    )


async def _decide(
    context: Context,
    connection: AsyncConnection,
    caller: Caller,
    asked: Answer | Withdrawal,
    request: Repeatable,
) -> _Kept:
    session = await open_session(
        context, connection, subject=caller.require_subject(), device=caller.device, lock=True
    )
    # Both read under the lock: the order of instants is the order of one subject's decisions, and
    # who waited for it does not decide by a configuration that was replaced meanwhile.
    now = await clock.now_after(connection, session.subject.id)
    book = await context.book(connection)
    require_party(book, caller.client.party)
    decisions: list[Decision] = []
    if isinstance(asked, Answer):
        decisions += await signal_decisions(
            context, connection, book, caller, session, seen=asked.signals, at=now
        )
        now = Instant(now + len(decisions))
    draft = await _draft(context, connection, book, caller, asked, now=now)
    decision = admit(
        draft,
        _rights(caller),
        book.catalogue,
        id_=_new_id(context, now),
        subject=session.subject.id,
        adult=session.subject.adult,
    )
    decisions.append(decision)
    lifts = find_lifts(
        session.subject.projection, book.catalogue, decision, now, adult=session.subject.adult
    )
    decisions += [lifting_decision(decision, lift, _new_id(context, now)) for lift in lifts]
    subject = await commit_decisions(context, connection, book, session.subject, decisions, at=now)
    session = Session(subject=subject, device=session.device)
    kept = await _kept(context, connection, book, caller, session, decision=decision, now=now)
    await save_answer(
        context, connection, request, subject=subject, answer=msgspec.json.encode(kept)
    )
    return kept


async def _kept(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    caller: Caller,
    session: Session,
    *,
    decision: Decision,
    now: Instant,
) -> _Kept:
    party = caller.client.party
    resolutions = resolve_here(book, session, party, now)
    prepared = await prepare_token(context, connection, book, session, caller.client, at=now)
    return _Kept(
        decision=public_decision_id(context, party, decision.id),
        recorded_at=to_rfc3339(decision.recorded_at),
        state=describe(context, book, party, resolutions),
        ask=asks(book, party, resolutions),
        receipt=write_receipt(context, book, party, session.subject, decision),
        consistency=consistency_of(context, party, session.subject),
        claims=None if prepared is None else prepared.claims,
    )


async def _draft(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    caller: Caller,
    asked: Answer | Withdrawal,
    *,
    now: Instant,
) -> Draft:
    reach = _reach(asked.reach, caller)
    channel = CHANNELS[Surface(caller.client.surface)]
    if isinstance(asked, Withdrawal):
        return Draft(
            choices=tuple(
                Choice(purpose=purpose, outcome=Outcome.REFUSED)
                for purpose in asked.purposes or (ROOT,)
            ),
            reach=reach,
            notice=None,
            channel=channel,
            timing=online(now),
            recorded_at=now,
        )
    shown = open_served(context, asked.served, party=caller.client.party.slug, now=now)
    await served.add(
        connection,
        ServedNotice(
            id=shown.id,
            client_id=caller.client.client_id,
            notice_id=shown.notice_id,
            version=shown.version,
            language=shown.language,
            digest=bytes.fromhex(asked.notice.digest),
            catalogue=shown.catalogue,
        ),
        at=now,
    )
    return Draft(
        choices=asked.choices,
        reach=reach,
        notice=_shown_notice(book, caller, asked.notice, shown),
        channel=channel,
        timing=online(now),
        recorded_at=now,
        served=shown.id,
        told_of_signal=asked.told_of_signal,
        prompted_by=asked.prompted_by,
    )


def _shown_notice(
    book: Book, caller: Caller, answered: NoticeRefOut, shown: ServedRef
) -> ShownNotice:
    if (answered.id, answered.version, answered.language) != (
        shown.notice_id,
        shown.version,
        shown.language,
    ):
        raise MalformedError(
            "notice_not_served",
            "The served-notice id was minted for another notice: repeat `notice` as it came.",
            where="notice",
        )
    notice = book.notices.get((answered.id, answered.language))
    if notice is None or notice.version != answered.version:
        raise ConflictError(
            "notice_not_current",
            "This version of the notice is not current: ask for the catalogue and show it again.",
            where="notice.version",
        )
    if notice.digest.hex() != answered.digest:
        raise ConflictError(
            "notice_not_current",
            "The digest is not that of the current text: show the text as the catalogue gives it.",
            where="notice.digest",
        )
    if notice.party != caller.client.party:
        raise ForbiddenError(
            "party_not_yours",
            f"This client speaks for {caller.client.party} and for nobody else.",
            where="notice.id",
        )
    return ShownNotice(ref=notice.ref(), purposes=notice.asks, catalogue=shown.catalogue)


def _rights(caller: Caller) -> Rights:
    return Rights(
        actor=caller.client.client_id,
        party=caller.client.party,
        collects_for_group=caller.client.collects_for_group,
        assurance=Assurance.BRAND_PAGE,
    )


def _reach(kind: ReachKind, caller: Caller) -> Reach:
    """The reach that a client may mean: the group, or itself.

    Raises:
        ForbiddenError: a brand's client names the reach of a partner, or the other way round.
    """
    if kind is ReachKind.GROUP:
        return None
    party = caller.client.party
    if PartyKind(kind) is not party.kind:
        raise ForbiddenError(
            "party_not_yours",
            f"This client speaks for {party}: its own reach is {party.kind}.",
            where="reach",
        )
    return party


def _new_id(context: Context, at: Instant) -> DecisionId:
    return DecisionId(uuid7(at, context.randomness(RANDOM_BYTES)))
