"""The answers that every handler may give besides its own, for the OpenAPI document."""

from collections.abc import Mapping
from typing import Final

from litestar.openapi.datastructures import ResponseSpec

from consentid.web.problems import MEDIA_TYPE, Problem


def problem_spec(description: str) -> ResponseSpec:
    """A problem document."""
    return ResponseSpec(
        Problem,
        description=description,
        media_type=MEDIA_TYPE,  # pyright: ignore[reportArgumentType] any text is a media type
        generate_examples=False,
    )


_ALWAYS: Final = {
    429: problem_spec("Too many requests; Retry-After says when."),
    503: problem_spec("Not now; Retry-After says when."),
}

PROBLEMS: Final[Mapping[int, ResponseSpec]] = {
    400: problem_spec("The body or a parameter is malformed; `where` names the place."),
    401: problem_spec("No access token, or one that does not hold."),
    403: problem_spec("The caller may not do this."),
    409: problem_spec("It clashes with what is true now."),
    410: problem_spec("It existed, and was erased."),
    413: problem_spec("The body is too large."),
    415: problem_spec("The body is not JSON."),
    422: problem_spec("A value breaks a rule; `where` names the place."),
    **_ALWAYS,
}

PUBLIC_PROBLEMS: Final[Mapping[int, ResponseSpec]] = {
    400: problem_spec("A parameter is malformed; `where` names it."),
    404: problem_spec("There is no such thing."),
    422: problem_spec("A parameter is unknown, or given twice."),
    **_ALWAYS,
}
