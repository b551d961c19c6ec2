"""What handlers take from a request, read as strictly as it is declared."""

import re
from typing import Annotated, Any, Final, TypeAlias, final

import msgspec
from litestar import Request
from litestar.params import HeaderParameter
from typing_extensions import override

from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.idempotency import MAX_KEY_LENGTH, Repeatable, repeatable
from consentid.kit.errors import MalformedError
from consentid.web.strict_bodies import body_of

_MEMBER: Final = re.compile(r"(?:required|unknown) field `([^`]{1,64})`")
_VALUE: Final = re.compile(r"(Invalid (?:enum )?value) .*", re.DOTALL)
_IN_MAP: Final = re.compile(r"`key` in `([^`]*)`?")

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


@final
class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON is decoded into what the handler declares, without coercion.

    The framework would take "1" for 1 and 1.0 for 1, which two parsers may read differently.
    """

    @override
    async def json(self) -> Any:
        """The body as the handler's own struct.

        Raises:
            MalformedError: with the place of the first offending value.
        """
        field = self.route_handler.parsed_data_field
        if field is None:
            return await super().json()
        try:
            return msgspec.json.decode(await self.body(), type=field.annotation)
        except msgspec.ValidationError as error:
            message, _, path = str(error).partition(" - at ")
            raise MalformedError(
                "invalid_body", f"{_without_value(message)}.", where=_place(message, path)
            ) from error


def _without_value(message: str) -> str:
    """What is wrong, and never what somebody sent: answers are logged on their way."""
    return _VALUE.sub(r"\1", message)


def _place(message: str, unverified_path: str) -> str:
    """``choices[3].purpose`` from msgspec's own way of saying it."""
    in_map = _IN_MAP.fullmatch(unverified_path)
    path = (in_map[1] if in_map else unverified_path).strip("`")
    member = _MEMBER.search(message)
    if member:
        path = f"{path}.{member[1]}"
    return path.removeprefix("$").removeprefix(".") or "body"


def repeatable_of(
    request: Request[Any, Any, Any],
    context: Context,
    caller: Caller,
    route: str,
    idempotency_key: str,
) -> Repeatable:
    """Name a request, so that its repetition can be told.

    Raises:
        MalformedError: two keys were sent, and either might be meant.
    """
    if len(request.headers.getall("idempotency-key", [])) > 1:
        raise MalformedError(
            "idempotency_key_malformed", "Send one Idempotency-Key.", where="Idempotency-Key"
        )
    return repeatable(
        context,
        client_id=caller.client.client_id,
        route=route,
        key=idempotency_key,
        subject=caller.subject,
        body=body_of(request) or b"",
    )


def is_global_privacy_control(request: Request[Any, Any, Any]) -> bool:
    """Whether a page's own request carries the person's signal; a back end's carries nobody's.

    Spec: Global Privacy Control (W3C), ``Sec-GPC``.
    """
    return "origin" in request.headers and request.headers.get("sec-gpc") == "1"
