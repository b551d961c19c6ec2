"""From an interaction to its consent page: only what is missing, in the order and words shown."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final

from consentid.brandbook.book import Book, Profile
from consentid.core.contradiction import Contradiction
from consentid.core.party import Party, PartyKind, ReachKind, Slug
from consentid.core.resolution import State
from consentid.flows.approval import PAGE
from consentid.flows.interaction_state import ApprovalTask, DeviceTask
from consentid.flows.interactions import Interaction
from consentid.kit.errors import GoneError
from consentid.kit.instants import DAY, SECOND
from consentid.oidc import authorization_details
from consentid.web.pages.consent import (
    AskedPurpose,
    ConsentView,
    Differing,
    ReachedParty,
    SharingRequest,
    Spoken,
)
from consentid.web.pages.consent_purposes import (
    answered_purposes,
    asked_purposes,
    honoured_purposes,
    interests_of,
    reasons_of,
)
from consentid.web.pages.frame import Frame, frame_of

ALL: Final = "all"
"""What ``show`` says in the address of a page that shows also what was answered."""
_DAY_S: Final = DAY // SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What the request for a page adds to its interaction."""

    path: str
    """Of the interaction."""
    sign_in_path: str | None
    form_token: str
    unverified_reach: str | None
    """Which reach the person would rather answer for."""
    shows_all: bool
    """Whether the person wants to see also what was answered."""
    sends_gpc: bool
    """Whether the browser sends Global Privacy Control."""
    today: date


def consent_view(interaction: Interaction, visit: Visit) -> ConsentView:
    """What the page shows.

    Raises:
        GoneError: the brand or partner has left the configuration.
    """
    profile = profile_of(interaction)
    notice = interaction.notice
    reaches = offered_reaches(interaction)
    reach = next((each for each in reaches if each == visit.unverified_reach), reaches[0])
    other = next((each for each in reaches if each is not reach), None)
    plain = f"{visit.path}?lang={notice.language}"
    action = f"{plain}&show={ALL}" if visit.shows_all else plain
    asked = asked_purposes(interaction, visit.today)
    answered = answered_purposes(interaction)
    spoken = _spoken(interaction)
    is_captured = spoken is not None and spoken.is_captured
    return ConsentView(
        frame=_frame(interaction, profile, visit, reach),
        action=f"{action}&reach={reach}",
        form_token=visit.form_token,
        served=interaction.served,
        reach=reach,
        texts=notice.texts,
        reached=_reached(interaction, reach),
        asked=asked,
        memory_days=interaction.book.catalogue.refusal_memory_s // _DAY_S,
        reasons=reasons_of(interaction, asked),
        interests=interests_of(interaction),
        answered=answered,
        sharing=_sharing(interaction, profile, asked),
        honoured=honoured_purposes(interaction) if visit.sends_gpc else (),
        differing=gather_differing(
            interaction.book,
            notice.language,
            interaction.contradictions,
            lambda one: _counts_yes(interaction, one),
        ),
        is_signed_in=interaction.is_signed_in,
        is_new_here=interaction.is_new_here,
        has_adopted=interaction.adopted > 0,
        is_for_device=isinstance(interaction.task, DeviceTask),
        spoken=spoken,
        other_reach_path=None if other is None else f"{action}&reach={other}",
        sign_in_path=None if interaction.is_signed_in else visit.sign_in_path,
        can_go_on=interaction.has_choices and not interaction.mandatory,
        show_all_path=f"{plain}&show={ALL}&reach={reach}" if answered and not is_captured else None,
        back_path=f"{plain}&reach={reach}" if visit.shows_all else None,
        can_withdraw=interaction.has_choices
        and interaction.asker == interaction.party
        and any(found.state is State.GIVEN for found in interaction.resolutions.values()),
    )


def _frame(interaction: Interaction, profile: Profile, visit: Visit, reach: ReachKind) -> Frame:
    """The brand's; the same page in another language asks for as much, and as far."""
    frame = frame_of(interaction.book, profile, interaction.notice.language, path=visit.path)
    kept = f"&show={ALL}&reach={reach}" if visit.shows_all else f"&reach={reach}"
    links = tuple(replace(link, href=f"{link.href}{kept}") for link in frame.languages)
    return replace(frame, languages=links)


