"""Metadata and keys.  Spec: RFC 8414, OpenID Connect Discovery, RFC 7517."""

from typing import Any, Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency

from consentid.brandbook.client import Scope
from consentid.flows.context import Context
from consentid.flows.oauth.client import CLIENT_CREDENTIALS, TOKEN_EXCHANGE
from consentid.web.responses import DOCUMENT_PROBLEMS

_JWKS: Final = "application/jwk-set+json"
_PUBLIC: Final = {"Cache-Control": "public, max-age=300"}


class MetadataOut(msgspec.Struct, frozen=True, kw_only=True):
    """Authorization server metadata.  Spec: RFC 8414 section 2."""

    issuer: str
    token_endpoint: str
    jwks_uri: str
    status_list_aggregation_endpoint: str
    grant_types_supported: list[str]
    response_types_supported: list[str]
    subject_types_supported: list[str]
    id_token_signing_alg_values_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    scopes_supported: list[str]
    service_documentation: str


@get(
    ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"],
    tags=["Metadata"],
    summary="Metadata of this issuer",
    security=[{}],
    responses=DOCUMENT_PROBLEMS,
)
async def get_metadata(context: NamedDependency[Context]) -> Response[MetadataOut]:
    """What this issuer does, and where."""
    async with context.database.reading() as connection:
        book = await context.book(connection)
    issuer = book.group.issuer
    base = issuer.rstrip("/")
    found = MetadataOut(
        issuer=issuer,
        token_endpoint=f"{base}/token",
        jwks_uri=f"{base}/jwks.json",
        status_list_aggregation_endpoint=f"{base}/statuslists",
        grant_types_supported=[CLIENT_CREDENTIALS, TOKEN_EXCHANGE],
        response_types_supported=[],
        subject_types_supported=["pairwise"],
        id_token_signing_alg_values_supported=["RS256"],
        token_endpoint_auth_methods_supported=["client_secret_basic", "none"],
        scopes_supported=[str(scope) for scope in Scope],
        service_documentation=f"{base}/schema",
    )
    return Response(found, headers=dict(_PUBLIC))


@get(
    "/jwks.json",
    tags=["Metadata"],
    summary="The public keys",
    security=[{}],
    media_type=_JWKS,
)
async def get_keys(context: NamedDependency[Context]) -> Response[dict[str, Any]]:
    """Active, next and retired keys: no verifier meets one it could not know."""
    return Response(dict(context.keyring.public_jwks()), media_type=_JWKS, headers=dict(_PUBLIC))
