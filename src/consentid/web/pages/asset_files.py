"""``/assets/{file}``: style sheets and icons, kept for ever since an address names its content.

Spec: RFC 8246 (immutable), RFC 9110 section 13.1.2 (If-None-Match).
"""

from http import HTTPStatus
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import PathParameter

from consentid.flows.context import Context
from consentid.kit.errors import NotFoundError
from consentid.web.pages.assets import find_asset, find_own_asset
from consentid.web.validators import is_known

_FOREVER = "public, max-age=31536000, immutable"


@get("/assets/{file:str}", include_in_schema=False)
async def get_asset(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    file: Annotated[str, PathParameter(max_length=128)],
) -> Response[Any]:
    """A file of a page; it needs no database once a configuration was seen."""
    found = find_own_asset(file)
    if found is None and context.last_book is not None:
        found = find_asset(context.last_book, file)
    if found is None:
        async with context.database.reading() as connection:
            found = find_asset(await context.book(connection), file)
    if found is None:
        raise NotFoundError("asset_unknown", "There is no such file, or no longer.")
    headers = {"Cache-Control": _FOREVER, "ETag": f'"{found.digest}"'}
    if is_known(request, headers["ETag"]):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)