def today() -> date:
    """For the dates that a page names."""
    return datetime.now(UTC).date()


def profile_of(interaction: Interaction) -> Profile:
    """Whom the answer is for.

    Raises:
        GoneError: the brand or partner has left the configuration.
    """
    return _find_profile(interaction, interaction.party)


def asker_of(interaction: Interaction) -> Profile:
    """Who asks.

    Raises:
        GoneError: the brand or partner has left the configuration.
    """
    return _find_profile(interaction, interaction.asker)


def _find_profile(interaction: Interaction, party: Party) -> Profile:
    profile = interaction.book.find_profile(party)
    if profile is None:
        raise GoneError("party_gone", f"{party} asks no more.")
    return profile


def offered_reaches(interaction: Interaction) -> tuple[ReachKind, ...]:
    """The reaches to choose from: a notice that names one brand is answered for that brand.

    Were it answered for the group, a no would reach further than a yes.
    """
    if len(interaction.notice.reaches) > 1:
        return interaction.reaches
    own = ReachKind(interaction.party.kind)
    return tuple(reach for reach in interaction.reaches if reach is own)


def _reached(interaction: Interaction, reach: ReachKind) -> tuple[ReachedParty, ...]:
    return tuple(
        ReachedParty(name=one.name, entity=one.entity)
        for one in interaction.notice.reaches
        if reach is ReachKind.GROUP or one.named.party == interaction.party
    )


def _sharing(
    interaction: Interaction, profile: Profile, asked: Sequence[AskedPurpose]
) -> SharingRequest | None:
    if interaction.asker.kind is not PartyKind.PARTNER:
        return None
    is_delegated = interaction.asker != interaction.party
    partner = asker_of(interaction)
    return SharingRequest(
        partner=partner.name,
        entity=partner.entity.name,
        address=partner.entity.address,
        contact=partner.entity.contact,
        for_whom=profile.name if is_delegated else None,
        for_entity=profile.entity.name if is_delegated else "",
        connection=None if is_delegated else _connection(interaction),
        until=max((one.until for one in asked if one.until is not None), default=None),
    )


def _spoken(interaction: Interaction) -> Spoken | None:
    task = interaction.task
    if not isinstance(task, ApprovalTask):
        return None
    return Spoken(
        message=task.message,
        asker=asker_of(interaction).name,
        is_captured=task.capture is not None,
        list_path=PAGE,
    )


def _connection(interaction: Interaction) -> str | None:
    """The brand that a partner names while it asks for itself."""
    kept = interaction.task.details
    named = (
        None
        if kept is None
        else authorization_details.context_of(authorization_details.decode(kept))
    )
    brand = None if named is None else interaction.book.brands.get(Slug(named))
    return None if brand is None else brand.name


def _counts_yes(interaction: Interaction, one: Contradiction) -> bool:
    here = interaction.resolutions.get(one.purpose) if one.party == interaction.party else None
    return one.account_says_yes if here is None else here.permitted


def gather_differing(
    book: Book,
    language: str,
    contradictions: Iterable[Contradiction],
    counts_yes: Callable[[Contradiction], bool],
) -> tuple[Differing, ...]:
    """Say at once what differs alike.

    Args:
        book: names the parties and purposes.
        language: of these names.
        contradictions: between the account and this device.
        counts_yes: whether yes is what counts now.
    """
    names: dict[tuple[str, bool, bool], list[str]] = {}
    for one in contradictions:
        profile = book.find_profile(one.party)
        party = str(one.party.slug) if profile is None else profile.name
        alike = names.setdefault((party, one.account_says_yes, counts_yes(one)), [])
        alike.append(book.texts_of(one.party, one.purpose, language).name)
    return tuple(
        Differing(party=party, account_says_yes=account, counts_yes=now, purposes=tuple(purposes))
        for (party, account, now), purposes in names.items()
    )
