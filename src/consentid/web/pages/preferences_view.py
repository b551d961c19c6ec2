"""From what holds to the preference centre's first page."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from consentid.brandbook.book import Book, Profile, Source
from consentid.core.catalogue import find_terms
from consentid.core.contradiction import Contradiction
from consentid.core.decision import Outcome
from consentid.core.explanation import Explanation, Why
from consentid.core.party import Party, PartyKind
from consentid.core.purpose import ROOT, LegalBasis, PurposeId, brand_of, is_within, lineage
from consentid.core.resolution import Resolution, State
from consentid.flows.show_preferences import Overview, PurposeStanding, Standing
from consentid.kit.instants import Instant, to_datetime
from consentid.web.pages.arrival import ArrivalItem
from consentid.web.pages.consent import ReachedParty
from consentid.web.pages.consent_view import gather_differing
from consentid.web.pages.partner_cards import partner_cards
from consentid.web.pages.preferences import (
    Because,
    Centre,
    DepartedPartner,
    PartyLine,
    PreferencesView,
    PurposeCard,
    Section,
    ShownNotice,
    Switch,
    ToldPurpose,
    answer_value,
)

_ANSWERED = {
    State.GIVEN: Outcome.GRANTED,
    State.REFUSED: Outcome.REFUSED,
    State.WITHDRAWN: Outcome.REFUSED,
    State.OBJECTED: Outcome.REFUSED,
}
_UNUSED = frozenset({Why.OFF, Why.NOT_NEEDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the request adds."""

    action: str
    notice_address: Callable[[str], str]
    """Where a brand's notice can be read in full, by its slug."""
    opened: str | None
    """The purpose that was answered last: its card is shown unfolded."""
    is_saved: bool
    arrival: ArrivalItem | None
    """How far the newest answer has come."""


def preferences_view(overview: Overview, centre: Centre, request: Request) -> PreferencesView:
    """What the page shows."""
    return PreferencesView(
        centre=centre,
        action=request.action,
        sealed=overview.sealed,
        notice=_notice(overview, request),
        sections=tuple(_sections(overview, request.opened)),
        told=tuple(_told(overview)),
        partners=tuple(partner_cards(overview)),
        departed=tuple(
            DepartedPartner(name=each.name, on=each.on, reason=each.reason)
            for each in overview.partners.departed
        ),
        honoured=tuple(
            name_of(overview.page.book, each, overview.page.language) for each in overview.honoured
        ),
        differing=gather_differing(
            overview.page.book,
            overview.page.language,
            overview.contradictions,
            lambda one: _counts_yes(overview, one),
        ),
        is_new_device=overview.is_new_device,
        has_yes=any(
            standing.found.state is State.GIVEN
            for purpose in overview.purposes
            for standing in purpose.parties
        ),
        is_saved=request.is_saved,
        arrival=request.arrival,
        waiting=overview.waiting,
    )


def name_of(book: Book, purpose: PurposeId, language: str, party: Party | None = None) -> str:
    """A purpose's name in a party's words, else the group's; the slug of one that is not there."""
    sheet = book.purposes.get(purpose)
    if sheet is None:
        return str(purpose)
    texts = sheet.texts[language] if party is None else book.texts_of(party, purpose, language)
    return texts.name


def day_of(instant: Instant) -> date:
    """The day of an instant, in UTC."""
    return to_datetime(instant).date()


def anchor_of(purpose: PurposeId) -> str:
    """Where on the page a purpose stands."""
    return "p-" + purpose.replace(".", "-").replace(":", "--")


def because_of(
    overview: Overview, because: Explanation, purpose: PurposeId, *, is_of_device: bool = False
) -> Because:
    """Make an explanation ready for a sentence."""
    page = overview.page
    decided = because.purpose
    return Because(
        why=because.why,
        on=None if because.at is None else day_of(because.at),
        is_here=because.reach is not None,
        part_of=None
        if decided in (None, purpose, ROOT)
        else name_of(page.book, decided or purpose, page.language),
        was_everything=decided == ROOT,
        withdrew=because.withdrew,
        is_of_device=is_of_device,
    )


def sections_of(overview: Overview) -> tuple[Section, ...]:
    """The purposes and what holds of each, with nothing unfolded."""
    return tuple(_sections(overview, None))


def _sections(overview: Overview, opened: str | None) -> Iterable[Section]:
    shown = [each for each in overview.purposes if any(_is_answerable(one) for one in each.parties)]
    of_group = [each for each in shown if brand_of(each.purpose) is None]
    if of_group:
        yield Section(brand=None, cards=_cards(overview, of_group, opened))
    for profile in overview.page.book.brands.values():
        own = [each for each in shown if brand_of(each.purpose) == profile.party.slug]
        if own:
            yield Section(brand=profile.name, cards=_cards(overview, own, opened))


def _is_answerable(standing: Standing) -> bool:
    return standing.found.state not in (State.NOT_NEEDED, State.NOT_OFFERED)


def _cards(
    overview: Overview, purposes: Iterable[PurposeStanding], opened: str | None
) -> tuple[PurposeCard, ...]:
    shown = list(purposes)
    ids = [each.purpose for each in shown]
    names = {id_: name_of(overview.page.book, id_, overview.page.language) for id_ in ids}
    return tuple(_card(overview, each, names, opened) for each in shown)


