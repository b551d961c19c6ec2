"""Errors as problem documents: the only place that knows HTTP statuses.  Spec: RFC 9457."""

from http import HTTPStatus
from typing import Final

import msgspec

from consentid.kit.errors import (
    BadCursorError,
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

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:consentid:problem:"

_STATUSES: Final[dict[type[ConsentidError], HTTPStatus]] = {
    BadCursorError: HTTPStatus.BAD_REQUEST,
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
