"""``/statuslists/{n}``: revocation, for whoever verifies offline.

Spec: draft-ietf-oauth-status-list-21 sections 8.1 (a list), 9.3 (aggregation).
"""

import hashlib
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter

from consentid.flows.context import Context
from consentid.flows.publish_status_lists import show_status_list
from consentid.kit.errors import NotFoundError
from consentid.store import status_lists
from consentid.tokens.status import MEDIA_TYPE, PATH, TTL_S
from consentid.web.responses import DOCUMENT_PROBLEMS, PUBLIC_PROBLEMS

_MAX_LIST: Final = 2**31 - 1


class AggregationOut(msgspec.Struct, frozen=True, kw_only=True):
    """The addresses of all lists."""

    status_lists: list[str]


@get(
    f"{PATH}{{number:int}}",
    tags=["Verification"],
    summary="A status list",
    security=[{}],
    media_type=MEDIA_TYPE,
    responses={
        **PUBLIC_PROBLEMS,
        304: ResponseSpec(None, description="It is the one that `If-None-Match` names."),
    },
)
async def get_status_list(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    number: Annotated[int, PathParameter(ge=1, le=_MAX_LIST)],
) -> Response[bytes]:
    """A signed list of bits, one per token."""
    found = await show_status_list(context, number)
    if found is None:
        raise NotFoundError("status_list_unknown", "There is no such list.", where="number")
    etag = f'"{hashlib.sha256(found.token.encode()).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": f"public, max-age={_max_age_s()}"}
    known = [each.strip() for each in request.headers.get("if-none-match", "").split(",")]
    if etag in known:
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(found.token.encode(), media_type=MEDIA_TYPE, headers=headers)


def _max_age_s() -> int:
    """Caches on the way may keep a list for one publication window, verifiers for its ``ttl``."""
    return min(5, TTL_S)


@get(
    "/statuslists",
    tags=["Verification"],
    summary="All status lists",
    security=[{}],
    responses=DOCUMENT_PROBLEMS,
)
async def get_status_lists(context: NamedDependency[Context]) -> AggregationOut:
    """Where every list is."""
    async with context.database.reading() as connection:
        book = await context.book(connection)
        numbers = await status_lists.every(connection)
    base = f"{book.group.issuer.rstrip('/')}{PATH}"
    return AggregationOut(status_lists=[f"{base}{number}" for number in numbers])