def _card(
    overview: Overview,
    standing: PurposeStanding,
    names: Mapping[PurposeId, str],
    opened: str | None,
) -> PurposeCard:
    page, id_ = overview.page, standing.purpose
    sheet = page.book.purposes[id_]
    name, description = names[id_], sheet.texts[page.language].description
    notice = page.group_notice
    is_own = brand_of(id_) is not None
    if notice is not None and standing.can_answer_group and not is_own:
        entry = next(each for each in notice.entries if each.id == id_)
        name, description = entry.name, entry.description
    group = standing.group
    is_for_group = standing.can_answer_group and group is not None and not is_own
    return PurposeCard(
        id=id_,
        anchor=anchor_of(id_),
        name=name,
        description=description,
        depth=sum(above in names for above in lineage(id_)[1:]),
        topics=tuple(topic.names[page.language] for topic in sheet.topics),
        uses_third_party_data=sheet.source is Source.THIRD_PARTY,
        switch=_switch(page.book, None, id_, group.found) if is_for_group and group else None,
        group=because_of(overview, group.because, id_) if is_for_group and group else None,
        is_yes=group is not None and group.found.permitted,
        until=_common_end(standing) if is_for_group else None,
        lines=tuple(
            _line(overview, standing, one, name, is_for_group=is_for_group)
            for one in standing.parties
            if not is_own or one.found.state is not State.NOT_OFFERED
        ),
        includes=tuple(
            each for other, each in names.items() if other != id_ and is_within(other, id_)
        ),
        is_open=opened == id_,
    )


def _line(
    overview: Overview,
    purpose: PurposeStanding,
    standing: Standing,
    name: str,
    *,
    is_for_group: bool,
) -> PartyLine:
    page, id_ = overview.page, purpose.purpose
    profile = None if standing.party is None else page.book.find_profile(standing.party)
    if profile is None:
        msg = "a line is of a brand or partner of the catalogue, and each of them has a profile"
        raise RuntimeError(msg)
    because = standing.because
    is_partner = profile.party.kind is PartyKind.PARTNER
    is_used = because.why not in _UNUSED
    group = purpose.group
    own = page.book.texts_of(profile.party, id_, page.language)
    says_otherwise = own.name != name and brand_of(id_) is None and is_used
    return PartyLine(
        name=profile.name,
        entity=profile.entity.name,
        is_partner=is_partner,
        is_used=is_used,
        is_yes=standing.found.permitted,
        because=because_of(overview, because, id_, is_of_device=standing.is_of_device),
        until=_until(standing.found),
        differs=is_used and _differs(group if is_for_group else None, standing),
        switch=_switch(page.book, profile, id_, standing.found)
        if profile.party in purpose.answerable
        and standing.found.state not in (State.NOT_OFFERED, State.NOT_NEEDED)
        else None,
        own_name=own.name if says_otherwise else None,
        own_description=own.description if says_otherwise else None,
    )


def _differs(group: Standing | None, standing: Standing) -> bool:
    """Whether a line is worth telling beside the group's answer."""
    if group is None:
        return False
    if standing.party is not None and standing.party.kind is PartyKind.PARTNER:
        return standing.found.state in _ANSWERED and standing.because.reach is not None
    if standing.because.why is Why.ADULTS:
        return group.found.permitted
    return standing.found.permitted != group.found.permitted


def _switch(book: Book, profile: Profile | None, purpose: PurposeId, found: Resolution) -> Switch:
    reach = None if profile is None else profile.party
    terms = None if reach is None else find_terms(book.catalogue, reach, purpose)
    basis = book.catalogue.purposes[purpose].basis if terms is None else terms.basis
    return Switch(
        no=answer_value(Outcome.REFUSED, reach, purpose),
        yes=answer_value(Outcome.GRANTED, reach, purpose),
        current=None if found.waiting is not None else _ANSWERED.get(found.state),
        is_interest=basis is LegalBasis.LEGITIMATE_INTEREST,
    )


def _until(found: Resolution) -> date | None:
    return None if found.expires_at is None else day_of(found.expires_at)


def _common_end(standing: PurposeStanding) -> date | None:
    """When the yes for the group ends, where it ends on one day everywhere."""
    ends = {
        one.found.expires_at
        for one in standing.parties
        if one.found.state is State.GIVEN and one.because.reach is None
    }
    days = {day_of(each) for each in ends if each is not None}
    return days.pop() if len(days) == 1 else None


def _notice(overview: Overview, request: Request) -> ShownNotice | None:
    notice = overview.page.group_notice
    if notice is None:
        return None
    return ShownNotice(
        texts=notice.texts,
        reached=tuple(ReachedParty(name=one.name, entity=one.entity) for one in notice.reaches),
        href=request.notice_address(notice.id),
    )


def _told(overview: Overview) -> Iterable[ToldPurpose]:
    page = overview.page
    for each in overview.purposes:
        if any(one.found.state is State.NOT_NEEDED for one in each.parties):
            texts = page.book.purposes[each.purpose].texts[page.language]
            yield ToldPurpose(
                name=texts.name,
                description=texts.description,
                basis=page.book.catalogue.purposes[each.purpose].basis,
            )


def _counts_yes(overview: Overview, one: Contradiction) -> bool:
    return next(
        standing.found.permitted
        for purpose in overview.purposes
        if purpose.purpose == one.purpose
        for standing in purpose.parties
        if standing.party == one.party
    )
