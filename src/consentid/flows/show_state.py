"""What holds now for a subject at the caller's brand, what may be asked, and why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

import msgspec

from consentid.brandbook.book import Book
from consentid.core.catalogue import Terms, terms_of
from consentid.core.decision import CatalogueVersion, DecisionId, SubjectId
from consentid.core.party import Party
from consentid.core.purpose import PurposeId
from consentid.core.resolution import Resolution
from consentid.flows.authenticate import Caller
from consentid.flows.consistency import check_at_least, consistency_of
from consentid.flows.context import Context
from consentid.flows.note_read import note_read
from consentid.flows.read_buffer import ReadKind
from consentid.flows.session import open_session, resolve_here
from consentid.kit.errors import ForbiddenError
from consentid.kit.instants import HOUR, Instant, to_rfc3339
from consentid.store import clock
from consentid.telemetry.tracing import step
from consentid.tokens.pairwise import pairwise_decision_id


class PurposeState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What holds for one purpose."""

    purpose: str
    state: str
    permitted: bool
    """Yes or no: all that a site acts on."""
    may_ask: bool
    """Whether the person may be asked now."""
    basis: str
    mandatory: bool
    """Whether it must be answered before a silent check succeeds."""
    in_doubt: bool = False
    """Whether the refusal may be older than the grant that it defeats."""
    waits_for_link: bool = False
    """Whether the person said yes, and it counts once they say so by a link: see ``/v1/links``."""
    rests_on: str | None = None
    """The decision that a yes rests on, by its id in the caller's sector."""
    refused_by: tuple[str, ...] = ()
    """What stands in the way: ``group``, ``own`` (this brand or partner), or a signal's name."""
    expires_at: str | None = None
    """When a yes ends by itself.  RFC 3339."""


class StateOut(msgspec.Struct, frozen=True, kw_only=True):
    """The effective state of a subject at one brand or partner."""

    party: str
    catalogue: int
    purposes: Sequence[PurposeState]
    """Every purpose offered there, in the brand's order."""
    ask: Sequence[str]
    """The purposes that are missing: what to put on the form, and nothing else."""
    consistency: str


@step("show_state")
async def show_state(context: Context, caller: Caller, *, at_least: str | None) -> StateOut:
    """The state alone; see ``look_at_state``."""
    return (await look_at_state(context, caller, at_least=at_least)).state


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSeen:
    """A state, and the versions that it was made from."""

    state: StateOut
    catalogue: CatalogueVersion
    versions: Mapping[SubjectId, int]


async def look_at_state(context: Context, caller: Caller, *, at_least: str | None) -> StateSeen:
    """Resolve a subject's choices for the caller's brand or partner.

    Raises:
        ForbiddenError: no subject, or the brand is in the catalogue no longer.
        MalformedError: ``at_least`` is not a reference of this caller's sector.
        UnauthenticatedError: the subject was erased.
        UnavailableError: this node has not seen yet what ``at_least`` speaks of.
    """
    subject = caller.require_subject()
    async with context.database.reading() as connection:
        book = await context.book(connection)
        session = await open_session(context, connection, subject=subject, device=caller.device)
        check_at_least(context, caller.client.party, session, at_least)
        now = await clock.now(connection)
    party = caller.client.party
    require_party(book, party)
    resolutions = resolve_here(book, session, party, now)
    note_read(context, subject, caller.client.client_id, ReadKind.STATE)
    opened = [each for each in (session.subject, session.device) if each is not None]
    return StateSeen(
        state=StateOut(
            party=str(party),
            catalogue=book.catalogue.version,
            purposes=describe(context, book, party, resolutions),
            ask=asks(book, party, resolutions),
            consistency=consistency_of(context, party, session.subject),
        ),
        catalogue=book.catalogue.version,
        versions={each.id: each.version for each in opened},
    )


def require_party(book: Book, party: Party) -> None:
    """Insist that a brand or partner is in the catalogue in force.

    Raises:
        ForbiddenError: it has left.
    """
    if party not in book.catalogue.parties:
        raise ForbiddenError("party_gone", f"{party} is not in the catalogue in force.")


def asks(book: Book, party: Party, resolutions: Mapping[PurposeId, Resolution]) -> tuple[str, ...]:
    """The purposes that may be asked now, in the party's order."""
    return tuple(
        purpose for purpose in _ordered(book, party, resolutions) if resolutions[purpose].may_ask
    )


def describe(
    context: Context, book: Book, party: Party, resolutions: Mapping[PurposeId, Resolution]
) -> tuple[PurposeState, ...]:
    """Put resolutions into the words of the API, in the party's order."""
    terms = terms_of(book.catalogue, party)
    # One decision usually speaks for many purposes.
    id_of = cache(partial(public_decision_id, context, party))
    return tuple(
        _describe(book, terms.get(purpose), purpose, resolutions[purpose], id_of)
        for purpose in _ordered(book, party, resolutions)
    )


def _ordered(
    book: Book, party: Party, resolutions: Mapping[PurposeId, Resolution]
) -> tuple[PurposeId, ...]:
    profile = book.find_profile(party)
    order = () if profile is None else profile.order
    shown = [purpose for purpose in order if purpose in resolutions]
    return (*shown, *(purpose for purpose in resolutions if purpose not in order))


def _describe(
    book: Book,
    terms: Terms | None,
    purpose: PurposeId,
    found: Resolution,
    id_of: Callable[[DecisionId], str],
) -> PurposeState:
    declared = book.catalogue.purposes[purpose]
    return PurposeState(
        purpose=purpose,
        state=found.state,
        permitted=found.permitted,
        may_ask=found.may_ask,
        basis=declared.basis if terms is None else terms.basis,
        mandatory=terms is not None and terms.ask,
        in_doubt=found.in_doubt,
        waits_for_link=found.waiting is not None,
        rests_on=None if found.grant is None else id_of(found.grant.decision),
        refused_by=tuple(
            sorted(
                {
                    refusal.source or ("group" if refusal.reach is None else "own")
                    for refusal in found.standing
                }
            )
        ),
        expires_at=None if found.expires_at is None else _text(found.expires_at),
    )


def public_decision_id(context: Context, party: Party, decision: DecisionId) -> str:
    """A decision's id as one brand or partner knows it.  22 characters."""
    return pairwise_decision_id(context.keyring.pairwise, str(party), decision.bytes)


def _text(instant: Instant) -> str:
    """To the hour, rounded down: the exact instant would join a person across brands."""
    return to_rfc3339(Instant(instant - instant % HOUR))
