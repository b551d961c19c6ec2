"""What cannot be about a client, wherever it is declared: in the files or on the command line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from consentid.brandbook import form
from consentid.brandbook.client import (
    ADMINISTRATION,
    ApplicationType,
    AuthMethod,
    ClientDeclaration,
    Collects,
    GrantType,
    Scope,
    TokenClass,
)
from consentid.brandbook.problem import Rule
from consentid.core.party import PartyKind

_OF_BACK_ENDS: Final = frozenset({Scope.EVENTS_READ, Scope.PROPAGATION_READ})
_INSIDERS: Final = ADMINISTRATION | {Scope.ERASURE, Scope.KPIS_READ}
_REFRESHABLE: Final = frozenset(
    {GrantType.AUTHORIZATION_CODE, GrantType.DEVICE_CODE, GrantType.CIBA}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that cannot be, and what would be right."""

    rule: Rule
    message: str
    remedy: str
    keys: tuple[str | int, ...]


def find_faults(client: ClientDeclaration, domains: Sequence[str]) -> Iterator[Fault]:
    """What is wrong with a client; ``domains`` are its party's."""
    yield from _of_rights(client)
    yield from _of_keys(client)
    yield from _of_grants(client)
    for key in ("redirect_uris", "post_logout_redirect_uris"):
        yield from _of_redirects(client, key, domains)
    if client.backchannel_logout_uri is not None:
        uri = client.backchannel_logout_uri
        if client.auth is AuthMethod.NONE:
            yield _wrong(
                "a client without a back end cannot be told of a logout",
                "remove it",
                "backchannel_logout_uri",
            )
        elif client.party.kind is PartyKind.PARTNER:
            yield _widening(
                "partners told of a logout at the same moment know whom they have in common",
                "remove it",
                "backchannel_logout_uri",
            )
        elif not _is_at(uri, domains):
            yield _foreign(uri, "backchannel_logout_uri")


def _of_rights(client: ClientDeclaration) -> Iterator[Fault]:
    is_partner = client.party.kind is PartyKind.PARTNER
    is_public = client.auth is AuthMethod.NONE
    if client.collects is Collects.GROUP and is_partner:
        yield _widening(
            "a partner cannot collect consent for the group", 'write collects = "own"', "collects"
        )
    if client.collects is Collects.GROUP and is_public:
        yield _widening(
            "a client that keeps no secret cannot collect consent for the group",
            'write collects = "own", or give it a secret',
            "collects",
        )
    if is_partner and client.token_class is not TokenClass.PARTNER:
        yield _widening(
            "a partner's tokens live no longer than partner tokens do",
            'write tokens = "partner", or remove it',
            "tokens",
        )
    if _INSIDERS & client.scopes and (is_partner or is_public):
        yield _widening(
            f"{' and '.join(sorted(_INSIDERS & client.scopes))} are for the brands' own back ends",
            "remove them",
            "scopes",
        )
    if ADMINISTRATION & client.scopes and client.scopes - ADMINISTRATION:
        yield _widening(
            f"{' and '.join(sorted(ADMINISTRATION & client.scopes))} act on all brands:"
            " a client that has them is for administration alone",
            "declare a client of its own for them",
            "scopes",
        )
    if is_public and Scope.CAPTURES_WRITE in client.scopes:
        yield _widening(
            "whoever says what a person said has to keep a secret",
            "remove captures:write, or give it a secret",
            "scopes",
        )
    if is_public and _OF_BACK_ENDS & client.scopes:
        yield _widening(
            f"{' and '.join(sorted(_OF_BACK_ENDS & client.scopes))} is for back ends: "
            "a client that keeps no secret reads no feed",
            "remove it",
            "scopes",
        )
    if is_public and Scope.LINKS_WRITE in client.scopes:
        yield _widening(
            "links:write is for back ends: what everybody could mint, nobody has said",
            "remove it",
            "scopes",
        )


def _of_keys(client: ClientDeclaration) -> Iterator[Fault]:
    if client.auth is AuthMethod.PRIVATE_KEY_JWT and not client.keys:
        yield Fault(
            rule=Rule.MISSING_KEY,
            message="a client that authenticates by private_key_jwt needs a public key",
            remedy='write jwks = { keys = [{ ... }] }, or jwks_file = "<name>.json"',
            keys=("jwks",),
        )
    signs = client.auth is AuthMethod.PRIVATE_KEY_JWT or Scope.LINKS_WRITE in client.scopes
    if client.keys and not signs:
        yield Fault(
            rule=Rule.POINTLESS,
            message=f"a client that authenticates by {client.auth} signs nothing",
            remedy='remove it, write auth = "private_key_jwt", or give it the scope "links:write"',
            keys=("jwks",),
        )


