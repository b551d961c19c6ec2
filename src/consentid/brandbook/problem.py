"""A mistake in the files, told so that whoever made it can mend it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from consentid.kit.errors import MalformedError


class Rule(StrEnum):
    """What a problem is about.  Stable: programs may match on it."""

    MISSING_FILE = "missing_file"
    INVALID_TOML = "invalid_toml"
    UNKNOWN_KEY = "unknown_key"
    MISSING_KEY = "missing_key"
    WRONG_TYPE = "wrong_type"
    WRONG_FORM = "wrong_form"
    MISSING_TEXT = "missing_text"
    UNKNOWN_PLACEHOLDER = "unknown_placeholder"
    UNKNOWN_LANGUAGE = "unknown_language"
    UNKNOWN_PURPOSE = "unknown_purpose"
    UNKNOWN_PARTY = "unknown_party"
    UNKNOWN_PARENT = "unknown_parent"
    CYCLE = "cycle"
    MISPLACED = "misplaced"
    """A parent that the slug contradicts."""
    OUTSIDE_BRAND = "outside_brand"
    """A brand's own purpose named elsewhere."""
    WIDENING = "widening"
    """A rule that would allow more than the group does."""
    POINTLESS = "pointless"
    DUPLICATE = "duplicate"
    """A domain, audience or client that two claim."""
    REUSED_SLUG = "reused_slug"
    CONTRADICTION = "contradiction"
    LOW_CONTRAST = "low_contrast"
    TOKEN_TOO_LARGE = "token_too_large"  # noqa: S105 - a rule's name, not a secret
    REMOVED = "removed"
    RE_MEANT = "re_meant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake."""

    rule: Rule
    file: str
    """Relative to the folder: ``partners/reach.toml``."""
    line: int
    """From 1."""
    key: str
    """As one would write it: ``overrides."ads.tv".off``; empty for the whole file."""
    message: str
    remedy: str


class BrandbookError(MalformedError):
    """The files hold mistakes, and nothing of them was accepted.  ``problems`` has them all."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(
            sorted(
                dict.fromkeys(problems),
                key=lambda problem: (problem.file, problem.line, problem.key),
            )
        )
        super().__init__("brandbook_invalid", report(self.problems))


def report(problems: Sequence[Problem]) -> str:
    """The problems for a terminal: ``file:line: key: message``, the remedy on the next line."""
    told: list[str] = []
    for problem in problems:
        key = f"{problem.key}: " if problem.key else ""
        told.append(f"{problem.file}:{problem.line}: {key}{problem.message}")
        told.append(f"    {problem.remedy}")
    return "\n".join(told)
