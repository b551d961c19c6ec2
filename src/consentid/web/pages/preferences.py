"""The preference centre: what holds everywhere, why, and one act away from another answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from consentid.brandbook.notice import NoticeTexts
from consentid.core.decision import Outcome
from consentid.core.explanation import Why
from consentid.core.party import Party, Reach
from consentid.core.purpose import PurposeId
from consentid.flows.approval import PAGE as APPROVALS
from consentid.web.pages.arrival import ArrivalItem
from consentid.web.pages.consent import Differing, ReachedParty, families
from consentid.web.pages.frame import Frame

TOKEN: Final = "form_token"  # noqa: S105 - a field's name
PAGE: Final = "page"
"""What was shown, sealed."""
ANSWER: Final = "answer"
ACT: Final = "act"
GROUP: Final = "group"


class Tab(StrEnum):
    """The pages of the preference centre."""

    CHOICES = "choices"
    HISTORY = "history"
    CAPTURES = "captures"
    READS = "reads"
    DEVICES = "devices"


@dataclass(frozen=True, slots=True, kw_only=True)
class TabLink:
    """A page of the preference centre, in its menu."""

    tab: Tab
    href: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Centre:
    """What stands around each page of the preference centre."""

    frame: Frame
    tabs: tuple[TabLink, ...]
    form_token: str
    is_signed_in: bool
    is_known: bool
    """Whether there is anybody whose choices these are."""
    sign_in_path: str | None
    """None where nobody can sign in here, or somebody is."""
    sign_out_action: str
    download_path: str
    data_path: str
    """The same to read."""
    support_path: str
    """Where a code is made that lets support see it."""
    back: str | None
    """An address at the brand that the person came from, registered there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """Why an answer is what it is, ready for a sentence."""

    why: Why
    on: date | None = None
    is_here: bool = False
    """Whether the decision was about this one brand or partner."""
    part_of: str | None = None
    """The name of the purpose that was answered, where this is a part of it."""
    was_everything: bool = False
    """Whether everything was taken back at once."""
    withdrew: bool = False
    is_of_device: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """Two buttons that look alike: no and yes."""

    no: str
    """What pressing it sends."""
    yes: str
    current: Outcome | None
    """The answer that stands; None where none does."""
    is_interest: bool = False
    """Whether the question is one of objecting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyLine:
    """One brand or partner, under one purpose."""

    name: str
    entity: str
    is_partner: bool
    is_used: bool
    """Whether the brand does this at all."""
    is_yes: bool
    because: Because
    until: date | None = None
    differs: bool = False
    """Whether it is not what was answered for the group."""
    switch: Switch | None = None
    own_name: str | None = None
    """How the brand's own notice names the purpose, where it says it otherwise."""
    own_description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PurposeCard:
    """One purpose: the group's answer, where it differs and why, and the way to change it."""

    id: PurposeId
    anchor: str
    name: str
    description: str
    depth: int
    topics: tuple[str, ...]
    uses_third_party_data: bool
    switch: Switch | None
    """For the group; None where it is answered brand by brand."""
    group: Because | None
    is_yes: bool
    until: date | None
    lines: tuple[PartyLine, ...]
    includes: tuple[str, ...] = ()
    """The names of what is part of it, and answered with it."""
    is_open: bool = False

    @property
    def brands(self) -> tuple[PartyLine, ...]:
        """The brands that do this."""
        return tuple(line for line in self.lines if line.is_used and not line.is_partner)

    @property
    def counts(self) -> bool:
        """Whether yes counts: for the group, or at the one brand that asks."""
        return self.is_yes if self.group is not None else any(line.is_yes for line in self.brands)

    @property
    def differing(self) -> tuple[PartyLine, ...]:
        """Where it is otherwise than answered for the group."""
        return tuple(line for line in self.lines if line.differs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A purpose, and what is part of it."""

    head: PurposeCard
    parts: Sequence[PurposeCard]

    @property
    def is_open(self) -> bool:
        """Whether there is something to see in the parts: an answer of their own, or the last."""
        return any(one.is_open or one.counts != self.head.counts for one in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Purposes that are asked together."""

    brand: str | None
    """The brand that alone asks them; None for the group's."""
    cards: tuple[PurposeCard, ...]
    """Each purpose stands right behind what it is part of."""

    @property
    def families(self) -> tuple[Family, ...]:
        """Each highest purpose with its parts."""
        return tuple(Family(head=head, parts=parts) for head, *parts in families(self.cards))


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownNotice:
    """The notice that answers for the group are given under."""

    texts: NoticeTexts
    reached: tuple[ReachedParty, ...]
    href: str
    """Its text in full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldPurpose:
    """What is done without anybody's consent, and on which legal basis."""

    name: str
    description: str
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerYes:
    """A yes that a partner has, or asked for a brand."""

    purpose: str
    until: date | None
    brand: str | None
    """The brand that it counts for; None where it is the partner's own."""
    no: str
    """What pressing *take back* sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What goes from a brand to a partner."""

    path: tuple[str, ...]
    """The names, from the brand to the partner."""
    purposes: tuple[str, ...]
    rests_on: str
    """The purpose that the first hop rests on."""
    is_used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerCard:
    """What a partner outside the group holds."""

    anchor: str
    name: str
    entity: str
    contact: str
    yes: tuple[PartnerYes, ...]
    chains: tuple[Chain, ...]
    take_back: str
    """What the button sends that ends all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartedPartner:
    """A partner that has left: nothing that it held counts any more."""

    name: str
    on: date | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencesView:
    """All that the first page shows."""

    centre: Centre
    action: str
    sealed: str
    notice: ShownNotice | None
    sections: tuple[Section, ...]
    told: tuple[ToldPurpose, ...]
    partners: tuple[PartnerCard, ...] = ()
    departed: tuple[DepartedPartner, ...] = ()
    honoured: tuple[str, ...] = ()
    differing: tuple[Differing, ...] = ()
    is_new_device: bool = False
    has_yes: bool = False
    """Whether anything was agreed to that can be taken back."""
    is_saved: bool = False
    """Whether an answer was recorded a moment ago."""
    arrival: ArrivalItem | None = None
    """How far it has come."""
    waiting: int = 0
    """How many questions of agents wait."""
    waiting_path: str = APPROVALS
    """Where they are."""

    @property
    def frame(self) -> Frame:
        """Around the page."""
        return self.centre.frame

    @property
    def history_href(self) -> str:
        """Where all answers are."""
        return next(each.href for each in self.centre.tabs if each.tab is Tab.HISTORY)

    @property
    def kept(self) -> tuple[tuple[str, str], ...]:
        """What its form carries."""
        return ((TOKEN, self.centre.form_token), (PAGE, self.sealed))


def answer_value(outcome: Outcome, reach: Reach, purpose: PurposeId) -> str:
    """What a button says: ``granted group ads``, ``refused brand/news ads``."""
    return f"{outcome} {reach_value(reach)} {purpose}"


def reach_value(reach: Party | None) -> str:
    """``group``, ``brand/news``, ``partner/reach``."""
    return GROUP if reach is None else str(reach)
