"""What a look found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is."""

    UNSAFE = "unsafe"
    """Not in production."""
    WARNING = "warning"
    """It will hurt on a bad day."""
    UNKNOWN = "unknown"
    """It could not be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be."""

    code: str
    """Stable, to match on: ``issuer.http``."""
    severity: Severity
    place: str
    """The variable, file, role or queue in question."""
    message: str
    remedy: str


def unsafe(code: str, place: str, message: str, remedy: str) -> Finding:
    """What must not be in production."""
    return Finding(code=code, severity=Severity.UNSAFE, place=place, message=message, remedy=remedy)


def warning(code: str, place: str, message: str, remedy: str) -> Finding:
    """What will hurt on a bad day."""
    return Finding(
        code=code, severity=Severity.WARNING, place=place, message=message, remedy=remedy
    )


def unknown(code: str, place: str, message: str, remedy: str) -> Finding:
    """What could not be looked at."""
    return Finding(
        code=code, severity=Severity.UNKNOWN, place=place, message=message, remedy=remedy
    )


def in_order(findings: Iterable[Finding]) -> Sequence[Finding]:
    """The worst first, each once."""
    ranks = list(Severity)
    return sorted(dict.fromkeys(findings), key=lambda each: ranks.index(each.severity))
