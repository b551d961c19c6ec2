"""The OAuth clients that a brand or partner declares."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from consentid.core.party import Party

ClientId = NewType("ClientId", str)
"""Unique in the whole group."""


class AuthMethod(StrEnum):
    """How a client proves itself at the token endpoint.  Spec: RFC 7591 section 2."""

    CLIENT_SECRET_BASIC = "client_secret_basic"  # noqa: S105 - the method's name, not a secret
    PRIVATE_KEY_JWT = "private_key_jwt"
    NONE = "none"
    """A public client: a TV or native app that can keep no secret."""


class Scope(StrEnum):
    """What an access token lets a client do."""

    VERIFY = "verify"
    DECISIONS_WRITE = "decisions:write"
    DECISIONS_READ = "decisions:read"
    EVENTS_READ = "events:read"
    KPIS_READ = "kpis:read"
    ADMIN = "admin"


class Collects(StrEnum):
    """For whom the grants count that a client hands in."""

    OWN = "own"
    """Its own brand or partner only."""
    GROUP = "group"
    """Also the whole group: every brand that the notice named."""


class Surface(StrEnum):
    """Where the client's people sit."""

    WEB = "web"
    APP = "app"
    TV = "tv"


class TokenClass(StrEnum):
    """How long a consent token for this client lives."""

    WEB = "web"
    TV = "tv"
    PARTNER = "partner"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientDeclaration:
    """One client, as the files declare it.  Its secret or key is not in the files."""

    id: ClientId
    party: Party
    auth: AuthMethod
    scopes: frozenset[Scope]
    collects: Collects
    surface: Surface
    token_class: TokenClass
    redirect_uris: tuple[str, ...] = ()
