"""What ``consentid clients add`` is told of a client, as options of a command line."""

import argparse
from pathlib import Path
from typing import Protocol

from consentid.brandbook.client import (
    ApplicationType,
    AuthMethod,
    ClientDeclaration,
    Collects,
    GrantType,
    IdTokenAlgorithm,
    Scope,
    Surface,
    declare,
)
from consentid.brandbook.client_keys import BadKeyError, read_key_file
from consentid.core.party import find_party
from consentid.kit.errors import MalformedError


class Options(Protocol):
    """What was given."""

    client: str
    party: str
    scope: list[str]
    auth: str
    surface: str
    collects_for_group: bool
    application_type: str | None
    grant_type: list[str]
    redirect_uri: list[str]
    post_logout_redirect_uri: list[str]
    backchannel_logout_uri: str | None
    purpose: list[str]
    audience: str | None
    id_token_alg: str
    require_pushed_requests: bool
    jwks: Path | None


def add_options(adding: argparse.ArgumentParser) -> None:
    """Add them to a command."""
    adding.add_argument("client", metavar="ID", help="the new client's id")
    adding.add_argument(
        "--party", required=True, metavar="KIND/SLUG", help="brand/shop or partner/reach"
    )
    adding.add_argument(
        "--scope",
        action="append",
        default=[],
        choices=list(Scope),
        help="what it may ask for; may be given again (default: verify)",
    )
    adding.add_argument(
        "--auth",
        choices=list(AuthMethod),
        default=AuthMethod.CLIENT_SECRET_BASIC,
        help="how it proves who it is (default: %(default)s)",
    )
    adding.add_argument(
        "--surface",
        choices=list(Surface),
        default=Surface.WEB,
        help="where its people sit (default: %(default)s)",
    )
    adding.add_argument(
        "--collects-for-group",
        action="store_true",
        help="it may record grants that hold at every brand its notice names",
    )
    _add_oauth_options(adding)


def _add_oauth_options(adding: argparse.ArgumentParser) -> None:
    adding.add_argument(
        "--redirect-uri",
        action="append",
        default=[],
        metavar="URI",
        help="where people return to, exactly; may be given again",
    )
    adding.add_argument(
        "--post-logout-redirect-uri",
        action="append",
        default=[],
        metavar="URI",
        help="where people return to after signing out; may be given again",
    )
    adding.add_argument(
        "--backchannel-logout-uri", metavar="URI", help="where its back end is told of a sign-out"
    )
    adding.add_argument(
        "--application-type",
        choices=list(ApplicationType),
        help="what runs it (default: by --auth and --surface)",
    )
    adding.add_argument(
        "--grant-type",
        action="append",
        default=[],
        choices=list(GrantType),
        help="how it comes by tokens; may be given again (default: all that the rest allows)",
    )
    adding.add_argument(
        "--purpose",
        action="append",
        default=[],
        metavar="PURPOSE",
        help="what it may ask for; may be given again (default: all that its party offers)",
    )
    adding.add_argument(
        "--audience",
        metavar="URI",
        help="what its tokens are meant for (default: the first audience of its party)",
    )
    adding.add_argument(
        "--id-token-alg",
        choices=list(IdTokenAlgorithm),
        default=IdTokenAlgorithm.RS256,
        help="what its ID tokens are signed with (default: %(default)s)",
    )
    adding.add_argument(
        "--require-pushed-requests",
        action="store_true",
        help="it sends every authorization request through /par (partners always do)",
    )
    adding.add_argument(
        "--jwks",
        type=Path,
        metavar="FILE",
        help="its public keys as a JSON Web Key Set, for --auth private_key_jwt",
    )


def declared(given: Options) -> ClientDeclaration:
    """The client that they make.

    Raises:
        MalformedError: the party or the keys are not what they should be.
    """
    party = find_party(given.party)
    if party is None:
        raise MalformedError(
            "usage", "a party is brand/SLUG or partner/SLUG, such as brand/shop", where="--party"
        )
    try:
        keys = () if given.jwks is None else read_key_file(given.jwks)
    except BadKeyError as bad:
        raise MalformedError("usage", f"{bad.message}: {bad.remedy}", where="--jwks") from bad
    kind = given.application_type
    return declare(
        client_id=given.client,
        party=party,
        auth=AuthMethod(given.auth),
        scopes=map(Scope, given.scope),
        collects=Collects.GROUP if given.collects_for_group else Collects.OWN,
        surface=Surface(given.surface),
        application_type=None if kind is None else ApplicationType(kind),
        grant_types=map(GrantType, given.grant_type),
        redirect_uris=given.redirect_uri,
        post_logout_redirect_uris=given.post_logout_redirect_uri,
        backchannel_logout_uri=given.backchannel_logout_uri,
        purposes=given.purpose,
        audience=given.audience,
        id_token_signed_response_alg=IdTokenAlgorithm(given.id_token_alg),
        require_pushed_authorization_requests=given.require_pushed_requests,
        keys=keys,
    )
