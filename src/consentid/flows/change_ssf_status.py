"""The status of a Shared Signals stream, and verification: whether it works.

A stream that we stopped says ``paused``: what happens meanwhile is told once it is enabled.
Spec: OpenID Shared Signals Framework 1.0 sections 8.1.2 (status) and 8.1.4 (verification).
"""

from typing import Final

from consentid.events.security_events import Verification
from consentid.events.ssf import MIN_VERIFICATION_S, Status, StatusIn, StatusOut, VerificationIn
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.manage_ssf_streams import find_ssf_stream
from consentid.flows.write_set import add_notice
from consentid.kit.errors import ConflictError, ForbiddenError, RateLimitedError
from consentid.kit.instants import SECOND
from consentid.store import clock, deliveries, ssf_streams, webhooks
from consentid.store.ssf_streams import SsfStream
from consentid.store.webhooks import BY_OPERATOR

_OURS: Final = {
    BY_OPERATOR: "An operator stopped it.",
    "failing": "Its endpoint failed for too long.",
    "gone": "Its endpoint said that it is gone.",
}


async def read_ssf_status(context: Context, caller: Caller, stream_id: str) -> StatusOut:
    """The status of a stream of the caller.

    Raises:
        NotFoundError: the caller has no such stream.
        UnavailableError: the database cannot be reached.
    """
    async with context.database.reading() as connection:
        return _shown(await find_ssf_stream(connection, caller, stream_id))


async def change_ssf_status(context: Context, caller: Caller, given: StatusIn) -> StatusOut:
    """Enable, pause or disable it; what waits for one that is disabled is never told.

    Raises:
        ForbiddenError: an operator stopped it.
        NotFoundError: the caller has no such stream.
        UnavailableError: the database cannot be reached.
    """
    async with context.database.writing() as connection:
        before = await find_ssf_stream(connection, caller, given.stream_id, lock=True)
        number, why = before.endpoint.no, before.endpoint.disabled_why
        if why == BY_OPERATOR:
            raise ForbiddenError("stopped_by_operator", "An operator stopped this stream.")
        now = await clock.now(connection)
        if why == Status.DISABLED and given.status is not Status.DISABLED:
            await ssf_streams.skip(connection, number)
        if given.status is Status.ENABLED:
            await webhooks.enable(connection, number)
            await deliveries.hasten(connection, number, at=now)
        else:
            await webhooks.disable(connection, number, why=given.status, at=now)
        if given.status is Status.DISABLED:
            await deliveries.leave_out_pending(connection, number, at=now)
        await ssf_streams.note_status(connection, number, reason=given.reason)
        return _shown(await find_ssf_stream(connection, caller, given.stream_id))


async def verify_ssf_stream(context: Context, caller: Caller, given: VerificationIn) -> None:
    """Let a stream tell of itself, with the receiver's own words.

    Raises:
        ConflictError: the stream is not enabled.
        NotFoundError: the caller has no such stream.
        RateLimitedError: it was asked for a moment ago.
        UnavailableError: the database cannot be reached.
    """
    async with context.database.writing() as connection:
        stream = await find_ssf_stream(connection, caller, given.stream_id, lock=True)
        if _shown(stream).status is not Status.ENABLED:
            raise ConflictError("stream_not_enabled", "Nothing is told before it is enabled.")
        now = await clock.now(connection)
        if (
            stream.verified_at is not None
            and now - stream.verified_at < MIN_VERIFICATION_S * SECOND
        ):
            raise RateLimitedError(
                "verified_lately",
                f"Ask for a verification event every {MIN_VERIFICATION_S} seconds at most.",
                retry_after_s=MIN_VERIFICATION_S,
            )
        await ssf_streams.note_verified(connection, stream.endpoint.no, at=now)
        await add_notice(connection, stream.endpoint, Verification(state=given.state), at=now)


def _shown(stream: SsfStream) -> StatusOut:
    why = stream.endpoint.disabled_why
    status = Status.ENABLED if why is None else Status.PAUSED
    if why in set(Status):
        status = Status(why)
    return StatusOut(
        stream_id=stream.stream_id, status=status, reason=_OURS.get(why or "", stream.reason)
    )
