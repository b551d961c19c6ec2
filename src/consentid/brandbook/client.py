"""The OAuth clients that a brand or partner declares, in the words of RFC 7591."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

from consentid.core.party import Party, PartyKind
from consentid.core.purpose import PurposeId

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
    CAPTURES_WRITE = "captures:write"
    ERASURE = "erasure"
    EVENTS_READ = "events:read"
    PROPAGATION_READ = "propagation:read"
    KPIS_READ = "kpis:read"
    LINKS_WRITE = "links:write"
    """Mint consent links, by a key of its own or through the hub."""
    ADMIN = "admin"
    """See the administration: acts, versions, clients, deliveries, what is held, devices."""
    ADMIN_CAPTURES = "admin:captures"
    """Release or discard captures that are held."""
    ADMIN_CATALOGUE = "admin:catalogue"
    """Put configuration in force."""
    ADMIN_CLIENTS = "admin:clients"
    """Register clients, and give clients new secrets."""
    ADMIN_DELIVERIES = "admin:deliveries"
    """Enable, disable and try endpoints, and try again what was given up."""
    ADMIN_EVIDENCE = "admin:evidence"
    """Prove what somebody decided who is named exactly, as a court or an authority asks for it."""
    ADMIN_EXPORT = "admin:export"
    """Copy the log, with the records that it speaks of: everybody's."""
    ADMIN_DEVICES = "admin:devices"
    """Revoke any client's capture devices."""
    ADMIN_ENDPOINTS = "admin:endpoints"
    """Register and remove endpoints of any client, and give them new secrets."""
    ADMIN_ERASURES = "admin:erasures"
    """Destroy what is kept of those who are set aside to be forgotten."""
    ADMIN_KEYS = "admin:keys"
    """Rotate and revoke signing keys, and see what was issued under one."""
    ADMIN_LET_IN = "admin:let-in"
    """Make codes that let an operator in."""
    ADMIN_NOTICES = "admin:notices"
    """Keep pictures of notices as they are shown."""
    ADMIN_SUPPORT = "admin:support"
    """See what a person chose, by a code that the person made."""
    ADMIN_VERIFY = "admin:verify"
    """Check all that is recorded."""


ADMINISTRATION: Final = frozenset(
    {
        *(Scope.ADMIN, Scope.ADMIN_CAPTURES, Scope.ADMIN_CATALOGUE, Scope.ADMIN_CLIENTS),
        *(Scope.ADMIN_DELIVERIES, Scope.ADMIN_DEVICES, Scope.ADMIN_ENDPOINTS, Scope.ADMIN_SUPPORT),
        *(Scope.ADMIN_EVIDENCE, Scope.ADMIN_EXPORT, Scope.ADMIN_NOTICES, Scope.ADMIN_VERIFY),
        *(Scope.ADMIN_ERASURES, Scope.ADMIN_KEYS, Scope.ADMIN_LET_IN),
    }
)
"""Scopes of the group's own staff programs: they act on all brands."""


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


class ApplicationType(StrEnum):
    """What runs the client.  Spec: OpenID Connect Dynamic Client Registration section 2."""

    WEB = "web"
    """A back end, which can keep a secret."""
    BROWSER = "browser"
    """A page's own script."""
    NATIVE = "native"
    """An app on a person's machine, a TV among them.  Spec: RFC 8252."""


class GrantType(StrEnum):
    """How a client may come by tokens.  Spec: RFC 7591 section 2."""

    CLIENT_CREDENTIALS = "client_credentials"
    AUTHORIZATION_CODE = "authorization_code"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - a grant's name
    DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
    TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a grant's name
    HAND_OFF = "urn:consentid:params:oauth:grant-type:handoff"
    """A visitor comes from another brand's page by a link that carries a code."""
    CIBA = "urn:openid:params:grant-type:ciba"
    """An agent asks, and the person approves on a screen of their own.  Spec: OpenID CIBA Core."""


class IdTokenAlgorithm(StrEnum):
    """What ID tokens for the client are signed with."""

    RS256 = "RS256"
    ES256 = "ES256"


