"""Answer with a subject's state when it is no longer the one that the caller knows.

Spec: RFC 7240 section 4.3 (``wait``), RFC 9110 section 13.1.2.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from consentid.flows.authenticate import Caller
from consentid.flows.change_watch import ChangeWatch
from consentid.flows.context import Context
from consentid.flows.show_state import StateOut, StateSeen, look_at_state

_encoder: Final = msgspec.json.Encoder()
_DIGEST_LENGTH: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A state, and the validator of what it shows."""

    state: StateOut
    etag: str
    """Says nothing of choices that this caller may not see: it names what is shown."""
    has_waited: bool
    """False where there was no room to wait, or the process is about to end."""


async def follow_state(
    context: Context,
    watch: ChangeWatch,
    caller: Caller,
    *,
    token: bytes,
    at_least: str | None,
    is_known: Callable[[str], bool],
    wait_s: float,
    gone: "asyncio.Future[None] | None",
    renew: Callable[[], Awaitable[Caller]],
) -> Followed:
    """The state now, or, while ``is_known``, as soon as it is another, or after ``wait_s``.

    ``token``, by its hash, is what let the caller in: its end, as by a sign-out, ends the wait.
    ``gone`` ends the wait of somebody who does not listen any more.  ``renew`` finds the caller
    anew: what let it in may have ended together with what it waited for.

    Raises:
        ForbiddenError, MalformedError, UnauthenticatedError, UnavailableError: see ``show_state``.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_s
    seen = await look_at_state(context, caller, at_least=at_least)
    has_waited = False
    while is_known(_etag(seen.state)) and (left_s := until - loop.time()) > 0:
        # One of no family ends by itself alone, ten minutes after it was made.
        woken = await _is_changed(
            watch, seen, token=token if caller.family else None, left_s=left_s, gone=gone
        )
        if woken is None:  # no room, or nobody listens
            has_waited = False
            break
        has_waited = True
        async with watch.turn:
            seen = await look_at_state(context, await renew(), at_least=None)
        if not woken:
            break
    return Followed(state=seen.state, etag=_etag(seen.state), has_waited=has_waited)


async def _is_changed(
    watch: ChangeWatch,
    seen: StateSeen,
    *,
    token: bytes | None,
    left_s: float,
    gone: "asyncio.Future[None] | None",
) -> bool | None:
    """Whether something changed before the time was over; None where nobody could wait."""
    with watch.waiting(catalogue=seen.catalogue, versions=seen.versions, token=token) as waiter:
        if waiter is None:
            return None
        woken = asyncio.ensure_future(waiter.woken.wait())
        try:
            await asyncio.wait(
                {woken} if gone is None else {woken, gone},
                timeout=left_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            is_over = watch.is_stopped or (gone is not None and gone.done())
            return None if is_over else woken.done()
        finally:
            woken.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await woken


def _etag(state: StateOut) -> str:
    shown = msgspec.structs.replace(state, consistency="")
    return f'"{hashlib.sha256(_encoder.encode(shown)).hexdigest()[:_DIGEST_LENGTH]}"'
