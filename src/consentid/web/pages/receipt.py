"""The page where anybody has a receipt checked, whoever it is about."""

from dataclasses import dataclass
from enum import StrEnum

from consentid.verify.receipts import Check, Outcome
from consentid.web.pages.frame import Frame
from consentid.web.pages.preferences_lists import DecisionItem


class ReceiptMistake(StrEnum):
    """Why nothing could be checked."""

    NOTHING = "nothing"
    BOTH = "both"
    """A text and a file: either might be meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedReceipt:
    """How it went."""

    verdict: Outcome
    checks: tuple[Check, ...]
    entry: DecisionItem | None
    """What it speaks of, where it holds."""
    controllers: tuple[str, ...]
    """Who answers for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReceiptView:
    """All that the page shows."""

    frame: Frame
    action: str
    checked: CheckedReceipt | None = None
    mistake: ReceiptMistake | None = None
