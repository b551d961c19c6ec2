"""What somebody else says that a person said: a capture, and what of it counts.

A call centre, a shop, a paper form: the person does not hold our page.  So a *capture* is kept for
itself, and *pending* is a state of a capture, never of consent.  Invariants: a grant that waits
changes no answer; what the person said themselves is never undone by what others say they said.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType
from uuid import UUID

from consentid.core.catalogue import Catalogue, find_terms
from consentid.core.decision import Choice, Outcome
from consentid.core.party import Party
from consentid.core.purpose import ROOT, LegalBasis, PurposeId
from consentid.core.resolution import Resolution, State

CaptureId = NewType("CaptureId", UUID)


class CaptureState(StrEnum):
    """How far a capture has come."""

    PENDING = "pending"
    """A grant waits for the person, or nobody knows yet who that is."""
    HELD = "held"
    """Too many at once: without any effect until an operator of the service has looked at it."""
    RECORDED = "recorded"
    """All of it counts that may, and nothing waits."""
    CONFIRMED = "confirmed"
    """The person said themselves that it is so."""
    REFUSED = "refused"
    """The person said no, now or before."""
    DISPUTED = "disputed"
    """The person says that it is not theirs."""
    EXPIRED = "expired"
    DISCARDED = "discarded"
    """It was held, and an operator of the service let it go."""


OPEN: Final = frozenset({CaptureState.PENDING, CaptureState.HELD})
"""Something may still come of these."""


class EvidenceKind(StrEnum):
    """What shows that it was said."""

    SCRIPT = "script"
    FORM = "form"
    PAPER = "paper"
    RECORDING = "recording"
    CO_REGISTRATION = "co_registration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What shows that it was said; the thing itself stays with whoever captured it."""

    kind: EvidenceKind
    version: str
    """Of the script or form."""
    reference: str | None = None
    """What whoever captured it finds the recording or the paper by."""
    digest: bytes | None = None
    """SHA-256 of the recording or the paper.  32 bytes."""


class Fate(StrEnum):
    """What becomes of one captured choice."""

    COUNTS = "counts"
    WAITS = "waits"
    """For the person."""
    NONE = "none"
    """It is kept as evidence, and nothing follows from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A captured choice and what becomes of it."""

    choice: Choice
    fate: Fate


def weigh(
    choices: Iterable[Choice],
    *,
    held: Mapping[PurposeId, Resolution],
    catalogue: Catalogue,
    asked: Party,
) -> tuple[Weighed, ...]:
    """Say what becomes of each choice, once it is known whose they are.

    ``held`` is what held at the asked before.  A no counts at once.  A yes counts only where the
    catalogue lets an assisted one count, waits for the person elsewhere, and comes to nothing where
    the person said no and may not be asked again.  What is no choice any more comes to nothing.
    """
    return tuple(Weighed(choice=each, fate=_fate(each, held, catalogue, asked)) for each in choices)


def wait(choices: Iterable[Choice]) -> tuple[Weighed, ...]:
    """While nobody knows whose they are, all of them wait."""
    return tuple(Weighed(choice=each, fate=Fate.WAITS) for each in choices)


def state_of(weighed: Iterable[Weighed]) -> CaptureState:
    """The state that a capture is in right after it was weighed."""
    fates = {each.fate for each in weighed}
    if Fate.WAITS in fates:
        return CaptureState.PENDING
    return CaptureState.RECORDED if Fate.COUNTS in fates else CaptureState.REFUSED


def may_refuse(catalogue: Catalogue, purpose: PurposeId) -> bool:
    """Whether a purpose is still one that may be refused."""
    declared = catalogue.purposes.get(purpose)
    return purpose == ROOT or (declared is not None and declared.basis in _ANSWERABLE)


def may_grant(found: Resolution | None) -> bool:
    """Whether what was found for a purpose is still one that may be granted there."""
    return found is not None and found.state not in _NO_CHOICE


_ANSWERABLE: Final = frozenset({LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTEREST})
_NO_CHOICE: Final = frozenset({State.NOT_OFFERED, State.NOT_NEEDED})


def _fate(
    choice: Choice, held: Mapping[PurposeId, Resolution], catalogue: Catalogue, asked: Party
) -> Fate:
    if choice.outcome is Outcome.REFUSED:
        return Fate.COUNTS if may_refuse(catalogue, choice.purpose) else Fate.NONE
    found, terms = held.get(choice.purpose), find_terms(catalogue, asked, choice.purpose)
    if found is None or terms is None or not may_grant(found):
        return Fate.NONE
    if found.standing and not found.may_ask:
        return Fate.NONE
    return Fate.COUNTS if terms.assisted else Fate.WAITS
