"""The consent page: what is asked, whom an answer reaches, and what was answered before.

Only what is missing is asked.  ``accept``, ``refuse`` and ``choose`` reach the same brands.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from consentid.brandbook.notice import NoticeTexts
from consentid.core.decision import Outcome, SignalSource
from consentid.core.party import ReachKind
from consentid.core.purpose import PurposeId, is_within
from consentid.web.pages.frame import Frame

TOKEN: Final = "form_token"  # noqa: S105 - a field's name
SERVED: Final = "served"
REACH: Final = "reach"
TOLD: Final = "told"
"""The signal that the page said is honoured."""


class Why(StrEnum):
    """Why a purpose is asked about now: as in ``core.asking``, which has a reason more, the first.

    A first request needs no reason.
    """

    NEW_PURPOSE = "new_purpose"
    NEW_BRAND = "new_brand"
    NEW_ENTITY = "new_entity"
    OWN = "own"
    EXPIRED = "expired"
    CHANGED = "changed"
    LONG_AGO = "long_ago"
    IN_DOUBT = "in_doubt"
    UNANSWERED = "unanswered"
    SHOWN_AGAIN = "shown_again"


class Mistake(StrEnum):
    """What is wrong with an answer to one purpose."""

    MISSING = "missing"
    """Neither yes nor no, where one of them is needed."""
    UNDER_REFUSED = "under_refused"
    """Yes, though a purpose that it is part of was refused in the same answer."""


class Stepped(Protocol):
    """Something of a tree that is shown as a list."""

    @property
    def depth(self) -> int:
        """Steps below the highest above it in the list."""
        ...


_Stepped = TypeVar("_Stepped", bound=Stepped)


def families(shown: Iterable[_Stepped]) -> tuple[tuple[_Stepped, ...], ...]:
    """Each highest with what is below it, in the order shown."""
    found: list[list[_Stepped]] = []
    for one in shown:
        if one.depth == 0 or not found:
            found.append([])
        found[-1].append(one)
    return tuple(tuple(family) for family in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPurpose:
    """A purpose that rests on consent, and is asked now."""

    id: PurposeId
    name: str
    description: str
    depth: int = 0
    """Steps below the highest purpose above it on this page."""
    part_of: str | None = None
    """The name of the purpose above it on this page."""
    topics: tuple[str, ...] = ()
    is_mandatory: bool = True
    uses_third_party_data: bool = False
    until: date | None = None
    """When a yes given today ends by itself."""
    chosen: Outcome | None = None
    """The person's own answer: an earlier one shown again, or one of this form sent back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyAsked:
    """A reason, and what is asked for it."""

    why: Why
    day: date | None
    """When a yes ran out, or when the answer was given that counts no more."""
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """A purpose on legitimate interest: goes on unless the person objects."""

    id: PurposeId
    name: str
    description: str
    is_objected: bool
    ticked: bool
    """What the form shows: what holds, or what was ticked in a form sent back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredPurpose:
    """A purpose that is not asked, since it was answered."""

    name: str
    is_yes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachedParty:
    """A brand or partner that an answer reaches."""

    name: str
    entity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingRequest:
    """A partner asks: who, for whom, until when."""

    partner: str
    entity: str
    address: str
    contact: str
    for_whom: str | None
    """The brand on whose behalf it asks; None where it asks for its own use."""
    until: date | None
    for_entity: str = ""
    """The legal entity that answers for that brand."""
    connection: str | None = None
    """The brand in whose connection it asks for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """An agent asks, who is elsewhere: on the telephone, or across a counter."""

    message: str
    """What they read out, letter by letter."""
    asker: str
    is_captured: bool
    """Whether they say that the person agreed already, which is confirmed as a whole or refused."""
    list_path: str
    """Where the person says that this is none of theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """Answers that are one way in the account and the other on this device."""

    party: str
    account_says_yes: bool
    counts_yes: bool
    """Which of the two counts now."""
    purposes: tuple[str, ...]
    """Their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentView:
    """All that the consent page shows."""

    frame: Frame
    action: str
    """Where the form goes."""
    form_token: str
    served: str
    """What was shown, sealed."""
    reach: ReachKind
    texts: NoticeTexts
    reached: tuple[ReachedParty, ...]
    asked: tuple[AskedPurpose, ...]
    """Each purpose stands right behind what it is part of."""
    memory_days: int
    """How long a no is remembered before it may be asked again."""
    reasons: tuple[WhyAsked, ...] = ()
    """Why this is asked now; none at a first request."""
    interests: tuple[Interest, ...] = ()
    answered: tuple[AnsweredPurpose, ...] = ()
    sharing: SharingRequest | None = None
    honoured: tuple[str, ...] = ()
    """The names of purposes that the browser's signal says no to."""
    differing: tuple[Differing, ...] = ()
    is_signed_in: bool = False
    is_new_here: bool = False
    """Whether to tell that the account's choices count in this browser too."""
    has_adopted: bool = False
    """Whether to tell that this device's choices were attached to the account."""
    is_for_device: bool = False
    """Whether a device waits for what is answered here, or stands already."""
    spoken: Spoken | None = None
    """None unless it was asked from elsewhere."""
    other_reach_path: str | None = None
    """The same page for an answer of the other reach; None where there is no choice."""
    sign_in_path: str | None = None
    """None where nobody can sign in here."""
    can_withdraw: bool = False
    can_go_on: bool = False
    """Whether nothing has to be answered, so that what stands may stand."""
    show_all_path: str | None = None
    """The page with what was answered before; None where that is shown or nothing was."""
    back_path: str | None = None
    """The page without it; None where it is not shown, or the brand wants it shown."""
    mistakes: Mapping[PurposeId, Mistake] = field(default_factory=dict[PurposeId, Mistake])

    @property
    def reaches_group(self) -> bool:
        """Whether an answer holds at all the brands named."""
        return self.reach is ReachKind.GROUP

    @property
    def entities(self) -> frozenset[str]:
        """The legal entities that an answer reaches."""
        return frozenset(one.entity for one in self.reached)

    @property
    def until(self) -> date | None:
        """When the last yes given today ends by itself."""
        return max((one.until for one in self.asked if one.until is not None), default=None)

    @property
    def families(self) -> tuple[tuple[AskedPurpose, ...], ...]:
        """What is asked, each highest purpose with what is part of it."""
        return families(self.asked)

    @property
    def kept(self) -> tuple[tuple[str, str], ...]:
        """What each of its forms carries."""
        told = ((TOLD, SignalSource.GPC),) if self.honoured else ()
        return ((TOKEN, self.form_token), (SERVED, self.served), (REACH, self.reach), *told)

    def parts_of(self, above: AskedPurpose) -> tuple[str, ...]:
        """The names of what is asked besides, as part of a purpose."""
        return tuple(
            one.name for one in self.asked if one.id != above.id and is_within(one.id, above.id)
        )

    @property
    def is_open(self) -> bool:
        """Whether choosing one by one is unfolded: there is something in it to look at."""
        return bool(self.mistakes) or any(one.chosen is not None for one in self.asked)
