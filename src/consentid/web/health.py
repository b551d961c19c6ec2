"""``/health/live`` and ``/health/ready``: for whoever runs us."""

import asyncio
from http import HTTPStatus
from typing import Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec

from consentid.flows.context import Context
from consentid.kit.errors import UnavailableError

_PATIENCE_S: Final = 3


class HealthOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How we are."""

    status: str
    database: str | None = None
    catalogue: int | None = None
    cache: str | None = None


@get("/health/live", tags=["Operations"], summary="The process answers", security=[{}])
async def get_live() -> HealthOut:
    """Restart the process where this does not answer."""
    return HealthOut(status="ok")


@get(
    "/health/ready",
    tags=["Operations"],
    summary="Requests can be answered",
    security=[{}],
    responses={503: ResponseSpec(HealthOut, description="They cannot.", generate_examples=False)},
)
async def get_ready(context: NamedDependency[Context]) -> Response[HealthOut]:
    """Send no requests here where this does not answer 200."""
    cache = "degraded" if context.limiter.is_degraded else "ok"
    try:
        async with asyncio.timeout(_PATIENCE_S), context.database.reading() as connection:
            book = await context.book(connection)
    except (UnavailableError, TimeoutError) as error:
        code = error.code if isinstance(error, UnavailableError) else "database_unavailable"
        return Response(
            HealthOut(status="unavailable", database=code, cache=cache),
            status_code=HTTPStatus.SERVICE_UNAVAILABLE,
            headers={"Retry-After": "1"},
        )
    return Response(
        HealthOut(status="ok", database="ok", catalogue=book.catalogue.version, cache=cache)
    )
