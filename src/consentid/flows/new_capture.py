"""A capture as it is handed in, and as it is kept."""

from dataclasses import dataclass

from consentid.core.capture import Evidence
from consentid.core.decision import CatalogueVersion, Channel, Choice
from consentid.core.party import Party
from consentid.flows.capture_body import CaptureBody
from consentid.flows.show_catalogue import NoticeRefOut
from consentid.kit.instants import Instant
from consentid.store.captures import CaptureRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """When it is said to have been captured, and what proves it."""

    at: Instant
    last_sync: Instant | None = None
    """The last that an enrolled device can prove; None where nothing proves anything."""
    bound: int | None = None
    """How far a checked clock may be off, in microseconds."""
    received_at: Instant | None = None
    """When a device's bundle came, where it had to wait for its turn; None: just now."""
    catalogue: CatalogueVersion | None = None
    """The version of the device's kit; None: whichever was in force then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCapture:
    """A capture as it is handed in."""

    asked: Party
    notice: NoticeRefOut
    """What was read out or shown."""
    choices: tuple[Choice, ...]
    channel: Channel
    operator: str
    evidence: Evidence
    claimed: Claimed | None = None
    """None: just now."""
    is_paced: bool = True
    """Whether too many at once are held: not where a device's own chain shows their pace."""
    is_held: bool = False
    """Whether it is one of too many, as was found out already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A capture as it is kept."""

    row: CaptureRow
    body: CaptureBody | None
    """None where what it said is kept no more, or is another's to read."""
    is_new: bool
    """Whether it came for the first time."""
    at: Instant
