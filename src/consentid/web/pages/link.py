"""The pages of a consent link: one that takes it out of the address, and the question in it."""

from dataclasses import dataclass
from datetime import date

from consentid.brandbook.notice import NoticeTexts
from consentid.flows.link_scene import Keeper
from consentid.web.pages.frame import Frame

LINK = "link"
SERVED = "served"
TOLD = "told"
ACT = "act"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkEntryView:
    """Passed through by a script; without one, a field takes the link."""

    frame: Frame
    action: str
    form_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLanguage:
    """The same question in another language."""

    tag: str
    name: str
    """In itself."""
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPurpose:
    """A purpose that is asked."""

    name: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSignInView:
    """The link is for one customer, and this browser shows nobody yet.  Tells nothing of it."""

    frame: Frame
    action: str | None
    """None where nobody can sign in here."""
    kept: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView:
    """All that the question's page shows."""

    frame: Frame
    action: str
    kept: tuple[tuple[str, str], ...]
    languages: tuple[LinkLanguage, ...]
    texts: NoticeTexts
    asker: str
    asker_entity: str
    asker_contact: str
    for_whom: str
    for_entity: str
    is_delegated: bool
    """Whether a partner asks on behalf of a brand."""
    purposes: tuple[LinkPurpose, ...]
    hint: str | None
    """The addressee, masked."""
    keeper: Keeper
    until: date | None
    """When a yes given today ends by itself."""
    memory_days: int
    honoured: tuple[str, ...]
    """The names of purposes that the browser's signal says no to."""