class KeyAlgorithm(StrEnum):
    """What a client may sign with; never a symmetric one.  Spec: RFC 7518 section 3.1."""

    ES256 = "ES256"
    RS256 = "RS256"
    PS256 = "PS256"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKey:
    """A client's public key, with the one algorithm that it signs with."""

    kid: str
    alg: KeyAlgorithm
    members: Mapping[str, str]
    """What makes the key: ``kty`` and its numbers.  Spec: RFC 7638 section 3.2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientDeclaration:
    """One client, as the files declare it.  Its secret is not in the files, nor a private key."""

    id: ClientId
    party: Party
    auth: AuthMethod
    scopes: frozenset[Scope]
    collects: Collects
    surface: Surface
    token_class: TokenClass
    application_type: ApplicationType = ApplicationType.WEB
    grant_types: frozenset[GrantType] = frozenset()
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None
    purposes: frozenset[PurposeId] | None = None
    """What it may ask for, with all that lies below; None for all that its party offers."""
    audience: str | None = None
    """What its tokens are meant for unless it asks otherwise; None for its party's first."""
    id_token_signed_response_alg: IdTokenAlgorithm = IdTokenAlgorithm.RS256
    require_pushed_authorization_requests: bool = False
    keys: tuple[ClientKey, ...] = ()


def declare(
    *,
    client_id: str,
    party: Party,
    auth: AuthMethod,
    scopes: Iterable[Scope],
    collects: Collects,
    surface: Surface,
    application_type: ApplicationType | None,
    grant_types: Iterable[GrantType],
    redirect_uris: Iterable[str],
    post_logout_redirect_uris: Iterable[str],
    backchannel_logout_uri: str | None,
    purposes: Iterable[str],
    audience: str | None,
    id_token_signed_response_alg: IdTokenAlgorithm,
    require_pushed_authorization_requests: bool,
    keys: tuple[ClientKey, ...],
) -> ClientDeclaration:
    """A client that is registered by itself; what is left open or empty follows from the rest."""
    redirects = tuple(dict.fromkeys(redirect_uris))
    return ClientDeclaration(
        id=ClientId(client_id),
        party=party,
        auth=auth,
        scopes=frozenset(scopes) or frozenset({Scope.VERIFY}),
        collects=collects,
        surface=surface,
        token_class=token_class_for(surface, party),
        application_type=application_type or application_type_for(auth, surface),
        grant_types=frozenset(grant_types) or grant_types_for(auth, surface, redirects, party),
        redirect_uris=redirects,
        post_logout_redirect_uris=tuple(dict.fromkeys(post_logout_redirect_uris)),
        backchannel_logout_uri=backchannel_logout_uri,
        purposes=frozenset(PurposeId(each) for each in purposes) or None,
        audience=audience,
        id_token_signed_response_alg=id_token_signed_response_alg,
        require_pushed_authorization_requests=require_pushed_authorization_requests,
        keys=keys,
    )


def token_class_for(surface: Surface, party: Party) -> TokenClass:
    """How long its tokens live unless its declaration says otherwise."""
    if party.kind is PartyKind.PARTNER:
        return TokenClass.PARTNER
    return TokenClass.TV if surface is Surface.TV else TokenClass.WEB


def application_type_for(auth: AuthMethod, surface: Surface) -> ApplicationType:
    """What runs a client that does not say."""
    if surface is not Surface.WEB:
        return ApplicationType.NATIVE
    return ApplicationType.BROWSER if auth is AuthMethod.NONE else ApplicationType.WEB


def grant_types_for(
    auth: AuthMethod, surface: Surface, redirect_uris: Iterable[str], party: Party
) -> frozenset[GrantType]:
    """What a client that does not say may use: all that its declaration makes possible."""
    found = {GrantType.TOKEN_EXCHANGE}
    if auth is not AuthMethod.NONE:
        found.add(GrantType.CLIENT_CREDENTIALS)
    if any(redirect_uris):
        found |= {GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN}
    is_page = application_type_for(auth, surface) is ApplicationType.BROWSER
    if is_page and party.kind is PartyKind.BRAND:
        found.add(GrantType.HAND_OFF)
    if surface is Surface.TV:
        found |= {GrantType.DEVICE_CODE, GrantType.REFRESH_TOKEN}
    return frozenset(found)
