"""How far a person's answer has come: which systems have it, and since when."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachedSystem:
    """A system that was to hear of an answer."""

    where: str
    """The brand or partner that runs it."""
    name: str
    """As it is registered."""
    on: date | None
    """When it said that it had it; None where it has not."""
    at: str | None
    is_given_up: bool = False
    """Whether nobody tries any more, until an operator has it tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalItem:
    """How far an answer has come."""

    is_withdrawal: bool
    systems: tuple[ReachedSystem, ...]

    @property
    def reached(self) -> int:
        """How many have it."""
        return sum(each.on is not None for each in self.systems)
