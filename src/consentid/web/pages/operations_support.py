"""What support sees of somebody who gave them a code."""

from collections.abc import Sequence
from dataclasses import dataclass

from consentid.web.pages.frame import Frame
from consentid.web.pages.operations import Desk, Moment
from consentid.web.pages.preferences import Section
from consentid.web.pages.preferences_lists import DecisionItem, UnreadableItem


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPerson:
    """Somebody's choices, to be seen this once."""

    is_account: bool
    at: Moment
    sections: Sequence[Section]
    decisions: Sequence[DecisionItem | UnreadableItem]


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportView:
    """A field for a code, and what the last one showed."""

    frame: Frame
    desk: Desk
    action: str
    person: ShownPerson | None = None
    is_wrong: bool = False
    is_too_many: bool = False
