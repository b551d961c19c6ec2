"""The answers that handlers may give besides their own, for the OpenAPI document."""

from collections.abc import Mapping
from typing import Final

import msgspec
from litestar.openapi.datastructures import ResponseSpec

from consentid.web.oauth_errors import OAuthError
from consentid.web.problems import MEDIA_TYPE, Problem

_DESCRIPTIONS: Final = {
    400: "The body or a parameter is malformed; `where` names the place.",
    401: "No access token, or one that does not hold.",
    403: "The caller may not do this.",
    404: "There is no such thing.",
    409: "It clashes with what is true now.",
    410: "It existed, and is kept no more.",
    413: "The body is too large.",
    415: "The body is of another media type.",
    422: "A value breaks a rule; `where` names the place.",
    429: "Too many requests; `Retry-After` says when.",
    503: "Not now; `Retry-After` says when.",
}


def _specs(
    container: type[msgspec.Struct], media_type: str, *statuses: int
) -> dict[int, ResponseSpec]:
    return {
        status: ResponseSpec(
            container,
            description=_DESCRIPTIONS[status],
            media_type=media_type,
            generate_examples=False,
        )
        for status in statuses
    }


PUBLIC_PROBLEMS: Final[Mapping[int, ResponseSpec]] = _specs(
    Problem, MEDIA_TYPE, 400, 404, 422, 429, 503
)
"""Of what anybody may read."""

DOCUMENT_PROBLEMS: Final[Mapping[int, ResponseSpec]] = _specs(Problem, MEDIA_TYPE, 503)
"""Of a document that takes no parameters."""

READ_PROBLEMS: Final[Mapping[int, ResponseSpec]] = _specs(
    Problem, MEDIA_TYPE, 400, 401, 403, 422, 429, 503
)
"""Of what a caller may read."""

FOUND_PROBLEMS: Final[Mapping[int, ResponseSpec]] = {
    **READ_PROBLEMS,
    **_specs(Problem, MEDIA_TYPE, 404),
}
"""Of what a caller may read by its name."""

BODY_PROBLEMS: Final[Mapping[int, ResponseSpec]] = _specs(
    Problem, MEDIA_TYPE, 400, 401, 403, 409, 413, 415, 422, 429, 503
)
"""Of what takes a body."""

FEED_PROBLEMS: Final[Mapping[int, ResponseSpec]] = {
    **READ_PROBLEMS,
    **_specs(Problem, MEDIA_TYPE, 410),
}
"""Of what is kept for a while."""

WRITE_PROBLEMS: Final[Mapping[int, ResponseSpec]] = {
    **BODY_PROBLEMS,
    **_specs(Problem, MEDIA_TYPE, 410),
}
"""Of what takes an idempotency key too."""

BEARER_ERRORS: Final[Mapping[int, ResponseSpec]] = _specs(
    OAuthError, "application/json", 400, 401, 403, 413, 415, 429, 503
)
"""Of what OAuth's own words refuse to who shows an access token."""

OAUTH_ERRORS: Final[Mapping[int, ResponseSpec]] = _specs(
    OAuthError, "application/json", 400, 401, 413, 415, 429, 503
)
"""Of OAuth's endpoints."""
