"""All that is kept about a person, to read and print."""

from dataclasses import dataclass
from datetime import date

from consentid.web.pages.preferences_lists import OfCentre, UnreadableItem


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementItem:
    """What tokens for one audience say."""

    where: str
    yes: tuple[str, ...]
    no: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenItem:
    """Something that a client got."""

    kind: str
    who: str
    on: date
    ends_on: date
    has_ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldItem:
    """How often a client was told of something, as far as that is still kept."""

    kind: str
    who: str | None
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataView(OfCentre):
    """Everything, in the order in which somebody would ask for it."""

    since: date
    by_portal: bool
    ends_on: date | None
    is_adult: bool
    decisions: int
    unreadable: tuple[UnreadableItem, ...]
    """Answers that cannot be told at present."""
    history_href: str
    reads: int
    reads_href: str
    captures: int
    captures_href: str
    sessions: int
    devices: int
    devices_href: str
    statements: tuple[StatementItem, ...]
    places: int
    tokens: tuple[TokenItem, ...]
    signals: tuple[bool, ...]
    told: tuple[ToldItem, ...]
