"""Errors as problem documents: the only place that knows HTTP statuses.  Spec: RFC 9457."""

import logging
import re
import secrets
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from consentid.kit.errors import (
    ConflictError,
    ConsentidError,
    ForbiddenError,
    GoneError,
    MalformedError,
    NotFoundError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)

_log: Final = logging.getLogger("consentid.web")

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:consentid:problem:"
BODY: Final = "consentid.body"
"""Where ``strict_bodies`` leaves a request's whole body in its scope."""

_MEMBER: Final = re.compile(r"(?:required|unknown) field `([^`]{1,64})`")
_MISSING: Final = re.compile(r"Missing required \w+ parameter '([^']+)'")

_STATUSES: Final[dict[type[ConsentidError], HTTPStatus]] = {
    MalformedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    GoneError: HTTPStatus.GONE,
    RateLimitedError: HTTPStatus.TOO_MANY_REQUESTS,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem document."""

    type: str
    title: str
    status: int
    code: str
    """Stable: match on this."""
    detail: str
    where: str | None = None
    """The place of the offending value: ``choices[3].purpose``, a header, a parameter."""
    retry_after_s: int | None = None


def problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    *,
    where: str | None = None,
    retry_after_s: int | None = None,
) -> Problem:
    """Make a problem document."""
    return Problem(
        type=f"{TYPE_PREFIX}{code}",
        title=status.phrase,
        status=status,
        code=code,
        detail=detail,
        where=where,
        retry_after_s=retry_after_s,
    )


def headers_of(found: Problem) -> dict[str, str]:
    """The headers that go with a problem."""
    headers = {"Cache-Control": "no-store"}
    if found.retry_after_s is not None:
        headers["Retry-After"] = str(found.retry_after_s)
    if found.status == HTTPStatus.UNAUTHORIZED:
        error = "" if found.code == "token_missing" else ' error="invalid_token"'
        headers["WWW-Authenticate"] = f'Bearer realm="consentid"{"," if error else ""}{error}'
    if found.code == "insufficient_scope":
        headers["WWW-Authenticate"] = 'Bearer realm="consentid", error="insufficient_scope"'
    return headers


def problem_of(error: ConsentidError) -> Problem:
    """Say one of our own errors over HTTP."""
    status = next(status for kind, status in _STATUSES.items() if isinstance(error, kind))
    retry_after_s: int | None = getattr(error, "retry_after_s", None)
    return problem(
        status, error.code, error.message, where=error.where, retry_after_s=retry_after_s
    )


def _respond(found: Problem) -> Response[Problem]:
    return Response(
        found, status_code=found.status, media_type=MEDIA_TYPE, headers=headers_of(found)
    )


def on_consentid_error(_: Request[Any, Any, Any], error: ConsentidError) -> Response[Problem]:
    """Answer with one of our own errors."""
    return _respond(problem_of(error))


def on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """Answer with what the framework found wrong."""
    if isinstance(error, ValidationException):
        return _respond(_validation(request, error))
    status = HTTPStatus(error.status_code)
    detail = {
        HTTPStatus.NOT_FOUND: "There is nothing at this address.",
        HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take this method.",
    }.get(status, error.detail or status.phrase)
    response = _respond(problem(status, status.name.lower(), detail))
    if error.headers is not None and "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


def on_bug(_: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Answer an unforeseen exception with an id and no detail; the log has the rest."""
    id_ = secrets.token_hex(8)
    _log.error("unforeseen error %s", id_, exc_info=error)
    return _respond(
        problem(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "internal_error",
            f"This is a bug of ours; the log has it under {id_}.",
        )
    )


def _validation(request: Request[Any, Any, Any], error: ValidationException) -> Problem:
    """Name the place of the first offending value: a member of the body, or a parameter."""
    body = _body_problem(request)
    if body is not None:
        return body
    found = error.extra[0] if isinstance(error.extra, list) and error.extra else {}
    missing = _MISSING.match(error.detail)
    where = str(found.get("key") or (missing[1] if missing else "body"))
    if where.lower() == "idempotency-key":
        return problem(
            HTTPStatus.BAD_REQUEST,
            "idempotency_key_missing" if missing else "idempotency_key_malformed",
            "Send an Idempotency-Key header of 1 to 255 visible ASCII characters, fresh for each"
            " request: repetitions then count once.",
            where="Idempotency-Key",
        )
    return problem(
        HTTPStatus.BAD_REQUEST,
        "parameter_missing" if missing else "invalid_parameter",
        str(found.get("message") or error.detail),
        where=where,
    )


def _body_problem(request: Request[Any, Any, Any]) -> Problem | None:
    """Read the body once more for the exact place: the framework's message does not tell it."""
    field = request.route_handler.parsed_data_field
    body: bytes | None = request.scope.get(BODY)  # pyright: ignore[reportAssignmentType] our own key
    if field is None or body is None:
        return None
    try:
        msgspec.json.decode(body, type=field.annotation)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        member = _MEMBER.search(message)
        path = f"{path.strip('`')}.{member[1]}" if member else path.strip("`")
        return problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "invalid_body",
            f"{message}.",
            where=path.removeprefix("$").removeprefix(".") or "body",
        )
    except msgspec.DecodeError as error:
        return problem(
            HTTPStatus.BAD_REQUEST,
            "malformed_body",
            f"The body is not JSON: {error}.",
            where="body",
        )
    return None
