"""The other pages of the preference centre: history, a single decision, reads, devices."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar

from consentid.brandbook.notice import Notice
from consentid.core.decision import Channel
from consentid.flows.read_buffer import ReadKind
from consentid.web.pages.arrival import ArrivalItem
from consentid.web.pages.frame import Frame
from consentid.web.pages.preferences import TOKEN, Centre


class Mark(StrEnum):
    """What is particular about a decision."""

    ADOPTED = "adopted"
    """Made on a device, and taken over into the account."""
    SIGNAL = "signal"
    """Made by the browser's signal."""
    ASSISTED = "assisted"
    """Keyed in by somebody else on the person's behalf."""
    IMPORT = "import"
    LINK = "link"
    UNPROVEN = "unproven"
    """The clock of the device that captured it could not be checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfCentre:
    """What every page of the preference centre has."""

    centre: Centre

    @property
    def frame(self) -> Frame:
        """Around the page."""
        return self.centre.frame


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionItem:
    """One decision in plain words."""

    on: date
    at: str
    """The time of day, in UTC."""
    where: str | None
    """The brand or partner that took it in; None for the hub's own pages."""
    asked_by: str | None
    """The partner that asked for it on a brand's behalf."""
    words_of: str | None
    """The brand or partner in whose words it was asked; None where nothing had to be shown."""
    channel: Channel
    yes: tuple[str, ...]
    no: tuple[str, ...]
    is_everything: bool
    """Whether everything was taken back."""
    reach: str | None
    """The brand or partner that it holds for; None for the group."""
    named: tuple[str, ...]
    """Whom the notice named."""
    marks: tuple[Mark, ...]
    href: str
    receipt_href: str
    arrival: ArrivalItem | None = None
    """None where no system was to hear of it, or that is kept no more."""
    is_readable: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableItem:
    """A decision whose record cannot be read at present."""

    on: date
    at: str
    """The time of day, in UTC."""
    reference: str | None
    """Its id, for whom to ask; None where whoever looks may know of none."""
    is_readable: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryView(OfCentre):
    """What the person decided, newest first."""

    entries: tuple[DecisionItem | UnreadableItem, ...]
    older: str | None
    newest: str | None
    """The address of the first page, where this is another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionView(OfCentre):
    """One decision, and the exact text that it answered."""

    entry: DecisionItem
    notice: Notice | None
    digest: str | None
    version: int | None
    reference: str
    """The decision's id, as the person knows it."""
    commitment: str
    back_href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptView(OfCentre):
    """The receipt of one decision, to read, to print and to keep."""

    decision: DecisionView
    controllers: tuple[str, ...]
    """The undertakings that answer for it."""
    log: str
    index: int | None
    """Its place in the log; None before it is there."""
    size: int | None
    file_href: str
    verify_href: str
    home: str
    """Where the answer can be changed: printed, so it is the whole address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeView(OfCentre):
    """A notice in force, in full."""

    notice: Notice
    back_href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadItem:
    """What one client read within an hour."""

    at: str
    """``14:00``."""
    who: str
    is_partner: bool
    is_staff: bool
    is_support: bool
    """Whether it was staff in that role."""
    kind: ReadKind
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDay:
    """What was read on one day."""

    on: date
    entries: tuple[ReadItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadsView(OfCentre):
    """Who read what, newest first."""

    days: tuple[ReadDay, ...]
    older: str | None
    newest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportCodeView(OfCentre):
    """A way to let support see the choices."""

    action: str
    reads_href: str
    code: str | None = None
    """A new one, shown this once."""
    ends_at: str | None = None
    """The time of day, in UTC."""

    @property
    def kept(self) -> tuple[tuple[str, str], ...]:
        """What its form carries."""
        return ((TOKEN, self.centre.form_token),)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionItem:
    """A sign-in."""

    on: date
    at: str
    ends_on: date
    ends_at: str
    is_here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceItem:
    """A device."""

    reference: str
    where: str | None
    """The brand at which it first chose something; None for the hub's own pages."""
    since: date
    """Told by the month."""
    used_since: date
    is_here: bool
    yes: tuple[str, ...]
    no: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingItem:
    """A television that goes by the person's choices."""

    reference: str
    where: str
    """The brand whose app it runs."""
    name: str | None
    """What it calls itself."""
    on: date
    at: str
    seen_on: date
    seen_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicesView(OfCentre):
    """Where the person is signed in, and on what."""

    action: str
    sessions: tuple[SessionItem, ...]
    devices: tuple[DeviceItem, ...]
    pairings: tuple[PairingItem, ...]

    @property
    def has_others(self) -> bool:
        """Whether somebody is signed in elsewhere too."""
        return any(not each.is_here for each in self.sessions)

    @property
    def kept(self) -> tuple[tuple[str, str], ...]:
        """What its forms carry."""
        return ((TOKEN, self.centre.form_token),)
