"""Who comes: everybody who was ever there, and what each of them carries."""

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_ATTEMPTS: Final = 50


@dataclass(slots=True, kw_only=True)
class Person:
    """Somebody at one brand: a device, a browser that the hub knows, or the portal's customer."""

    brand: str
    credential: str = ""
    """Of a device."""
    portal_sub: str = ""
    """Of a customer."""
    cookies: dict[str, str] = field(default_factory=dict[str, str])
    """Of a browser that was at the hub."""
    refresh_token: str = ""
    consent_token: str = ""
    access_token: str = ""
    access_until_s: float = 0.0
    is_busy: bool = False
    """Comes just now: nobody is at two pages at once."""
    writes: int = 0
    """Decisions so far; a token from before one may end with it."""
    address: str = field(
        default_factory=lambda: ".".join(["10", *(str(each) for each in secrets.token_bytes(3))])
    )

    @property
    def cookie(self) -> dict[str, str]:
        """The header that a browser sends."""
        told = "; ".join(f"{name}={text}" for name, text in self.cookies.items())
        return {"Cookie": told} if told else {}

    def keep(self, cookies: list[str]) -> None:
        """Keep what the hub has set."""
        for each in cookies:
            name, _, text = each.partition(";")[0].partition("=")
            self.cookies[name] = text


@dataclass(slots=True)
class People:
    """All of them."""

    draw: random.Random
    everybody: list[Person] = field(default_factory=list[Person])

    def add(self, person: Person) -> None:
        self.everybody.append(person)

    def find(self, wanted: Callable[[Person], object]) -> Person | None:
        """Anybody who carries what is wanted and is not here already; None if they are rare."""
        for _ in range(_ATTEMPTS if self.everybody else 0):
            person = self.draw.choice(self.everybody)
            if not person.is_busy and wanted(person):
                return person
        return None

    def some(self, many: int, brand: str) -> list[Person]:
        """As many who hold a token of a brand, some of them more than once."""
        found: list[Person] = []
        for _ in range(_ATTEMPTS * many):
            person = self.draw.choice(self.everybody)
            if person.consent_token and person.brand == brand:
                found.append(person)
            if len(found) == many:
                break
        return found
