"""What waits for a person: who asks, for whom, for what, until when, and what their agent says."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from consentid.web.pages.frame import Frame
from consentid.web.pages.hub_visit import TOKEN

NAME: Final = "question"
"""Which one a form is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalItem:
    """One question."""

    name: str
    """How its form names it."""
    asker: str
    entity: str
    """The legal entity that asks."""
    for_whom: str | None
    """The brand that a partner asks for; None where it asks for itself."""
    for_entity: str
    """The legal entity that answers for whom it is for."""
    is_partner: bool
    purposes: tuple[str, ...]
    """Their names; none where it asks to go by what was answered."""
    until: date | None
    """When the last yes given today would end by itself."""
    message: str
    """What the agent reads out, letter by letter."""
    is_captured: bool
    """Whether they say that the person agreed already."""
    minutes: int
    """How long it still waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalsView:
    """The page that lists them."""

    frame: Frame
    action: str
    form_token: str
    items: tuple[ApprovalItem, ...]
    is_signed_in: bool
    sign_in_path: str | None
    """None where nobody can sign in here, or somebody is."""
    again_path: str

    def kept(self, item: ApprovalItem) -> tuple[tuple[str, str], ...]:
        """What the form of a question carries."""
        return ((TOKEN, self.form_token), (NAME, item.name))
