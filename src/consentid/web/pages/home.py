"""The hub's own address: what this is, and where to go from here."""

from dataclasses import dataclass

from consentid.web.pages.frame import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandLink:
    """A brand of the group."""

    name: str
    entity: str
    href: str | None
    """Its site; None where it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeView:
    """All that the page shows."""

    frame: Frame
    brands: tuple[BrandLink, ...]
    preferences_path: str
    documents: tuple[tuple[str, str], ...]
    """For developers: what it is, in English, and its address."""
