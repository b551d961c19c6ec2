"""Who of the staff may do what: every role and every verb, in one table.

A verb that is not in the table for somebody's role is refused by the server, whatever a page shows.
Nobody here sees a person: there is no verb for it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from consentid.kit.errors import ForbiddenError
from consentid.settings.staff import Role

LET_IN: Final = "let-in"
"""Who came in by a code from the command line."""


class Verb(StrEnum):
    """What can be done in the administration."""

    SEE_DELIVERIES = "see_deliveries"
    SEE_CATALOGUES = "see_catalogues"
    SEE_ACTS = "see_acts"
    SEE_CLIENTS = "see_clients"
    REDRIVE = "redrive"
    ENABLE = "enable"
    TEST = "test"


_SEEING: Final = frozenset(
    {Verb.SEE_DELIVERIES, Verb.SEE_CATALOGUES, Verb.SEE_ACTS, Verb.SEE_CLIENTS}
)
MAY: Final[Mapping[Role, frozenset[Verb]]] = MappingProxyType(
    {
        Role.OPERATOR: _SEEING | {Verb.REDRIVE, Verb.ENABLE, Verb.TEST},
        Role.AUDITOR: _SEEING,
        Role.PRIVACY_OFFICER: _SEEING,
        Role.BRAND_EDITOR: frozenset({Verb.SEE_CATALOGUES, Verb.SEE_CLIENTS}),
        Role.SUPPORT: frozenset({Verb.SEE_CATALOGUES}),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Somebody who is signed in to the administration."""

    by: str
    """The pseudonym that the log knows them by, or ``let-in``."""
    roles: frozenset[Role]
    name: str | None = None

    def may(self, verb: Verb) -> bool:
        """Whether one of their roles allows it."""
        return may(self.roles, verb)

    def check(self, verb: Verb) -> None:
        """Insist on it.

        Raises:
            ForbiddenError: none of their roles allows it.
        """
        if not self.may(verb):
            raise ForbiddenError("role_missing", f"None of your roles may {verb} here.")


def may(roles: Collection[Role], verb: Verb) -> bool:
    """Whether one of these roles allows a verb."""
    return any(verb in MAY[role] for role in roles)
