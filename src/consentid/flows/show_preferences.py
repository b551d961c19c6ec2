"""What holds for a person everywhere, and why: the group's answer, and where a brand differs."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.catalogue import find_terms
from consentid.core.contradiction import Contradiction
from consentid.core.explanation import Explanation, explain, resolve_for_group
from consentid.core.party import Party
from consentid.core.purpose import PurposeId
from consentid.core.resolution import Resolution, State, resolve, resolve_all
from consentid.flows.context import Context
from consentid.flows.find_approvals import find_codes
from consentid.flows.preference_page import (
    Coming,
    Errand,
    PreferencePage,
    receive,
    seal_page,
)
from consentid.flows.session import resolve_here
from consentid.flows.show_arrival import show_arrivals
from consentid.flows.show_partners import Partners, find_partners
from consentid.flows.tell_at_hub import find_untold
from consentid.kit.instants import MINUTE
from consentid.store import decisions
from consentid.store.systems import Arrival

_MOMENT: Final = MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What holds at one brand or partner, or for the group, and why."""

    party: Party | None
    """None: what was answered for the group."""
    found: Resolution
    because: Explanation
    is_of_device: bool = False
    """Whether an objection made on this device decides, beneath the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurposeStanding:
    """One purpose, for the group and at everybody that it concerns."""

    purpose: PurposeId
    group: Standing | None
    """None where no brand takes it as the group declares it."""
    parties: tuple[Standing, ...]
    """Brands first, in the order of the files; those that do not use it too."""
    can_answer_group: bool
    """Whether the notice for the group asks it."""
    answerable: frozenset[Party]
    """Those whose own notice asks it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All that the preference centre's first page tells."""

    page: PreferencePage
    errand: Errand
    sealed: str
    """What the forms are made from."""
    purposes: tuple[PurposeStanding, ...]
    """In the order of the files."""
    honoured: tuple[PurposeId, ...]
    """What a browser's signal says no to, and no later yes has lifted."""
    contradictions: tuple[Contradiction, ...]
    partners: Partners
    is_new_device: bool
    """Whether the account is used on this device for the first time, and nobody said so yet."""
    has_just_decided: bool
    """Whether the newest decision is a moment old."""
    arrivals: tuple[Arrival, ...] = ()
    """The systems that were to hear of that one."""
    waiting: int = 0
    """How many questions of agents wait for the person."""

    @property
    def is_signed_in(self) -> bool:
        """Whether these are an account's choices."""
        return self.page.visitor.login is not None

    @property
    def is_known(self) -> bool:
        """Whether there is anybody whose choices these are."""
        return self.page.visitor.session is not None


async def show_preferences(
    context: Context, coming: Coming, *, sends_gpc: bool = False
) -> Overview:
    """Resolve every purpose everywhere.  Nothing is written.

    Raises:
        ForbiddenError: the browser presents no secret to bind the forms to.
        UnavailableError: the database cannot be reached, or no configuration is in force.
    """
    browser = coming.browser
    async with context.database.reading() as connection:
        page, errand = await receive(context, connection, coming)
        just_decided = await _find_just_decided(connection, page)
        arrivals = await _arrivals(context, connection, page, just_decided)
        partners = await find_partners(connection, page)
        waiting = await find_codes(context, connection, page.book, page.visitor, now=page.now)
        untold = await find_untold(
            context, connection, page.book, browser, page.visitor, now=page.now
        )
    honoured = _honoured(page, sends_gpc=sends_gpc)
    return Overview(
        page=page,
        errand=errand,
        sealed=seal_page(context, page, browser, is_told=bool(honoured)),
        purposes=tuple(_purpose(page, purpose) for purpose in page.book.catalogue.purposes),
        honoured=honoured,
        contradictions=untold.contradictions,
        partners=partners,
        is_new_device=untold.is_new_device,
        has_just_decided=just_decided is not None,
        arrivals=arrivals,
        waiting=len(waiting),
    )


