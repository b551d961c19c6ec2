"""The lists of the administration: versions, acts, clients, held captures, capture devices."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldItem:
    """A capture that is held."""

    id: str
    operator: str | None
    """The client's own name for who keyed it in; None where it cannot be read any more."""
    since: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldGroup:
    """What is held of a client, for a brand or partner."""

    client_id: str
    party: str
    captures: tuple[HeldItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldView:
    """What came too fast."""

    frame: Frame
    desk: Desk
    groups: tuple[HeldGroup, ...]
    total: int
    is_cut: bool
    """Whether more are held than are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDeviceItem:
    """A capture device."""

    id: str
    name: str
    state: str
    """``invited``, ``enrolled`` or ``revoked``."""
    revoked: Moment | None
    synced: Moment | None
    bundles: tuple[tuple[str, int], ...]
    """How many, by state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDeviceGroup:
    """The devices of a client."""

    client_id: str
    devices: tuple[FieldDeviceItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDevicesView:
    """Who captures without a network."""

    frame: Frame
    desk: Desk
    groups: tuple[FieldDeviceGroup, ...]
    is_cut: bool
    """Whether there are more than are shown."""
