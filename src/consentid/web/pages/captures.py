"""The preference centre's page of what others say that the person told them."""

from dataclasses import dataclass
from datetime import date

from consentid.core.capture import CaptureState, EvidenceKind
from consentid.core.decision import Channel
from consentid.web.pages.preferences import TOKEN
from consentid.web.pages.preferences_lists import OfCentre


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureItem:
    """One capture in plain words."""

    reference: str
    on: date
    """When it was said, as whoever captured it says."""
    keyed_in_on: date
    at: str
    """When it was keyed in, the time of day in UTC."""
    by: str
    asked: str
    """For whom."""
    channel: Channel
    evidence: EvidenceKind
    version: str
    """Of the script or form."""
    state: CaptureState
    yes: tuple[str, ...]
    no: tuple[str, ...]
    waits: tuple[str, ...]
    """Of ``yes``, what waits for the person."""
    counts: bool
    """Whether a yes counts already, by the word of whoever keyed it in."""
    is_of_revoked_device: bool
    """Whether it came from a capture device that was revoked since, as one that is lost."""
    until: date
    notice_href: str
    """The text in force of whom it is for."""

    @property
    def may_confirm(self) -> bool:
        """Whether there is a yes that the person has not said themselves."""
        return self.state is CaptureState.PENDING or (
            self.state is CaptureState.RECORDED and self.counts
        )

    @property
    def may_dispute(self) -> bool:
        """Whether there is still something to say against."""
        return self.state not in {CaptureState.DISPUTED, CaptureState.DISCARDED}


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturesView(OfCentre):
    """What others say that the person told them, newest first."""

    action: str
    entries: tuple[CaptureItem, ...]
    older: str | None
    newest: str | None

    @property
    def kept(self) -> tuple[tuple[str, str], ...]:
        """What its forms carry."""
        return ((TOKEN, self.centre.form_token),)
