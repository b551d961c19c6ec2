"""The page that whoever comes from a brand's page passes through to their choices."""

from dataclasses import dataclass

from consentid.web.pages.frame import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitView:
    """All that the page shows."""

    frame: Frame
    action: str
    kept: tuple[tuple[str, str], ...]
