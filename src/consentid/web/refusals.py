"""How a problem is told at an address: to a person, in OAuth's words, or as a problem document."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from consentid.web.error_document import MEDIA_TYPE as HTML
from consentid.web.error_document import error_document, is_for_persons
from consentid.web.oauth_errors import (
    BEARER_PATHS,
    CLIENT_CHALLENGE,
    INVALID_REQUEST_CHALLENGE,
    OAUTH_PATHS,
    oauth_error_of,
)
from consentid.web.problems import MEDIA_TYPE, Problem, headers_of
from consentid.web.set_errors import DELIVERY_PATH, as_bad_request, is_of_streams, set_error_of


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
    if is_for_persons(path):
        headers.pop("WWW-Authenticate", None)
        return Refusal(
            status=_without_422(found.status),
            media_type=HTML,
            headers=headers,
            body=error_document(found),
        )
    if path == DELIVERY_PATH:
        return Refusal(
            status=_without_422(found.status),
            media_type="application/json",
            headers=headers,
            body=msgspec.json.encode(set_error_of(found)),
        )
    if is_of_streams(path):
        found = as_bad_request(found)
    is_bearer = path.rstrip("/") in BEARER_PATHS
    if not is_bearer and path.rstrip("/") not in OAUTH_PATHS:
        return Refusal(
            status=found.status,
            media_type=MEDIA_TYPE,
            headers=headers,
            body=msgspec.json.encode(found),
        )
    status = _without_422(found.status)
    if is_bearer and status == HTTPStatus.BAD_REQUEST:
        headers["WWW-Authenticate"] = INVALID_REQUEST_CHALLENGE
    if not is_bearer and status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = CLIENT_CHALLENGE
    return Refusal(
        status=status,
        media_type="application/json",
        headers=headers,
        body=msgspec.json.encode(oauth_error_of(found, is_bearer=is_bearer)),
    )


def _without_422(status: int) -> HTTPStatus:
    """OAuth knows no 422: a request that cannot be right is a 400 there."""
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return HTTPStatus.BAD_REQUEST
    return HTTPStatus(status)