async def overview_of(connection: AsyncConnection, page: PreferencePage) -> Overview:
    """The same to look at, where no browser is there that could answer."""
    return Overview(
        page=page,
        errand=Errand(),
        sealed="",
        purposes=tuple(_purpose(page, purpose) for purpose in page.book.catalogue.purposes),
        honoured=_honoured(page, sends_gpc=False),
        contradictions=(),
        partners=await find_partners(connection, page),
        is_new_device=False,
        has_just_decided=False,
    )


def standing_at(page: PreferencePage, party: Party, purpose: PurposeId) -> Standing:
    """What holds at one brand or partner, and why."""
    catalogue, adult = page.book.catalogue, page.adult
    by_subject = resolve(page.projection, catalogue, party, purpose, page.now, adult=adult)
    because = explain(by_subject, page.projection, catalogue, party, purpose, adult=adult)
    session = page.visitor.session
    if session is None or session.device is None:
        return Standing(party=party, found=by_subject, because=because)
    here = resolve_here(page.book, session, party, page.now).get(purpose, by_subject)
    if here.permitted == by_subject.permitted:
        return Standing(party=party, found=by_subject, because=because)
    on_device = session.device.projection
    return Standing(
        party=party,
        found=here,
        because=explain(here, on_device, catalogue, party, purpose, adult=adult),
        is_of_device=True,
    )


async def _find_just_decided(connection: AsyncConnection, page: PreferencePage) -> UUID | None:
    session = page.visitor.session
    if session is None:
        return None
    newest = await decisions.page(connection, session.subject.id, before=None, limit=1)
    return next((row.id for row in newest if page.now - row.recorded_at < _MOMENT), None)


async def _arrivals(
    context: Context, connection: AsyncConnection, page: PreferencePage, decision: UUID | None
) -> tuple[Arrival, ...]:
    session = page.visitor.session
    if session is None or decision is None:
        return ()
    found = await show_arrivals(context, connection, page.book, session.subject.id, [decision])
    return found.get(decision, ())


def _purpose(page: PreferencePage, purpose: PurposeId) -> PurposeStanding:
    catalogue = page.book.catalogue
    parties = [
        *(profile.party for profile in page.book.brands.values()),
        *(
            profile.party
            for profile in page.book.partners.values()
            if find_terms(catalogue, profile.party, purpose) is not None
        ),
    ]
    return PurposeStanding(
        purpose=purpose,
        group=_for_group(page, purpose),
        parties=tuple(standing_at(page, party, purpose) for party in parties),
        can_answer_group=page.find_notice(purpose, None) is not None,
        answerable=frozenset(
            party for party in parties if page.find_notice(purpose, party) is not None
        ),
    )


def _for_group(page: PreferencePage, purpose: PurposeId) -> Standing | None:
    catalogue, adult = page.book.catalogue, page.adult
    looked_up = resolve_for_group(page.projection, catalogue, purpose, page.now, adult=adult)
    if looked_up is None:
        return None
    party, found = looked_up
    because = explain(found, page.projection, catalogue, party, purpose, adult=adult)
    return Standing(party=None, found=found, because=because)


def _honoured(page: PreferencePage, *, sends_gpc: bool) -> tuple[PurposeId, ...]:
    """What a signal says no to: now, for the first time, or still."""
    from_now = frozenset(purpose for each in page.book.group.signals.values() for purpose in each)
    wanted = (from_now if sends_gpc else frozenset[PurposeId]()) | page.signalled
    return tuple(
        purpose
        for purpose in page.book.catalogue.purposes
        if purpose in wanted and not _is_given_somewhere(page, purpose)
    )


def _is_given_somewhere(page: PreferencePage, purpose: PurposeId) -> bool:
    return any(
        found.state is State.GIVEN
        for party in page.book.catalogue.parties
        if (
            found := resolve_all(
                page.projection, page.book.catalogue, party, page.now, adult=page.adult
            ).get(purpose)
        )
        is not None
    )
