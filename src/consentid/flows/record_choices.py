"""Record what a person chose on a page of the hub: with the hub's own rights, and at its assurance.

The hub speaks for all brands, so a choice may have group reach whoever's page the person came from.
What a brand lets only itself ask (``own``) is recorded for that brand in the same act.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.brandbook.notice import Notice
from consentid.core.admission import Draft, Rights, ShownNotice, admit
from consentid.core.catalogue import find_terms
from consentid.core.clock import online
from consentid.core.decision import (
    Assurance,
    CatalogueVersion,
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
from consentid.core.party import Reach
from consentid.core.purpose import ROOT
from consentid.flows.authenticate import Caller
from consentid.flows.commit_decisions import commit_decisions
from consentid.flows.context import Context
from consentid.flows.session import Session
from consentid.flows.take_signals import take_signals
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant
from consentid.store import clock, served
from consentid.store.clients import Client
from consentid.store.served import ServedNotice

HUB: Final = "consentid:hub"
"""The actor of what is decided on the hub's own pages.  No client can have this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A notice as it was shown on a page."""

    notice: Notice
    served: ServedId
    catalogue: CatalogueVersion
    layout: bytes | None = None
    """SHA-256 of how it was laid out; None where the caller keeps that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person chose on a page, and how far it reaches."""

    choices: tuple[Choice, ...]
    reach: Reach
    signals: Mapping[SignalSource, bool]
    told_of_signal: bool
    parts_own: bool = True
    """Whether what the client's brand lets only itself ask is recorded for that brand."""
    actor: str = HUB
    """Who asked: a partner's client where it asked on behalf of a brand."""
    channel: Channel = Channel.WEB
    assurance: Assurance = Assurance.SELF


async def record_choices(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    session: Session,
    client: Client,
    *,
    shown: Shown,
    chosen: Choices,
) -> Session:
    """Record an answer to a notice.  The caller holds the subject's lock and commits.

    Raises:
        MalformedError, ConflictError: see ``core.admission.admit``.
    """
    now = await clock.now_after(connection, session.subject.id)
    showing = await note_shown(connection, client, shown, at=now)
    caller = Caller(
        client=client,
        scopes=frozenset(),
        subject=session.subject.id,
        device=None if session.device is None else session.device.id,
    )
    decisions = await take_signals(
        context, connection, book, caller, session, seen=chosen.signals, at=now
    )
    for reach, choices in _by_reach(book, client, chosen):
        at = Instant(now + len(decisions))
        draft = Draft(
            choices=choices,
            reach=reach,
            notice=ShownNotice(
                ref=shown.notice.ref(), purposes=shown.notice.asks, catalogue=shown.catalogue
            ),
            channel=chosen.channel,
            timing=online(at),
            recorded_at=at,
            served=shown.served,
            showing=showing,
            told_of_signal=chosen.told_of_signal,
        )
        decisions += _admit(
            context, book, session, draft, at=at, actor=chosen.actor, assurance=chosen.assurance
        )
    return await _commit(context, connection, book, session, decisions, at=now)


async def record_withdrawal(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    session: Session,
    *,
    reach: Reach,
) -> Session:
    """Record that a person takes back all, and end what depended on it.

    The caller holds the subject's lock and commits.
    """
    now = await clock.now_after(connection, session.subject.id)
    draft = Draft(
        choices=(Choice(purpose=ROOT, outcome=Outcome.REFUSED),),
        reach=reach,
        notice=None,
        channel=Channel.WEB,
        timing=online(now),
        recorded_at=now,
    )
    decisions = _admit(context, book, session, draft, at=now)
    return await _commit(context, connection, book, session, decisions, at=now)


async def note_shown(
    connection: AsyncConnection, client: Client, shown: Shown, *, at: Instant
) -> Showing | None:
    """Keep which text was shown, how it was laid out, and for which client."""
    await served.add(
        connection,
        ServedNotice(
            id=shown.served,
            client_id=client.client_id,
            notice_id=shown.notice.id,
            version=shown.notice.version,
            language=shown.notice.language,
            digest=shown.notice.digest,
            catalogue=shown.catalogue,
        ),
        at=at,
    )
    if shown.layout is None:
        return None
    return await served.note_shown(connection, shown.served, layout=shown.layout, at=at)


def _by_reach(
    book: Book, client: Client, chosen: Choices
) -> list[tuple[Reach, tuple[Choice, ...]]]:
    """Part what only the brand itself may be told from what is told to the group."""
    if chosen.reach is not None or not chosen.parts_own:
        return [(chosen.reach, chosen.choices)]
    own, group = list[Choice](), list[Choice]()
    for choice in chosen.choices:
        terms = find_terms(book.catalogue, client.party, choice.purpose)
        (own if terms is not None and terms.own else group).append(choice)
    parted: list[tuple[Reach, tuple[Choice, ...]]] = [
        (None, tuple(group)),
        (client.party, tuple(own)),
    ]
    return [(reach, choices) for reach, choices in parted if choices]


def _admit(
    context: Context,
    book: Book,
    session: Session,
    draft: Draft,
    *,
    at: Instant,
    actor: str = HUB,
    assurance: Assurance = Assurance.SELF,
) -> list[Decision]:
    subject = session.subject
    decision = admit(
        draft,
        Rights(actor=actor, party=None, collects_for_group=True, assurance=assurance),
        book.catalogue,
        id_=_new_id(context, at),
        subject=subject.id,
        adult=subject.adult,
    )
    lifts = find_lifts(subject.projection, book.catalogue, decision, at, adult=subject.adult)
    return [decision, *(lifting_decision(decision, lift, _new_id(context, at)) for lift in lifts)]


async def _commit(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    session: Session,
    decisions: list[Decision],
    *,
    at: Instant,
) -> Session:
    subject = await commit_decisions(context, connection, book, session.subject, decisions, at=at)
    return Session(subject=subject, device=session.device)


def _new_id(context: Context, at: Instant) -> DecisionId:
    return DecisionId(uuid7(at, context.randomness(RANDOM_BYTES)))
