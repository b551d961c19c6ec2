"""What went wrong becomes an answer: our own errors, the framework's, and bugs."""

import logging
import re
import secrets
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from consentid.kit.errors import ConsentidError
from consentid.web.problems import Problem, problem, problem_of
from consentid.web.refusals import refusal_of

_log: Final = logging.getLogger("consentid.web")

_MISSING: Final = re.compile(r"Missing required (\w+) parameter '([^']+)'")
_KEY_WANTED: Final = (
    "Send an Idempotency-Key header of 1 to 255 visible ASCII characters, fresh for each request: "
    "repetitions then count once."
)
_DETAILS: Final = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take this method.",
}


def on_consentid_error(request: Request[Any, Any, Any], error: ConsentidError) -> Response[bytes]:
    """Answer with one of our own errors."""
    return _respond(request, problem_of(error))


def on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer with what the framework found wrong."""
    if isinstance(error, ValidationException):
        return _respond(request, _validation(error))
    status = HTTPStatus(error.status_code)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return on_bug(request, error)
    detail = _DETAILS.get(status, error.detail or status.phrase)
    response = _respond(request, problem(status, status.name.lower(), detail))
    allow = (error.headers or {}).get("allow")
    if allow is not None:
        response.headers["Allow"] = allow
    return response


def on_bug(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer an unforeseen exception with an id and no detail; the log has the rest."""
    id_ = log_bug(error)
    return _respond(
        request,
        problem(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "internal_error",
            f"This is a bug of ours; the log has it under {id_}.",
        ),
    )


def log_bug(error: Exception) -> str:
    """Log an unforeseen exception; the id that it has there."""
    id_ = secrets.token_hex(8)
    _log.error("unforeseen error %s", id_, exc_info=error)
    return id_


def _respond(request: Request[Any, Any, Any], found: Problem) -> Response[bytes]:
    refusal = refusal_of(request.scope["path"], found)
    return Response(
        refusal.body,
        status_code=refusal.status,
        media_type=refusal.media_type,
        headers=dict(refusal.headers),
    )


def _validation(error: ValidationException) -> Problem:
    """Name the first offending parameter.  Bodies are judged by ``requests.StrictRequest``."""
    found: dict[str, Any] = error.extra[0] if isinstance(error.extra, list) and error.extra else {}
    missing = _MISSING.match(error.detail)
    where = str(found.get("key") or (missing[2] if missing else "body"))
    if where.lower().replace("_", "-") == "idempotency-key":
        return problem(
            HTTPStatus.BAD_REQUEST,
            "idempotency_key_missing" if missing else "idempotency_key_malformed",
            _KEY_WANTED,
            where="Idempotency-Key",
        )
    if missing:
        return problem(
            HTTPStatus.BAD_REQUEST,
            "parameter_missing",
            f"Send this {missing[1]} parameter.",
            where=where,
        )
    return problem(
        HTTPStatus.BAD_REQUEST,
        "invalid_parameter",
        f"{found.get('message') or error.detail}.",
        where=where,
    )
