"""One act of one subject: 1 to 64 choices, a reach, a notice, a channel, an actor, an interval.

Immutable, and one ledger entry.  A decision happened *within* an interval: a grant counts from its
early end, a refusal from its late end.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType
from uuid import UUID

import msgspec

from consentid.core.party import Named, Reach
from consentid.core.purpose import PurposeId
from consentid.kit.instants import Instant

SubjectId = NewType("SubjectId", UUID)
DecisionId = NewType("DecisionId", UUID)
ServedId = NewType("ServedId", UUID)
CatalogueVersion = NewType("CatalogueVersion", int)

MAX_CHOICES: Final = 64


class Outcome(StrEnum):
    """What was chosen for one purpose."""

    GRANTED = "granted"
    REFUSED = "refused"


class Assurance(StrEnum):
    """How sure we are that the person acted."""

    SELF = "self"
    """The person, on the hub."""
    BRAND_PAGE = "brand_page"
    """The person, through a brand's page."""
    LINK = "link"
    ASSISTED = "assisted"
    SIGNAL = "signal"
    IMPORT = "import"


class Channel(StrEnum):
    """Where the act took place."""

    WEB = "web"
    APP = "app"
    TV = "tv"
    PHONE = "phone"
    SHOP = "shop"
    PAPER = "paper"
    LINK = "link"
    IMPORT = "import"


class SignalSource(StrEnum):
    """A machine-readable objection that a browser sends for its user."""

    GPC = "gpc"
    """Global Privacy Control."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A purpose and an outcome."""

    purpose: PurposeId
    outcome: Outcome


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """The act happened between both ends, inclusive.

    Raises:
        ValueError: the early end is after the late end.
    """

    early: Instant
    late: Instant

    def __post_init__(self) -> None:
        """Refuse an interval that ends before it begins."""
        if self.early > self.late:
            msg = "an interval's early end is after its late end"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRef:
    """The exact text shown, and whom it named."""

    id: str
    version: int
    language: str
    digest: bytes
    """SHA-256 of the canonical text.  32 bytes."""
    names: frozenset[Named]
    """The brands and partners named, with their legal entities at that time."""
    attaches_to_account: bool
    """Whether the notice said that a device's choices would be attached to the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """What the page that showed a notice told of it, before the answer was recorded."""

    at: Instant
    """When it told so."""
    layout: bytes | None
    """SHA-256 of how it was laid out, where the page said.  32 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """An admitted act."""

    id: DecisionId
    subject: SubjectId
    choices: tuple[Choice, ...]
    reach: Reach
    notice: NoticeRef | None
    """None for a withdrawal or a signal, which answer no notice; a grant always has one."""
    catalogue: CatalogueVersion
    interval: Interval
    recorded_at: Instant
    assurance: Assurance
    channel: Channel
    actor: str
    """Who keyed it in: the client's id."""
    served: ServedId | None = None
    showing: Showing | None = None
    """How what was served was shown; None where no page had told, or none was served."""
    signal: SignalSource | None = None
    """Set where this is a signal's refusal and not the person's."""
    told_of_signal: bool = False
    """Whether the person was told of a signal before granting: else no grant outlives it."""
    clock_unproven: bool = False
    prompted_by: str | None = None
    adopted_from: DecisionId | None = None
    """The device's decision that a claim adopted."""
