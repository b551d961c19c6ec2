"""The administration: who looks at it, whether changes arrive everywhere, and the way in."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from consentid.events.ssf import Status
from consentid.web.pages.frame import Frame
from consentid.web.pages.preferences import TOKEN


class Did(StrEnum):
    """What came of a button."""

    REDRIVEN = "redriven"
    ENABLED = "enabled"
    TEST_TAKEN = "test-taken"
    TEST_REFUSED = "test-refused"
    """There was an answer, which was no yes."""
    TEST_UNHEARD = "test-unheard"
    """There was no answer."""


class Tab(StrEnum):
    """A page of the administration."""

    DELIVERIES = "deliveries"
    CATALOGUES = "catalogues"
    ACTS = "acts"
    CLIENTS = "clients"
    CAPTURES = "captures"
    DEVICES = "devices"
    SUPPORT = "support"


@dataclass(frozen=True, slots=True, kw_only=True)
class TabLink:
    """The way to one."""

    tab: Tab
    href: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What every page of the administration shows to whoever is signed in."""

    name: str | None
    by: str
    """As the log knows them."""
    roles: tuple[str, ...]
    tabs: tuple[TabLink, ...]
    """Those that their roles may see."""
    sign_out_action: str
    form_token: str

    @property
    def kept(self) -> tuple[tuple[str, str], ...]:
        """What the forms of a page carry."""
        return ((TOKEN, self.form_token),)


class Act(StrEnum):
    """A button."""

    REDRIVE = "redrive"
    ENABLE = "enable"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A day and a time of it, in UTC."""

    on: date
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """What was given up."""

    sequence: int
    id: str
    since: Moment
    attempts: int
    outcome: str
    """What the last attempt was answered, or why it was not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemItem:
    """One system."""

    name: str
    number: int | None
    """Of its endpoint."""
    client_id: str
    party: str
    address: str | None
    """The host that is sent to."""
    is_webhook: bool
    waiting: int
    oldest: timedelta | None
    """How long the oldest has waited."""
    last: Moment | None
    failures: int
    failing_since: Moment | None
    disabled_why: str | None
    late: int
    dead: int
    letters: tuple[DeadLetter, ...]

    @property
    def may_be_enabled(self) -> bool:
        """Whether nothing is sent to it, and that is not its receiver's own choice."""
        return self.disabled_why is not None and self.disabled_why not in set(Status)

    @property
    def is_well(self) -> bool:
        """Whether nobody has to do anything."""
        return not (self.late or self.dead or self.failing_since or self.may_be_enabled)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsView:
    """All that the page shows to whoever is let in."""

    frame: Frame
    desk: Desk
    action: str
    acts: frozenset[Act]
    """What whoever looks at it may do."""
    systems: tuple[SystemItem, ...]
    now: Moment
    """Of what it tells."""
    deadline_min: int
    did: Did | None = None
    did_to: SystemItem | None = None
    """Whose button it was."""

    @property
    def troubled(self) -> int:
        """How many systems need somebody."""
        return sum(not each.is_well for each in self.systems)


@dataclass(frozen=True, slots=True, kw_only=True)
class LetInView:
    """The way in."""

    frame: Frame
    action: str
    form_token: str
    staff_sign_in: str | None = None
    """Where the issuer of staff is asked; None: a code opens the page."""
    is_wrong: bool = False
    is_too_many: bool = False
    is_over: bool = False
    """Whether a session ended before what it asked for was done."""

    @property
    def kept(self) -> tuple[tuple[str, str], ...]:
        """What its form carries."""
        return ((TOKEN, self.form_token),)
