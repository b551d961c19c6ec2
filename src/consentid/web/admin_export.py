"""``POST /v1/admin/export``: the log as lines of JSON, for a regulator or a warehouse.

A page is read when the one before was taken, each in a transaction of its own; whoever leaves ends
it, and goes on after the last line that they have.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from litestar.response.streaming import ASGIStreamingResponse
from msgspec import Meta

from consentid.cache.limits import Limit
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.export_ledger import export_ledger
from consentid.flows.note_export import program
from consentid.flows.staff import SCOPE_OF, Verb
from consentid.kit.errors import RateLimitedError
from consentid.web.callers import wall_clock_s
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.responses import BODY_PROBLEMS
from consentid.web.sending import LINES, PatientStream, begun

MOST: Final = Limit(name="export", most=60, window_s=3_600)
_PAGE: Final = 100
"""Entries that are opened in one go: some milliseconds, for which others wait."""
_MOST_TOLD: Final = 100
_AGAIN_S: Final = 30


class ExportIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much, and from where on."""

    leaves: bool
    """True: entries alone, no personal data.  False: with records and salts, everybody's."""
    after: Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,8}/(0|[1-9][0-9]{0,17})\Z")] | None = None
    """Go on after a line: its `at`, such as `1/4711`."""


class _EndOut(msgspec.Struct, frozen=True, kw_only=True):
    entries: int
    faults: list[str]
    unreadable: int


@post(
    "/v1/admin/export",
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt={SCOPE: SCOPE_OF[Verb.EXPORT], QUERY: frozenset[str]()},
    tags=["Administration"],
    summary="The log, entry by entry",
    description=(
        "As `consentid ledger export` writes it: each published entry in order, a line of JSON, "
        "with `leaves: false` the record that it speaks of and the salt that opens its "
        "commitment; at a log's end its signed checkpoint. The last line has `entries`, "
        "`unreadable` and the first of their `faults`: without it the answer broke off, and goes "
        "on after the last `at` that came. Of whom was restricted or erased the entry alone is "
        "told; everybody else sees who copied their records. One at a time in a process (429)."
    ),
    media_type=LINES,
    responses={
        **BODY_PROBLEMS,
        200: ResponseSpec(str, media_type=LINES, description="Lines.", generate_examples=False),
    },
)
async def post_admin_export(
    context: NamedDependency[Context], caller: NamedDependency[Caller], data: JSONBody[ExportIn]
) -> ASGIStreamingResponse:
    """As ``ledger export`` writes it, as fast as it is read."""
    client_id = caller.client.client_id
    return PatientStream(await begun(_lines(context, client_id, data)), media_type=LINES)


async def _lines(context: Context, client_id: str, asked: ExportIn) -> AsyncGenerator[bytes]:
    if context.exporting.locked():
        raise RateLimitedError(
            "export_under_way",
            "A program copies the log here already: wait until it has done.",
            retry_after_s=_AGAIN_S,
        )
    encoder = msgspec.json.Encoder()
    entries, faults, unreadable = 0, list[str](), 0
    async with context.exporting:
        await context.limiter.check(MOST, client_id, now_s=wall_clock_s())
        pages = export_ledger(
            context,
            unverified_after=asked.after,
            is_opened=not asked.leaves,
            taker=program(client_id),
            page_size=_PAGE,
        )
        async with aclosing(pages):
            async for page in pages:
                entries += page.entries
                unreadable += len(page.faults)
                faults += page.faults[: _MOST_TOLD - len(faults)]
                yield encoder.encode_lines(page.lines)
                await asyncio.sleep(0)  # what waited meanwhile comes first
    yield encoder.encode_lines([_EndOut(entries=entries, faults=faults, unreadable=unreadable)])
