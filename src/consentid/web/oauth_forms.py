"""The forms of OAuth's endpoints in the OpenAPI document; ``forms`` is what parses them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Reference,
    RequestBody,
    Schema,
    SecurityRequirement,
)
from litestar.openapi.spec.enums import OpenAPIType

from consentid.oidc.client_assertion import ASSERTION_TYPE

CLIENT_FIELDS: Mapping[str, Sequence[str] | None] = {
    "client_id": None,
    "client_assertion": None,
    "client_assertion_type": [ASSERTION_TYPE],
}
"""How a client says who it is, where it does not by HTTP Basic."""
CLIENT_SECURITY: Final[list[SecurityRequirement]] = [{"client": []}, {}]
"""HTTP Basic, or those fields, which the document has no word for."""


def form_operation(
    fields: Mapping[str, Sequence[str] | None], *, required: Sequence[str], also: str | None = None
) -> type[Operation]:
    """An operation that takes a form; each field is text, some of a closed set.

    ``also`` is a media type that a good answer may have besides JSON, as text.
    """
    body = RequestBody(
        required=True,
        content={
            "application/x-www-form-urlencoded": OpenAPIMediaType(
                schema=Schema(
                    type=OpenAPIType.OBJECT,
                    required=list(required),
                    properties={
                        name: Schema(
                            type=OpenAPIType.STRING, enum=None if known is None else list(known)
                        )
                        for name, known in {**fields, **CLIENT_FIELDS}.items()
                    },
                )
            )
        },
    )

    @dataclass  # the base has no __post_init__, so its own __init__ would not call this one
    class FormOperation(Operation):
        def __post_init__(self) -> None:
            self.request_body: RequestBody | Reference | None = body
            good = (self.responses or {}).get("200")
            if also is not None and isinstance(good, OpenAPIResponse):
                text = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
                good.content = {**(good.content or {}), also: text}

    return FormOperation