def _of_grants(client: ClientDeclaration) -> Iterator[Fault]:
    grants = client.grant_types
    if GrantType.CLIENT_CREDENTIALS in grants and client.auth is AuthMethod.NONE:
        yield _widening(
            "a client that keeps no secret has no credentials",
            "remove client_credentials",
            "grant_types",
        )
    if GrantType.AUTHORIZATION_CODE in grants and not client.redirect_uris:
        yield _wrong(
            "authorization_code needs an address to return to",
            "write redirect_uris, or remove authorization_code",
            "grant_types",
        )
    if client.redirect_uris and GrantType.AUTHORIZATION_CODE not in grants:
        yield _wrong(
            "nobody returns to this address without authorization_code",
            "add authorization_code to grant_types, or remove the addresses",
            "redirect_uris",
        )
    if GrantType.REFRESH_TOKEN in grants and not _REFRESHABLE & grants:
        yield _wrong(
            "refresh tokens come with authorization_code, device_code or ciba only",
            "add one of them, or remove refresh_token",
            "grant_types",
        )
    if GrantType.CIBA in grants and client.auth is AuthMethod.NONE:
        yield _widening(
            "whoever keeps no secret asks nobody who is elsewhere",
            "remove it from grant_types, or give the client a secret or a key",
            "grant_types",
        )
    if client.application_type is not ApplicationType.NATIVE and GrantType.DEVICE_CODE in grants:
        yield _wrong(
            "a device code is for a TV or an app",
            'write application_type = "native", or remove it from grant_types',
            "grant_types",
        )
    if client.application_type is not ApplicationType.BROWSER and GrantType.HAND_OFF in grants:
        yield _wrong(
            "a link leads to a page, and its script takes the visitor over",
            'write application_type = "browser", or remove it from grant_types',
            "grant_types",
        )
    if GrantType.HAND_OFF in grants and client.party.kind is PartyKind.PARTNER:
        yield _widening(
            "a partner takes nobody over from a brand's link",
            "remove it from grant_types",
            "grant_types",
        )
    if client.application_type is ApplicationType.BROWSER and client.auth is not AuthMethod.NONE:
        yield _wrong(
            "a page's script can keep no secret",
            'write auth = "none", or application_type = "web"',
            "application_type",
        )


def _of_redirects(client: ClientDeclaration, key: str, domains: Sequence[str]) -> Iterator[Fault]:
    is_native = client.application_type is ApplicationType.NATIVE
    uris: tuple[str, ...] = getattr(client, key)
    for index, uri in enumerate(uris):
        if form.is_private_scheme(uri):
            if not is_native:
                yield _wrong(
                    "an app's own scheme is for apps",
                    'write an https address, or application_type = "native"',
                    key,
                    index,
                )
        elif is_native and form.host_of(uri) == "localhost":
            yield _wrong(
                '"localhost" may name another machine\'s address (RFC 8252 section 8.3)',
                "write http://127.0.0.1/... or http://[::1]/...; any port will do there",
                key,
                index,
            )
        elif not _is_at(uri, domains):
            yield _foreign(uri, key, index)


def _is_at(uri: str, domains: Sequence[str]) -> bool:
    """Whether an address is the party's own, or never leaves the machine."""
    host = form.host_of(uri)
    return form.is_loopback(host) or any(
        host == domain or host.endswith(f".{domain}") for domain in domains
    )


def _foreign(uri: str, *keys: str | int) -> Fault:
    return _wrong(
        f'"{form.host_of(uri)}" is none of the domains',
        "add it to domains, or correct the address",
        *keys,
    )


def _wrong(message: str, remedy: str, *keys: str | int) -> Fault:
    return Fault(rule=Rule.CONTRADICTION, message=message, remedy=remedy, keys=keys)


def _widening(message: str, remedy: str, *keys: str | int) -> Fault:
    return Fault(rule=Rule.WIDENING, message=message, remedy=remedy, keys=keys)
