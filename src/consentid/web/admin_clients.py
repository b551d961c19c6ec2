"""``/v1/admin/clients``, where clients are made: by a process that was given the owner's database.

The role that serves requests cannot write them, so every other process refuses.  No program makes
administrators: a client that has a scope of the administration is made, changed and given secrets
on the command line alone.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from msgspec import Meta

from consentid.brandbook.client import (
    ADMINISTRATION,
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
from consentid.brandbook.client_keys import BadKeyError, read_keys
from consentid.brandbook.place import spell
from consentid.core.party import find_party
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.own_database import owned
from consentid.flows.register_client import NewSecret, add_client, rotate_secret
from consentid.flows.staff import SCOPE_OF, Verb
from consentid.flows.stage_act import by_client
from consentid.kit.errors import MalformedError
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.responses import BODY_PROBLEMS, FOUND_PROBLEMS

_PATH: Final = "/v1/admin/clients"
_TAGS: Final = ("Administration",)
_NO_STORE: Final = {"Cache-Control": "no-store"}
_HOUR_S: Final = 3_600
_WEEK_H: Final = 168
_PROBLEMS: Final = {**BODY_PROBLEMS, **FOUND_PROBLEMS}
WHERE: Final = (
    "Only a process that has `CONSENTID_ADMIN_DATABASE_URL` answers; others refuse with "
    "`admin_database_unset`. "
)
"""Of what the owner alone writes."""

_Uris: TypeAlias = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=2_048)]], Meta(max_length=50)
]
_Slug: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128)]


class ClientIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A client that the files do not declare; what is left out follows from the rest."""

    client_id: _Slug
    party: _Slug
    """`brand/shop` or `partner/reach`."""
    scopes: Annotated[list[Scope], Meta(max_length=50)] = []
    """None: `verify`.  Scopes of the administration are refused."""
    auth: AuthMethod = AuthMethod.CLIENT_SECRET_BASIC
    surface: Surface = Surface.WEB
    collects: Collects = Collects.OWN
    application_type: ApplicationType | None = None
    grant_types: Annotated[list[GrantType], Meta(max_length=50)] = []
    """None: all that the rest allows."""
    redirect_uris: _Uris = []
    post_logout_redirect_uris: _Uris = []
    backchannel_logout_uri: Annotated[str, Meta(min_length=1, max_length=2_048)] | None = None
    purposes: Annotated[list[_Slug], Meta(max_length=500)] = []
    """What it may ask for; none: all that its party offers."""
    audience: Annotated[str, Meta(min_length=1, max_length=2_048)] | None = None
    id_token_signed_response_alg: IdTokenAlgorithm = IdTokenAlgorithm.RS256
    require_pushed_authorization_requests: bool = False
    jwks: dict[str, Any] | None = None
    """Its public keys, as a JSON Web Key Set, for `private_key_jwt` or `links:write`."""


class NewSecretIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long older secrets of the client still hold."""

    overlap_hours: Annotated[int, Meta(ge=0, le=_WEEK_H)] = 24


class ClientSecretOut(msgspec.Struct, frozen=True, kw_only=True):
    """A client's secret.  Told this once."""

    client_id: str
    secret: str | None
    """Null for a client that has none."""
    old_ends_in_s: int | None
    """Seconds until older secrets end; null where there were none."""


def _for(verb: Verb) -> dict[str, Any]:
    return {SCOPE: SCOPE_OF[verb], QUERY: frozenset[str]()}


@post(
    _PATH,
    status_code=HTTPStatus.CREATED,
    guards=[bearer_guard],
    opt=_for(Verb.ADD_CLIENT),
    tags=_TAGS,
    summary="Register a client",
    description=(
        f"{WHERE}The secret is told this once. 409 for a client that exists already, so it takes "
        "no `Idempotency-Key`."
    ),
    responses=_PROBLEMS,
)
async def post_admin_client(
    context: NamedDependency[Context], caller: NamedDependency[Caller], data: JSONBody[ClientIn]
) -> Response[ClientSecretOut]:
    """As ``clients add`` does, and held to the same rules."""
    declared = _declared(data)
    async with owned(context) as database:
        made = await add_client(
            database,
            declared,
            randomness=context.randomness,
            ledger_origin=context.settings.ledger_origin,
            by=by_client(caller.client.client_id),
            withheld=ADMINISTRATION,
        )
    return _secret(data.client_id, made)


@post(
    f"{_PATH}/{{client_id:str}}/secret",
    status_code=HTTPStatus.CREATED,
    guards=[bearer_guard],
    opt=_for(Verb.ROTATE_CLIENT),
    tags=_TAGS,
    summary="Give a client a new secret",
    description=(
        f"{WHERE}It is told this once; older ones hold until `overlap_hours` are over. Not for "
        "clients with a scope of the administration."
    ),
    responses=_PROBLEMS,
)
async def post_admin_client_secret(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    client_id: Annotated[str, PathParameter(max_length=128)],
    data: JSONBody[NewSecretIn],
) -> Response[ClientSecretOut]:
    """As ``clients rotate`` does."""
    async with owned(context) as database:
        made = await rotate_secret(
            database,
            client_id=client_id,
            overlap_s=data.overlap_hours * _HOUR_S,
            randomness=context.randomness,
            ledger_origin=context.settings.ledger_origin,
            by=by_client(caller.client.client_id),
            withheld=ADMINISTRATION,
        )
    return _secret(client_id, made)


def _declared(data: ClientIn) -> ClientDeclaration:
    party = find_party(data.party)
    if party is None:
        raise MalformedError("bad_party", "Write brand/SLUG or partner/SLUG.", where="party")
    try:
        keys = () if data.jwks is None else read_keys(data.jwks)
    except BadKeyError as bad:
        place = spell(("jwks", *bad.place))
        raise MalformedError(
            "bad_key", f"{bad.message[0].upper()}{bad.message[1:]}: {bad.remedy}.", where=place
        ) from bad
    return declare(
        client_id=data.client_id,
        party=party,
        auth=data.auth,
        scopes=data.scopes,
        collects=data.collects,
        surface=data.surface,
        application_type=data.application_type,
        grant_types=data.grant_types,
        redirect_uris=data.redirect_uris,
        post_logout_redirect_uris=data.post_logout_redirect_uris,
        backchannel_logout_uri=data.backchannel_logout_uri,
        purposes=data.purposes,
        audience=data.audience,
        id_token_signed_response_alg=data.id_token_signed_response_alg,
        require_pushed_authorization_requests=data.require_pushed_authorization_requests,
        keys=keys,
    )


def _secret(client_id: str, made: NewSecret | None) -> Response[ClientSecretOut]:
    out = ClientSecretOut(
        client_id=client_id,
        secret=None if made is None else made.secret,
        old_ends_in_s=None if made is None else made.old_ends_in_s,
    )
    return Response(out, status_code=HTTPStatus.CREATED, headers=_NO_STORE)


CLIENT_HANDLERS: Final = (post_admin_client, post_admin_client_secret)
