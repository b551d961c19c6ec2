"""What a tour tells: one line per step that a person understands, and the evidence behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from consentid.kit import base64url


class TourStepError(Exception):
    """A step saw something else than what must be true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing seen, with what it shows."""

    label: str
    seen: Any
    """Anything that JSON can carry."""


@dataclass(slots=True, kw_only=True)
class StepReport:
    """How one step went."""

    number: int
    title: str
    passed: bool = False
    says: str = ""
    """One line; on failure, what was expected and what was seen."""
    took_ms: int = 0
    evidence: list[Evidence] = field(default_factory=list[Evidence])

    def note(self, label: str, seen: object) -> None:
        """Keep something seen."""
        self.evidence.append(Evidence(label=label, seen=seen))

    def expect(self, holds: bool, what: str, **seen: object) -> None:
        """Hold on to a fact.

        Raises:
            TourStepError: it is not so; the message says what was seen instead.
        """
        if not holds:
            details = ", ".join(f"{name} = {value!r}" for name, value in seen.items())
            raise TourStepError(f"expected: {what}" + (f"; seen: {details}" if details else ""))

    def as_json(self) -> Mapping[str, Any]:
        """For programs."""
        return {
            "step": self.number,
            "title": self.title,
            "passed": self.passed,
            "says": self.says,
            "took_ms": self.took_ms,
            "evidence": [{"label": one.label, "seen": one.seen} for one in self.evidence],
        }


def unverified_parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a compact JWS, decoded for showing and not verified."""
    header, claims, _ = token.split(".")
    decoder = msgspec.json.Decoder(dict[str, Any])
    return decoder.decode(base64url.decode(header)), decoder.decode(base64url.decode(claims))
