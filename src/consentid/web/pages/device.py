"""Connecting a device: its code is entered, then compared with what the device shows.

Spec: RFC 8628 sections 3.3 and 5.4; RFC 10027.
"""

from dataclasses import dataclass
from enum import StrEnum

from consentid.web.pages.frame import Frame


class CodeMistake(StrEnum):
    """Why a code leads nowhere."""

    UNKNOWN = "unknown"
    """Mistyped, expired, used, or never given: the page does not tell which."""
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCodeView:
    """The page on which a device's code is entered."""

    frame: Frame
    action: str
    form_token: str
    entered: str = ""
    """What was typed, to be corrected."""
    mistake: CodeMistake | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConfirmView:
    """The page on which the code is compared with the device's screen."""

    frame: Frame
    action: str
    form_token: str
    brand: str
    device: str
    """What kind of device its client is registered as."""
    device_name: str | None
    """What it calls itself: shown in quotes, and believed by nobody."""
    code: str
    """As the device shows it: ``BCDF-GHJK``."""
    kept: tuple[tuple[str, str], ...] = ()
    is_signed_in: bool = False
    sign_in_path: str | None = None
