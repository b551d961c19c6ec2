"""From what partners hold of a person to their cards in the preference centre."""

from collections.abc import Iterable

from consentid.core.decision import Outcome
from consentid.core.party import Party, PartyKind
from consentid.core.purpose import PurposeId
from consentid.core.resolution import State
from consentid.flows.show_partners import Passing
from consentid.flows.show_preferences import Overview, Standing
from consentid.kit.instants import to_datetime
from consentid.web.pages.preferences import (
    Chain,
    PartnerCard,
    PartnerYes,
    answer_value,
    reach_value,
)

WITHDRAW = "withdraw"


def partner_cards(overview: Overview) -> Iterable[PartnerCard]:
    """One card for each partner that holds anything, in the order of the files."""
    for profile in overview.page.book.partners.values():
        party = profile.party
        yes = tuple(_yes(overview, party))
        chains = tuple(
            _chain(overview, each) for each in overview.partners.passings if each.path[-1] == party
        )
        if yes or chains:
            yield PartnerCard(
                anchor=f"partner-{party.slug}",
                name=profile.name,
                entity=profile.entity.name,
                contact=profile.entity.contact,
                yes=yes,
                chains=chains,
                take_back=f"{WITHDRAW} {reach_value(party)}",
            )


def _yes(overview: Overview, partner: Party) -> Iterable[PartnerYes]:
    """Its own first, then what it asked for brands, as long as that very yes counts."""
    for purpose in overview.purposes:
        for standing in purpose.parties:
            if standing.party == partner and standing.found.state is State.GIVEN:
                yield _one(overview, purpose.purpose, standing, brand=None)
    for purpose in overview.purposes:
        for standing in purpose.parties:
            grant = standing.found.grant
            if (
                standing.party is not None
                and standing.party.kind is PartyKind.BRAND
                and standing.found.state is State.GIVEN
                and grant is not None
                and overview.partners.asked_by.get(grant.decision) == partner
            ):
                yield _one(overview, purpose.purpose, standing, brand=standing.party)


def _one(
    overview: Overview, purpose: PurposeId, standing: Standing, *, brand: Party | None
) -> PartnerYes:
    ends = standing.found.expires_at
    page = overview.page
    whose = standing.party
    if whose is None:
        msg = "a partner's yes counts at a brand or partner, never for the group"
        raise RuntimeError(msg)
    return PartnerYes(
        purpose=page.book.texts_of(whose, purpose, page.language).name,
        until=None if ends is None else to_datetime(ends).date(),
        brand=None if brand is None else _name(overview, brand),
        no=answer_value(Outcome.REFUSED, whose, purpose),
    )


def _chain(overview: Overview, passing: Passing) -> Chain:
    page = overview.page
    origin = passing.path[0]

    def named(purpose: PurposeId) -> str:
        return page.book.texts_of(origin, purpose, page.language).name

    return Chain(
        path=tuple(_name(overview, each) for each in passing.path),
        purposes=tuple(named(each) for each in passing.purposes),
        rests_on=named(passing.rests_on[0]),
        is_used=passing.is_used,
    )


def _name(overview: Overview, party: Party) -> str:
    profile = overview.page.book.find_profile(party)
    return str(party.slug) if profile is None else profile.name
