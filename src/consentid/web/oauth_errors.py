"""Errors in OAuth's words, which its endpoints use instead of problem documents.

Spec: RFC 6749 section 5.2; ``temporarily_unavailable`` and ``server_error`` as in section 4.1.2.1.
"""

import re
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from consentid.web.problems import Problem

OAUTH_PATHS: Final = frozenset(
    {
        *("/token", "/par", "/introspect", "/revoke", "/device_authorization", "/bc-authorize"),
        "/backchannel_logout",
    }
)
BEARER_PATHS: Final = frozenset({"/userinfo"})
"""Where an access token is shown, and refused in OAuth's words too.  Spec: RFC 6750 section 3."""
CLIENT_CHALLENGE: Final = 'Basic realm="consentid", charset="UTF-8"'
INVALID_REQUEST_CHALLENGE: Final = 'Bearer realm="consentid", error="invalid_request"'

_FORBIDDEN: Final = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")
_WORDS: Final = {
    HTTPStatus.UNAUTHORIZED: "invalid_client",
    HTTPStatus.TOO_MANY_REQUESTS: "temporarily_unavailable",
    HTTPStatus.SERVICE_UNAVAILABLE: "temporarily_unavailable",
    HTTPStatus.INTERNAL_SERVER_ERROR: "server_error",
}
_BEARER_WORDS: Final = {
    **_WORDS,
    HTTPStatus.UNAUTHORIZED: "invalid_token",
    HTTPStatus.FORBIDDEN: "insufficient_scope",
}


class OAuthError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An OAuth error.  Spec: RFC 6749 section 5.2."""

    error: Annotated[str, Meta(pattern=r"^[a-z_]+$")]
    """Stable: match on this."""
    error_description: str | None = None


def oauth_error(error: str, description: str) -> OAuthError:
    """Make an error; its description keeps to the characters that OAuth allows."""
    return OAuthError(
        error=error,
        error_description=_FORBIDDEN.sub("'", description.replace('"', "'")) or None,
    )


def oauth_error_of(problem: Problem, *, is_bearer: bool = False) -> OAuthError:
    """Say a problem in OAuth's words; ``is_bearer`` for who shows an access token."""
    words = _BEARER_WORDS if is_bearer else _WORDS
    word = words.get(HTTPStatus(problem.status), "invalid_request")
    place = "" if problem.where is None else f" ({problem.where})"
    return oauth_error(word, f"{problem.detail}{place}")
