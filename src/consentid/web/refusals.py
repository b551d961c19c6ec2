"""How a problem is told at an address: a problem document, or OAuth's words at OAuth's endpoints."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from consentid.web.oauth_errors import CLIENT_CHALLENGE, OAUTH_PATHS, oauth_error_of
from consentid.web.problems import MEDIA_TYPE, Problem, headers_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that refuses."""

    status: int
    media_type: str
    headers: Mapping[str, str]
    body: bytes


def refusal_of(path: str, found: Problem) -> Refusal:
    """Tell a problem as clients of that address expect it."""
    headers = headers_of(found)
    if path.rstrip("/") not in OAUTH_PATHS:
        return Refusal(
            status=found.status,
            media_type=MEDIA_TYPE,
            headers=headers,
            body=msgspec.json.encode(found),
        )
    if found.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = CLIENT_CHALLENGE
    # OAuth knows no 422: a request that cannot be right is a 400 there.
    status = (
        HTTPStatus.BAD_REQUEST
        if found.status == HTTPStatus.UNPROCESSABLE_ENTITY
        else HTTPStatus(found.status)
    )
    return Refusal(
        status=status,
        media_type="application/json",
        headers=headers,
        body=msgspec.json.encode(oauth_error_of(found)),
    )
