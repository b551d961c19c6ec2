"""What several handlers take from a request."""

from typing import Annotated, Any, TypeAlias

from litestar import Request
from litestar.params import HeaderParameter

from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.idempotency import MAX_KEY_LENGTH, Repeatable, repeatable
from consentid.web.strict_bodies import body_of

IdempotencyKey: TypeAlias = Annotated[
    str,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=MAX_KEY_LENGTH,
        pattern=r"^[\x21-\x7e]+$",
        description="Fresh for each request, the same for each repetition of it.",
    ),
]


def repeatable_of(
    request: Request[Any, Any, Any],
    context: Context,
    caller: Caller,
    route: str,
    idempotency_key: str,
) -> Repeatable:
    """Name a request, so that its repetition can be told."""
    return repeatable(
        context,
        client_id=caller.client.client_id,
        route=route,
        key=idempotency_key,
        subject=caller.subject,
        body=body_of(request) or b"",
    )
