"""The OpenAPI document at ``/schema``: what the framework derives, made exact.

The framework knows routes, parameters and answers; it loses the constraints within structs and that
they take no unknown members.  Their schemas are msgspec's own instead, which judges the bodies.
Spec: OpenAPI 3.1, JSON Schema 2020-12.
"""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any, Final, final

import msgspec
from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme, Tag
from litestar.typing import FieldDefinition
from typing_extensions import override

from consentid.web.oauth_errors import OAuthError
from consentid.web.problems import Problem
from consentid.web.sending import STREAMED
from consentid.web.strict_bodies import PICTURES_PATH, PNG

_REF: Final = "#/components/schemas/{name}"
_PICTURE: Final = {
    "required": True,
    "content": {PNG.decode(): {"schema": {"type": "string", "contentMediaType": PNG.decode()}}},
}
_PURPOSES_OR_ALL: Final = {
    "oneOf": [
        {
            "required": ["purposes"],
            "properties": {"purposes": {"minItems": 1}, "all": {"const": False}},
        },
        {
            "required": ["all"],
            "properties": {"purposes": {"maxItems": 0}, "all": {"const": True}},
        },
    ]
}
_DESCRIPTION: Final = """\
Sites, partners and TV apps record what a person chose, and verify what they hold.

Get an access token at `/token`. No field of any request names a subject: the token does.
Errors are problem documents (RFC 9457) with a stable `code`; `/token` answers OAuth errors.
Requests are read strictly: no unknown members or parameters, none twice, no coercion, 64 KiB.
Send an `Idempotency-Key` with each write: a repetition counts once and is answered the same.
"""


@final
class ExactJson(JsonRenderPlugin):
    """The document as JSON, made once: everybody may ask for it, and it takes 18 ms."""

    _made: bytes | None = None

    @override
    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Exchange the schemas of structs, and encode."""
        if self._made is None:
            self._made = self._make(request, openapi_schema)
        return self._made

    def _make(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        exact = _exact_schemas(request)
        known: dict[str, Any] = openapi_schema["components"]["schemas"]
        schemas = {**known, **exact}
        schemas["WithdrawalIn"] = {**schemas["WithdrawalIn"], **_PURPOSES_OR_ALL}
        components = {**openapi_schema["components"], "schemas": dict(sorted(schemas.items()))}
        document = {**openapi_schema, "components": components}
        _leave_streams_open(document)
        document["paths"][PICTURES_PATH]["post"]["requestBody"] = _PICTURE
        return msgspec.json.encode(document)


def openapi_config() -> OpenAPIConfig:
    """How the document is made and where it is served."""
    return OpenAPIConfig(
        title="consentid",
        version=version("consentid"),
        summary="Consent once, honoured everywhere.",
        description=_DESCRIPTION,
        path="/schema",
        use_handler_docstrings=True,
        render_plugins=[ExactJson(path=["/openapi.json", "/"])],
        tags=[
            Tag(name="Catalogue", description="What a brand asks, and that it was shown."),
            Tag(name="Decisions", description="What a person chose."),
            Tag(name="Subjects", description="Devices, state and history."),
            Tag(name="Links", description="Questions that are sent to a person."),
            Tag(name="Events", description="What changed, in order, for each receiver."),
            Tag(name="Shared Signals", description="The same as security event tokens."),
            Tag(name="Field", description="Devices that capture without network."),
            Tag(name="Verification", description="Whether a consent token may be acted on."),
            Tag(name="Ledger", description="That nothing recorded was changed since."),
            Tag(name="OAuth", description="Who is calling, and for whom."),
            Tag(name="Metadata", description="Where everything is, and the public keys."),
            Tag(name="SDK", description="What a brand's page loads."),
            Tag(name="Operations", description="For whoever runs this."),
            Tag(name="Administration", description="For programs of the group's own staff."),
        ],
        security=[{"access_token": []}],
        components=Components(
            security_schemes={
                "access_token": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    description="An opaque access token from `/token`, good for 10 minutes.",
                ),
                "client": SecurityScheme(
                    type="http", scheme="basic", description="The client's id and secret."
                ),
            }
        ),
    )


def _leave_streams_open(document: Mapping[str, Any]) -> None:
    """OpenAPI 3.1 has no schema for what comes in pieces: a text as a whole it is not."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for told in operation["responses"].values():
                for media_type in STREAMED:
                    told.get("content", {}).get(media_type, {}).pop("schema", None)


def _exact_schemas(request: Request[Any, Any, Any]) -> Mapping[str, Any]:
    structs = {Problem, OAuthError}
    for route in request.app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler):
                structs |= set(_structs_of(handler))
    ordered = sorted(structs, key=lambda each: each.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template=_REF)
    return schemas


def _structs_of(handler: HTTPRouteHandler) -> Iterator[type[msgspec.Struct]]:
    """What the handler takes and answers."""
    fields = [handler.parsed_data_field, handler.parsed_return_field]
    for field in filter(None, fields):
        yield from _structs_in(field)


def _structs_in(field: FieldDefinition) -> Iterator[type[msgspec.Struct]]:
    if isinstance(field.annotation, type) and issubclass(field.annotation, msgspec.Struct):
        yield field.annotation
    for inner in field.inner_types:
        yield from _structs_in(inner)
