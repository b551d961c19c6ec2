"""``POST /v1/admin/verification``: all that is recorded is checked, and told of line by line.

It is done in a process of its own: hashing what a year brought would hold up whoever is served.
That process ends with the answer, however the answer ends.
"""

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
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
from consentid.flows.staff import SCOPE_OF, Verb
from consentid.flows.stage_act import by_client, noting_of
from consentid.flows.verify_all import Broken, Family, Job, Line, Part, PolicyIn, Verdict
from consentid.kit.errors import MalformedError, RateLimitedError, UnavailableError
from consentid.store import clock
from consentid.web.callers import wall_clock_s
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.responses import BODY_PROBLEMS
from consentid.web.sending import LINES, PatientStream, begun

MOST: Final = Limit(name="verification", most=30, window_s=3_600)
_PROGRAM: Final = ("-m", "consentid.cli.ledger_lines")
_AGAIN_S: Final = 60
_ending: Final[set[asyncio.Task[int]]] = set()
"""Whoever was ended, until the system has heard it."""


class WitnessesIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which witnesses count, as C2SP writes their keys, and how many of them it takes."""

    quorum: Annotated[int, Meta(ge=1, le=32)]
    witnesses: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=512)]], Meta(min_length=1, max_length=32)
    ]


class VerifyAllIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be checked; nothing named: all of it."""

    only: Part | None = None
    checkpoints: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=16_384)]], Meta(max_length=8)
    ] = []
    """Signed notes that were kept elsewhere: the log must continue each of them."""
    policy: WitnessesIn | None = None
    """Whose cosignatures those checkpoints must carry, or else the last one."""


@post(
    "/v1/admin/verification",
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt={SCOPE: SCOPE_OF[Verb.VERIFY], QUERY: frozenset[str]()},
    tags=["Administration"],
    summary="Check all that is recorded",
    description=(
        "As `consentid ledger verify` does, in lines of JSON, whose `is` says what each is: "
        "`begun`; `progress` every second (`part`, `done`, `faults`); `fault` (`part`, `where`, "
        "`message`); at the end `verdict` (`whole`, `faults`, counts, `seconds`), or `broken` "
        "where it could not be checked to the end. Without one of these two the answer broke "
        "off. It takes minutes, ends when you leave, and one runs at a time in the whole group "
        "(429). Bodies of whoever is set aside are checked by a process that has "
        "`CONSENTID_ADMIN_DATABASE_URL`."
    ),
    media_type=LINES,
    responses={
        **BODY_PROBLEMS,
        200: ResponseSpec(str, media_type=LINES, description="Lines.", generate_examples=False),
    },
)
async def post_admin_verification(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[VerifyAllIn],
) -> ASGIStreamingResponse:
    """Begun before it is answered, so that refusals are still told."""
    client_id = caller.client.client_id
    await context.limiter.check(MOST, client_id, now_s=wall_clock_s())
    policy = data.policy
    job = Job(
        only=data.only,
        checkpoints=data.checkpoints,
        policy=None
        if policy is None
        else PolicyIn(quorum=policy.quorum, witnesses=policy.witnesses),
    )
    lines = _lines(context, client_id, job)
    return PatientStream(await begun(lines), media_type=LINES)


async def _lines(context: Context, client_id: str, job: Job) -> AsyncGenerator[bytes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *_PROGRAM, stdin=PIPE, stdout=PIPE
    )
    try:
        await _ask(process, job)
        first = await _next(process)
        _refuse(first)
        noted = noting_of(context, by_client(client_id))
        async with context.database.writing() as connection:
            now = await clock.now(connection)
            await noted.note(connection, "ledger/verify", at=now, only=job.only)
        line: Line | None = first
        while line is not None:
            yield msgspec.json.encode(line) + b"\n"
            line = None if isinstance(line, Verdict | Broken) else await _next(process)
    finally:
        _end(process)


async def _ask(process: Process, job: Job) -> None:
    if process.stdin is None:
        raise _ended()
    process.stdin.write(msgspec.json.encode(job))
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its answer says why
        await process.stdin.drain()
    process.stdin.close()


async def _next(process: Process) -> Line:
    """What it says next; where it says nothing any more, that it ended.

    Its own last words are a verdict, or why there is none.
    """
    line = b"" if process.stdout is None else await process.stdout.readline()
    if not line.endswith(b"\n"):
        ended = _ended()
        return Broken(
            family=Family.UNAVAILABLE,
            code=ended.code,
            message=ended.message,
            where=None,
            retry_after_s=ended.retry_after_s,
        )
    return msgspec.json.decode(line, type=Line)


def _refuse(first: Line) -> None:
    if not isinstance(first, Broken):
        return
    match first.family:
        case Family.MALFORMED:
            raise MalformedError(first.code, first.message, where=first.where)
        case Family.BUSY:
            raise RateLimitedError(first.code, first.message, retry_after_s=first.retry_after_s)
        case Family.UNAVAILABLE:
            raise UnavailableError(first.code, first.message, retry_after_s=first.retry_after_s)


def _end(process: Process) -> None:
    """Whatever it does: nobody listens any more.  Nothing is waited for, as we may be ended too."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    ending = asyncio.create_task(process.wait())
    _ending.add(ending)
    ending.add_done_callback(_ending.discard)


def _ended() -> UnavailableError:
    return UnavailableError(
        "verification_ended",
        "The process that verifies ended before its time: is there memory for it?",
        retry_after_s=_AGAIN_S,
    )
