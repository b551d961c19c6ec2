"""A person changes their mind at the hub: one purpose, all of them, or everything taken back.

A yes is given under a notice that was on the page, and reaches whom that notice names; a no needs
none and is recorded under the one that was shown.  Both are the same act.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.notice import Notice
from consentid.core.decision import Choice, Outcome, SignalSource
from consentid.core.party import Party, PartyKind, Reach
from consentid.core.purpose import LegalBasis, PurposeId
from consentid.core.resolution import State, resolve
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, create_hub_device
from consentid.flows.preference_page import PreferencePage, ShownPage, hub_client, open_page
from consentid.flows.record_choices import HUB, Choices, record_choices, record_withdrawal
from consentid.flows.session import Session, open_session
from consentid.flows.tell_at_hub import note_told
from consentid.kit.errors import MalformedError


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOne:
    """Yes or no to one purpose, for the group or for one brand or partner."""

    purpose: PurposeId
    outcome: Outcome
    reach: Reach


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerAll:
    """Yes or no to all that the group's notice asks."""

    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBackAll:
    """Everything that was agreed to, everywhere, is agreed to no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBackAt:
    """Nothing counts any longer at one brand or partner, nor is anything passed on to it."""

    party: Party


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What was told was read.  No choice."""


Change: TypeAlias = AnswerOne | AnswerAll | TakeBackAll | TakeBackAt | Understood


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What became of a change."""

    device_credential: str | None = None
    """Set it as the device cookie: the person made a first choice in this browser."""
    known_here: str | None = None
    """Set it as the cookie that remembers which accounts were seen here."""


async def change_preferences(
    context: Context,
    browser: Browser,
    change: Change,
    *,
    unverified_page: str,
    layout: bytes,
    signals: Mapping[SignalSource, bool],
) -> Changed:
    """Record a change, once the caller made sure that the form came from our page.

    ``layout`` is the digest of how the page lays out what it shows.

    Raises:
        ConflictError: ``form_stale``: the configuration or the person changed since the page was
            made.
        ForbiddenError, MalformedError: the form is not one of ours; see ``core.admission.admit``.
    """
    async with context.database.writing() as connection:
        shown = await open_page(context, connection, browser, unverified_page)
        page = shown.page
        # Who presses a button of the page has read what it says.
        known_here = await note_told(
            context, connection, page.book, browser, page.visitor, now=page.now
        )
        match change:
            case AnswerOne():
                notice = page.find_notice(change.purpose, change.reach)
                if notice is None:
                    raise _not_asked()
                choices = (Choice(purpose=change.purpose, outcome=change.outcome),)
                reach = change.reach
            case AnswerAll():
                notice, reach = page.group_notice, None
                if notice is None:
                    raise _not_asked()
                choices = _all(page, notice, change.outcome)
            case TakeBackAll():
                if page.visitor.session is None:
                    raise MalformedError("nothing_to_withdraw", "Nothing was chosen here yet.")
                await record_withdrawal(
                    context, connection, page.book, page.visitor.session, reach=None
                )
                return Changed(known_here=known_here)
            case TakeBackAt():
                if page.visitor.session is None or change.party not in page.book.catalogue.parties:
                    raise MalformedError("nothing_to_withdraw", "Nothing was chosen there yet.")
                await record_withdrawal(
                    context, connection, page.book, page.visitor.session, reach=change.party
                )
                return Changed(known_here=known_here)
            case Understood():
                return Changed(known_here=known_here)
            case _:
                assert_never(change)
        chosen = Choices(
            choices=choices,
            reach=reach,
            signals=signals,
            told_of_signal=shown.is_told,
            parts_own=False,
        )
        credential = await _record(
            context, connection, browser, shown, notice=notice, chosen=chosen, layout=layout
        )
    return Changed(device_credential=credential, known_here=known_here)


async def _record(
    context: Context,
    connection: AsyncConnection,
    browser: Browser,
    shown: ShownPage,
    *,
    notice: Notice,
    chosen: Choices,
    layout: bytes,
) -> str | None:
    page = shown.page
    session: Session | None = page.visitor.session
    credential = None
    if session is None:  # the first explicit choice in this browser
        device, credential = await create_hub_device(
            context, connection, browser, act=shown.served, client_id=HUB, at=page.now
        )
        session = await open_session(context, connection, subject=device, device=None, lock=True)
    await record_choices(
        context,
        connection,
        page.book,
        session,
        hub_client(notice.party),
        shown=replace(shown.shown(notice), layout=layout),
        chosen=chosen,
    )
    return credential


def _all(page: PreferencePage, notice: Notice, outcome: Outcome) -> tuple[Choice, ...]:
    """Accepting grants what rests on consent; refusing refuses all that the notice shows."""
    shown = [
        entry.id
        for entry in notice.entries
        if (outcome is Outcome.REFUSED or entry.basis is LegalBasis.CONSENT)
        and _is_offered_somewhere(page, notice, entry.id)
    ]
    return tuple(Choice(purpose=purpose, outcome=outcome) for purpose in shown)


def _is_offered_somewhere(page: PreferencePage, notice: Notice, purpose: PurposeId) -> bool:
    parties: list[Party] = [
        named.party for named in notice.names if named.party.kind is PartyKind.BRAND
    ]
    return any(
        resolve(
            page.projection, page.book.catalogue, party, purpose, page.now, adult=page.adult
        ).state
        not in (State.NOT_OFFERED, State.NOT_NEEDED)
        for party in parties
        if party in page.book.catalogue.parties
    )


def _not_asked() -> MalformedError:
    return MalformedError(
        "purpose_not_in_notice", "No notice on this page asks for that.", where="purpose"
    )
