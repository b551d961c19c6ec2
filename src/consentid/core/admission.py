"""Whether a draft becomes a decision: the form rule, the notice, and the client's rights.

An admitted decision can be resolved; a refused draft is refused by name, with the place of the
offending value.  Nothing here looks at what was decided before: any order of arrival admits the
same decisions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from consentid.core.catalogue import Catalogue, Terms, find_terms
from consentid.core.clock import Timing
from consentid.core.decision import (
    MAX_CHOICES,
    Assurance,
    CatalogueVersion,
    Channel,
    Choice,
    Decision,
    DecisionId,
    NoticeRef,
    Outcome,
    ServedId,
    Showing,
    SubjectId,
)
from consentid.core.party import Party, PartyKind, Reach, can_cover
from consentid.core.purpose import (
    ROOT,
    LegalBasis,
    PurposeId,
    brand_of,
    is_well_formed,
    lineage,
)
from consentid.kit.errors import ConflictError, ForbiddenError, MalformedError
from consentid.kit.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownNotice:
    """A stored notice as it was shown.  Nothing in it comes from the request."""

    ref: NoticeRef
    purposes: frozenset[PurposeId]
    """What it asked about."""
    catalogue: CatalogueVersion
    """The version in force when it was served: an answer is never newer than its question."""
    is_current: bool = True
    """Whether it may still be answered; what was captured offline always may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What the calling client may do."""

    actor: str
    """The client's id."""
    party: Party | None
    """The brand or partner it speaks for; None is the hub, which speaks for all."""
    collects_for_group: bool
    assurance: Assurance


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a request says, not yet judged.  A withdrawal is a draft without a notice."""

    choices: tuple[Choice, ...]
    reach: Reach
    notice: ShownNotice | None
    channel: Channel
    timing: Timing
    recorded_at: Instant
    served: ServedId | None = None
    showing: Showing | None = None
    told_of_signal: bool = False
    prompted_by: str | None = None


def admit(
    draft: Draft,
    rights: Rights,
    catalogue: Catalogue,
    *,
    id_: DecisionId,
    subject: SubjectId,
    adult: bool,
) -> Decision:
    """Judge a draft and make it a decision.

    ``adult`` is whether the portal recorded the subject as an adult; unknown is no.

    Raises:
        MalformedError: ``choices_missing``, ``choices_too_many``, ``purpose_malformed``,
            ``purpose_unknown``, ``purpose_repeated``, ``refusal_covers_grant``,
            ``root_granted``, ``notice_missing``, ``purpose_not_in_notice``,
            ``party_unknown``, ``party_not_named``, ``purpose_not_offered``,
            ``purpose_not_a_choice``.
        ForbiddenError: ``party_not_yours``, ``group_grant_not_yours``.
        ConflictError: ``notice_not_current``.
    """
    _check_form(draft.choices)
    _check_reach(draft, rights, catalogue)
    _check_notice(draft)
    for place, choice in enumerate(draft.choices):
        _check_purpose(choice, f"choices[{place}].purpose", draft, catalogue, adult=adult)
    notice = draft.notice
    return Decision(
        id=id_,
        subject=subject,
        choices=draft.choices,
        reach=draft.reach,
        notice=None if notice is None else notice.ref,
        catalogue=catalogue.version if notice is None else notice.catalogue,
        interval=draft.timing.interval,
        recorded_at=draft.recorded_at,
        assurance=rights.assurance,
        channel=draft.channel,
        actor=rights.actor,
        served=draft.served,
        showing=draft.showing,
        told_of_signal=draft.told_of_signal and _grants(draft),
        clock_unproven=draft.timing.clock_unproven,
        prompted_by=draft.prompted_by,
    )


def _check_form(choices: tuple[Choice, ...]) -> None:
    """Paragraph 6: 1 to 64 choices, each purpose once, nothing granted beneath a refusal."""
    if not choices:
        raise MalformedError("choices_missing", "name at least one choice", where="choices")
    if len(choices) > MAX_CHOICES:
        raise MalformedError(
            "choices_too_many", f"name at most {MAX_CHOICES} choices", where="choices"
        )
    seen: dict[PurposeId, Outcome] = {}
    for place, choice in enumerate(choices):
        where = f"choices[{place}].purpose"
        if choice.purpose != ROOT and not is_well_formed(choice.purpose):
            raise MalformedError(
                "purpose_malformed", "a purpose is a slug such as ads.measurement", where=where
            )
        if choice.purpose in seen:
            raise MalformedError("purpose_repeated", "a decision names a purpose once", where=where)
        if choice.purpose == ROOT and choice.outcome is Outcome.GRANTED:
            raise MalformedError("root_granted", "the root * exists for refusals only", where=where)
        seen[choice.purpose] = choice.outcome
    for place, choice in enumerate(choices):
        if choice.outcome is Outcome.GRANTED and any(
            seen.get(above) is Outcome.REFUSED for above in lineage(choice.purpose)
        ):
            raise MalformedError(
                "refusal_covers_grant",
                "a decision cannot refuse a purpose and grant what lies beneath it",
                where=f"choices[{place}].purpose",
            )


def _check_reach(draft: Draft, rights: Rights, catalogue: Catalogue) -> None:
    """Who may speak for whom: grants for oneself, refusals for oneself and for the group."""
    if draft.reach is not None and draft.reach not in catalogue.parties:
        raise MalformedError(
            "party_unknown", "no such brand or partner in the catalogue", where="reach"
        )
    if rights.party is None:
        return
    if draft.reach is not None and draft.reach != rights.party:
        raise ForbiddenError(
            "party_not_yours",
            f"this client speaks for {rights.party} and for nobody else",
            where="reach",
        )
    may_grant_for_group = rights.collects_for_group and rights.party.kind is PartyKind.BRAND
    if draft.reach is None and _grants(draft) and not may_grant_for_group:
        raise ForbiddenError(
            "group_grant_not_yours",
            f"this client may grant for {rights.party} only; refusals may be for the group",
            where="reach",
        )


def _check_notice(draft: Draft) -> None:
    """A grant answers a notice that is current and names those it is for."""
    notice = draft.notice
    if notice is None:
        if _grants(draft):
            raise MalformedError(
                "notice_missing", "a grant names the notice that it answers", where="notice"
            )
        return
    if not notice.is_current:
        raise ConflictError(
            "notice_not_current", "show the current notice and ask again", where="notice"
        )
    if _grants(draft) and not any(can_cover(draft.reach, n.party) for n in notice.ref.names):
        raise MalformedError(
            "party_not_named", "the notice names nobody whom this reach covers", where="notice"
        )


def _check_purpose(
    choice: Choice, where: str, draft: Draft, catalogue: Catalogue, *, adult: bool
) -> None:
    """A choice is about a purpose that was shown, and that this reach can answer."""
    purpose = choice.purpose
    if purpose == ROOT:
        return
    declared = catalogue.purposes.get(purpose)
    if declared is None:
        raise MalformedError("purpose_unknown", "no such purpose in the catalogue", where=where)
    if draft.notice is not None and purpose not in draft.notice.purposes:
        raise MalformedError(
            "purpose_not_in_notice", "the notice did not ask about this purpose", where=where
        )
    if choice.outcome is Outcome.GRANTED:
        terms = [
            held for held in _terms(draft, purpose, catalogue) if adult or not held.adults_only
        ]
        is_offered = bool(terms)
        bases = {held.basis for held in terms}
    else:
        # What is switched off today may still be withdrawn: a no needs no offer.
        is_offered = not _is_of_another(purpose, draft.reach)
        bases = {declared.basis}
    if not is_offered:
        raise MalformedError(
            "purpose_not_offered", "this purpose is not offered for this reach", where=where
        )
    if not bases & _ANSWERABLE:
        raise MalformedError(
            "purpose_not_a_choice",
            "this purpose rests neither on consent nor on legitimate interest",
            where=where,
        )


_ANSWERABLE: Final = frozenset({LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTEREST})
"""A grant under legitimate interest lifts an objection, and counts where a brand asks consent."""


def _terms(draft: Draft, purpose: PurposeId, catalogue: Catalogue) -> Iterator[Terms]:
    """What holds for the purpose at each party that a grant of this draft can cover."""
    if draft.notice is not None:
        for named in draft.notice.ref.names:
            if can_cover(draft.reach, named.party):
                terms = find_terms(catalogue, named.party, purpose)
                if terms is not None:
                    yield terms


def _grants(draft: Draft) -> bool:
    return any(choice.outcome is Outcome.GRANTED for choice in draft.choices)


def _is_of_another(purpose: PurposeId, reach: Reach) -> bool:
    """Whether the purpose belongs to one brand, and the reach is somebody else."""
    brand = brand_of(purpose)
    return (
        brand is not None and reach is not None and reach != Party(kind=PartyKind.BRAND, slug=brand)
    )
