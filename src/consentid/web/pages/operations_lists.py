"""The lists of the administration: versions, acts, clients."""

from collections.abc import Sequence
from dataclasses import dataclass

from consentid.web.pages.frame import Frame
from consentid.web.pages.operations import Desk, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionItem:
    """One applied version of the configuration."""

    number: int
    since: Moment
    digest: str
    changes: tuple[str, ...]
    """In the page's language; keys and ids as the files have them."""
    is_in_force: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CataloguesView:
    """Which versions there were, and what each changed."""

    frame: Frame
    desk: Desk
    versions: tuple[VersionItem, ...]
    next_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActItem:
    """Something that was done."""

    entry: str
    at: Moment
    act: str
    by: str
    by_kind: str
    """``cli``, ``client``, ``let-in`` or ``staff``."""
    name: str | None
    about: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActsView:
    """Who changed what."""

    frame: Frame
    desk: Desk
    acts: tuple[ActItem, ...]
    next_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientItem:
    """A client, without its secrets."""

    id: str
    surface: str
    auth_method: str
    scopes: tuple[str, ...]
    source: str
    """``files`` or ``command``."""
    disabled: Moment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyItem:
    """A brand or a partner, and its clients."""

    name: str
    kind: str
    """``brand`` or ``partner``."""
    slug: str
    entity: str | None
    """Who answers for it; None where it is not in force any more."""
    clients: tuple[ClientItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientsView:
    """Who is known here."""

    frame: Frame
    desk: Desk
    parties: Sequence[PartyItem]
