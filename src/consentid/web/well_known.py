"""Metadata and keys.  What is not served is not named.

Spec: RFC 8414, OpenID Connect Discovery, RFC 7517.
"""

from collections.abc import Collection
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec

from consentid.brandbook.book import Group
from consentid.brandbook.client import (
    AuthMethod,
    GrantType,
    IdTokenAlgorithm,
    KeyAlgorithm,
    Scope,
)
from consentid.flows.context import Context
from consentid.keyring.link_key import link_key
from consentid.keyring.manifest import ALGORITHMS, Use
from consentid.kit import canonical
from consentid.oidc import authorization_details, pkce
from consentid.oidc.authorization_request import OFFLINE_ACCESS, OPENID
from consentid.oidc.id_token import IdTokenClaims
from consentid.oidc.prompt import Prompt
from consentid.web.responses import DOCUMENT_PROBLEMS
from consentid.web.validators import is_known

_JWKS: Final = "application/jwk-set+json"
_KEYS_CACHED_S: Final = 5
_PUBLIC: Final = {"Cache-Control": "public, max-age=300"}


class MetadataOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Authorization server and OpenID Provider metadata.

    Spec: RFC 8414 section 2; OpenID Connect Discovery section 3; RFC 8628 section 4; RFC 9126
    section 5; RFC 9207 section 3; RFC 9396 section 10; RFC 9701 section 7;
    Back-Channel Logout section 2.1; CIBA Core section 4.
    """

    # What has a default in RFC 8414 has none here: it is always said.
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    pushed_authorization_request_endpoint: str
    userinfo_endpoint: str
    introspection_endpoint: str
    revocation_endpoint: str
    jwks_uri: str
    status_list_aggregation_endpoint: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    response_modes_supported: list[str]
    grant_types_supported: list[str]
    subject_types_supported: list[str]
    id_token_signing_alg_values_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    introspection_endpoint_auth_methods_supported: list[str]
    introspection_endpoint_auth_signing_alg_values_supported: list[str]
    introspection_signing_alg_values_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_signing_alg_values_supported: list[str]
    code_challenge_methods_supported: list[str]
    prompt_values_supported: list[str]
    claims_supported: list[str]
    ui_locales_supported: list[str]
    authorization_details_types_supported: list[str]
    authorization_response_iss_parameter_supported: bool
    require_pushed_authorization_requests: bool
    claims_parameter_supported: bool
    request_parameter_supported: bool
    request_uri_parameter_supported: bool
    service_documentation: str
    backchannel_logout_supported: bool
    backchannel_logout_session_supported: bool
    backchannel_authentication_endpoint: str
    backchannel_token_delivery_modes_supported: list[str]
    backchannel_user_code_parameter_supported: bool
    device_authorization_endpoint: str | None = None
    end_session_endpoint: str | None = None


@get(
    ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"],
    tags=["Metadata"],
    summary="Metadata of this issuer",
    security=[{}],
    responses=DOCUMENT_PROBLEMS,
)
async def get_metadata(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[MetadataOut]:
    """What this issuer does, and where."""
    async with context.database.reading() as connection:
        book = await context.book(connection)
    served = frozenset(route.path for route in request.app.routes)
    return Response(_metadata(book.group, served), headers=dict(_PUBLIC))


def _metadata(group: Group, served: Collection[str]) -> MetadataOut:
    base = group.issuer.rstrip("/")
    own_proof = [AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.PRIVATE_KEY_JWT]
    every_proof = [*own_proof, AuthMethod.NONE]
    algorithms = [str(each) for each in KeyAlgorithm]
    has_devices = "/device_authorization" in served
    return MetadataOut(
        issuer=group.issuer,
        authorization_endpoint=f"{base}/authorize",
        token_endpoint=f"{base}/token",
        pushed_authorization_request_endpoint=f"{base}/par",
        userinfo_endpoint=f"{base}/userinfo",
        introspection_endpoint=f"{base}/introspect",
        revocation_endpoint=f"{base}/revoke",
        device_authorization_endpoint=f"{base}/device_authorization" if has_devices else None,
        backchannel_authentication_endpoint=f"{base}/bc-authorize",
        backchannel_token_delivery_modes_supported=["poll"],
        backchannel_user_code_parameter_supported=False,
        end_session_endpoint=f"{base}/logout" if "/logout" in served else None,
        jwks_uri=f"{base}/jwks.json",
        status_list_aggregation_endpoint=f"{base}/statuslists",
        scopes_supported=[OPENID, OFFLINE_ACCESS, *(str(scope) for scope in Scope)],
        response_types_supported=["code"],
        response_modes_supported=["query"],
        grant_types_supported=[
            str(grant) for grant in GrantType if has_devices or grant is not GrantType.DEVICE_CODE
        ],
        subject_types_supported=["pairwise"],
        id_token_signing_alg_values_supported=[str(each) for each in IdTokenAlgorithm],
        token_endpoint_auth_methods_supported=[str(each) for each in every_proof],
        token_endpoint_auth_signing_alg_values_supported=algorithms,
        introspection_endpoint_auth_methods_supported=[str(each) for each in own_proof],
        introspection_endpoint_auth_signing_alg_values_supported=algorithms,
        introspection_signing_alg_values_supported=[str(ALGORITHMS[Use.ID])],
        revocation_endpoint_auth_methods_supported=[str(each) for each in every_proof],
        revocation_endpoint_auth_signing_alg_values_supported=algorithms,
        code_challenge_methods_supported=[pkce.METHOD],
        prompt_values_supported=[str(each) for each in Prompt],
        claims_supported=list(IdTokenClaims.__struct_fields__),
        ui_locales_supported=list(group.languages),
        authorization_details_types_supported=[authorization_details.TYPE],
        authorization_response_iss_parameter_supported=True,
        require_pushed_authorization_requests=False,
        claims_parameter_supported=False,
        backchannel_logout_supported=True,
        backchannel_logout_session_supported=True,
        request_parameter_supported=False,
        request_uri_parameter_supported=False,
        service_documentation=f"{base}/schema",
    )


@get(
    "/jwks.json",
    tags=["Metadata"],
    summary="The public keys",
    security=[{}],
    media_type=_JWKS,
    responses={
        200: ResponseSpec(dict[str, Any], description="A JWK set.", media_type=_JWKS),
        304: ResponseSpec(None, description="It is the one that `If-None-Match` names."),
    },
)
async def get_keys(
    request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Active, next and retired keys: no verifier meets one it could not know.

    A key that is revoked is gone within a second, so caches may keep it for five.
    """
    keys = context.keyring.public_jwks()
    etag = f'"{canonical.digest(keys).hex()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": f"public, max-age={_KEYS_CACHED_S}"}
    if is_known(request, etag):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(dict(keys), media_type=_JWKS, headers=headers)


@get(
    "/link-keys.json",
    tags=["Metadata"],
    summary="The public key that consent links are sealed to",
    security=[{}],
    media_type=_JWKS,
)
async def get_link_keys(context: NamedDependency[Context]) -> Response[dict[str, Any]]:
    """Apart from the keys that sign: no OpenID Connect client meets one it has no use for."""
    keys = [link_key(context.keyring.master).jwk()]
    return Response({"keys": keys}, media_type=_JWKS, headers=dict(_PUBLIC))
