"""What one process counts of what its flows did.  Labels are ours: clients, reasons, kinds."""

from typing import Final, final

from consentid.telemetry.tally import Tally

ACTIVE: Final = "active"
NOT_GRANTED: Final = "not_granted"
"""An active token, and a purpose was asked for that it does not grant."""
NOBODY: Final = "none"
"""In place of a client: a proxy showed a token that says nothing of who holds it."""


@final
class Counts:
    """One per process; who scrapes reads them."""

    def __init__(self) -> None:
        self.verdicts: Final = Tally("client", "reason")
        """Consent tokens judged: for whom, and what was found."""
        self.decisions: Final = Tally("client", "kind", "outcome")
        """Decisions that have committed."""
        self.reported_approvals: Final = Tally("client")
        """Questions that people said were none of theirs."""
        self.held_captures: Final = Tally("client")
        """Captures that came too fast, and have no effect until somebody has looked at them."""
