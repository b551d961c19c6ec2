"""Judge what a person chose, by what holds and by what was decided before.  Nothing is written."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

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
    ServedId,
    Showing,
    SignalSource,
)
from consentid.core.lifting import find_lifts, lifting_decision
from consentid.core.party import PartyKind, Reach, ReachKind
from consentid.core.purpose import ROOT, PurposeId
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.observe_signals import observe_signals
from consentid.flows.open_subject import OpenSubject
from consentid.flows.show_catalogue import NoticeRefOut, ServedRef, find_served, open_served
from consentid.flows.show_state import require_party
from consentid.kit.errors import ConflictError, ForbiddenError, MalformedError
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant
from consentid.store.served import ServedNotice

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is to be recorded."""

    decision: Decision
    """What the person chose."""
    decisions: Sequence[Decision]
    """That, with what its signals and its lifts add, in the order of the record."""
    at: Instant
    served: ServedNotice | None
    signals: Mapping[SignalSource, bool]
    """How each signal was seen, for the next time."""


def find_answered(context: Context, caller: Caller, asked: Answer | Withdrawal) -> ServedId | None:
    """The served notice that is answered; what cannot be read is refused when it is judged."""
    if isinstance(asked, Withdrawal):
        return None
    return find_served(context, asked.served, party=caller.client.party.slug)


def judge_answer(
    context: Context,
    book: Book,
    caller: Caller,
    asked: Answer | Withdrawal,
    subject: OpenSubject,
    *,
    signals_on: Collection[SignalSource],
    showing: Showing | None,
    at: Instant,
    clock: Instant,
) -> Judged:
    """Admit it, or refuse it by name.  The caller holds the subject's lock.

    ``showing`` is how the notice that is answered was shown, as far as its page told.  ``at`` is
    later than all that the subject did; the database's ``clock`` may be behind it where it was set
    back, and says how old a served notice is.

    Raises:
        MalformedError, ForbiddenError, ConflictError: see ``core.admission.admit``; the
            served-notice id or the notice is not what it should be, or the brand has left.
    """
    require_party(book, caller.client.party)
    decisions: list[Decision] = []
    remembered: Mapping[SignalSource, bool] = {}
    if isinstance(asked, Answer):
        observed = observe_signals(
            context, book, caller, subject, seen=asked.signals, on_before=signals_on, at=at
        )
        decisions += observed.decisions
        remembered = observed.remembered
    now = Instant(at + len(decisions))
    reach = _reach(asked.reach, caller)
    served: ServedNotice | None = None
    if isinstance(asked, Answer):
        shown = open_served(context, asked.served, party=caller.client.party.slug, now=clock)
        draft = _answer_draft(book, caller, asked, shown, showing=showing, reach=reach, now=now)
        served = _served(caller, asked.notice, shown)
    else:
        draft = _withdrawal_draft(caller, asked, reach=reach, now=now)
    decision = admit(
        draft,
        _rights(caller),
        book.catalogue,
        id_=_new_id(context, now),
        subject=subject.id,
        adult=subject.adult,
    )
    lifts = find_lifts(subject.projection, book.catalogue, decision, now, adult=subject.adult)
    decisions.append(decision)
    decisions += [lifting_decision(decision, lift, _new_id(context, now)) for lift in lifts]
    return Judged(decision=decision, decisions=decisions, at=now, served=served, signals=remembered)


def _withdrawal_draft(caller: Caller, asked: Withdrawal, *, reach: Reach, now: Instant) -> Draft:
    return Draft(
        choices=tuple(
            Choice(purpose=purpose, outcome=Outcome.REFUSED)
            for purpose in asked.purposes or (ROOT,)
        ),
        reach=reach,
        notice=None,
        channel=CHANNELS[Surface(caller.client.surface)],
        timing=online(now),
        recorded_at=now,
    )


def _answer_draft(
    book: Book,
    caller: Caller,
    asked: Answer,
    shown: ServedRef,
    *,
    showing: Showing | None,
    reach: Reach,
    now: Instant,
) -> Draft:
    return Draft(
        choices=asked.choices,
        reach=reach,
        notice=_shown_notice(book, caller, asked.notice, shown),
        channel=CHANNELS[Surface(caller.client.surface)],
        timing=online(now),
        recorded_at=now,
        served=shown.id,
        showing=showing,
        told_of_signal=asked.told_of_signal,
        prompted_by=asked.prompted_by,
    )


def _served(caller: Caller, notice: NoticeRefOut, shown: ServedRef) -> ServedNotice:
    return ServedNotice(
        id=shown.id,
        client_id=caller.client.client_id,
        notice_id=shown.notice_id,
        version=shown.version,
        language=shown.language,
        digest=bytes.fromhex(notice.digest),
        catalogue=shown.catalogue,
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
