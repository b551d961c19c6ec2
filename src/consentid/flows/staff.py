"""Who may do what in the administration: every role, every scope and every verb, in two tables.

A verb that is not in the table for somebody's role is refused by the server, whatever a page shows;
so is one of a program whose scope is another.  A person is seen only by a code of theirs.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from consentid.brandbook.client import Scope
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
    SEE_CAPTURES = "see_captures"
    SEE_DEVICES = "see_devices"
    REDRIVE = "redrive"
    ENABLE = "enable"
    DISABLE = "disable"
    TEST = "test"
    REPLAY = "replay"
    ADD = "add"
    REMOVE = "remove"
    ROTATE = "rotate"
    RELEASE = "release"
    DISCARD = "discard"
    REVOKE = "revoke"
    LOOK_UP = "look_up"
    SEE_ERASURES = "see_erasures"
    SEE_KEYS = "see_keys"
    ROTATE_KEYS = "rotate_keys"
    REVOKE_KEYS = "revoke_keys"
    JUDGE_KEYS = "judge_keys"
    SHRED = "shred"
    LET_IN = "let_in"
    ADD_CLIENT = "add_client"
    ROTATE_CLIENT = "rotate_client"
    APPLY = "apply"
    PROVE = "prove"
    EXPORT = "export"
    SEE_NOTICES = "see_notices"
    PICTURE = "picture"
    VERIFY = "verify"


_SEEING: Final = frozenset(
    {
        *(Verb.SEE_DELIVERIES, Verb.SEE_CATALOGUES, Verb.SEE_ACTS, Verb.SEE_CLIENTS),
        *(Verb.SEE_CAPTURES, Verb.SEE_DEVICES),
    }
)
MAY: Final[Mapping[Role, frozenset[Verb]]] = MappingProxyType(
    {
        Role.OPERATOR: _SEEING | {Verb.REDRIVE, Verb.ENABLE, Verb.TEST},
        Role.AUDITOR: _SEEING,
        Role.PRIVACY_OFFICER: _SEEING,
        Role.BRAND_EDITOR: frozenset({Verb.SEE_CATALOGUES, Verb.SEE_CLIENTS}),
        Role.SUPPORT: frozenset({Verb.SEE_CATALOGUES, Verb.LOOK_UP}),
    }
)
"""What staff may do on the pages, by their roles."""
SCOPE_OF: Final[Mapping[Verb, Scope]] = MappingProxyType(
    {
        Verb.SEE_DELIVERIES: Scope.ADMIN,
        Verb.SEE_CATALOGUES: Scope.ADMIN,
        Verb.SEE_ACTS: Scope.ADMIN,
        Verb.SEE_CLIENTS: Scope.ADMIN,
        Verb.SEE_CAPTURES: Scope.ADMIN,
        Verb.SEE_DEVICES: Scope.ADMIN,
        Verb.REDRIVE: Scope.ADMIN_DELIVERIES,
        Verb.ENABLE: Scope.ADMIN_DELIVERIES,
        Verb.DISABLE: Scope.ADMIN_DELIVERIES,
        Verb.TEST: Scope.ADMIN_DELIVERIES,
        Verb.REPLAY: Scope.ADMIN_DELIVERIES,
        Verb.ADD: Scope.ADMIN_ENDPOINTS,
        Verb.REMOVE: Scope.ADMIN_ENDPOINTS,
        Verb.ROTATE: Scope.ADMIN_ENDPOINTS,
        Verb.RELEASE: Scope.ADMIN_CAPTURES,
        Verb.DISCARD: Scope.ADMIN_CAPTURES,
        Verb.REVOKE: Scope.ADMIN_DEVICES,
        Verb.LOOK_UP: Scope.ADMIN_SUPPORT,
        Verb.SEE_ERASURES: Scope.ADMIN,
        Verb.SEE_KEYS: Scope.ADMIN,
        Verb.ROTATE_KEYS: Scope.ADMIN_KEYS,
        Verb.REVOKE_KEYS: Scope.ADMIN_KEYS,
        Verb.JUDGE_KEYS: Scope.ADMIN_KEYS,
        Verb.SHRED: Scope.ADMIN_ERASURES,
        Verb.LET_IN: Scope.ADMIN_LET_IN,
        Verb.ADD_CLIENT: Scope.ADMIN_CLIENTS,
        Verb.ROTATE_CLIENT: Scope.ADMIN_CLIENTS,
        Verb.APPLY: Scope.ADMIN_CATALOGUE,
        Verb.PROVE: Scope.ADMIN_EVIDENCE,
        Verb.EXPORT: Scope.ADMIN_EXPORT,
        Verb.SEE_NOTICES: Scope.ADMIN,
        Verb.PICTURE: Scope.ADMIN_NOTICES,
        Verb.VERIFY: Scope.ADMIN_VERIFY,
    }
)
"""What a program needs in its access token; no scope contains another."""


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
