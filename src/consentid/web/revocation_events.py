"""``/statuslists/stream``: revoked indices as they are published, for who verifies offline.

Spec: HTML standard, section 9.2 (server-sent events).
"""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Final, final

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Receive, Send
from typing_extensions import override

from consentid.flows.revocation_stream import Complete, RevocationStream, Told
from consentid.kit.errors import UnavailableError
from consentid.tokens.status import PATH
from consentid.web.responses import PUBLIC_PROBLEMS
from consentid.web.sending import EVENT_STREAM, PatientStream

STREAM_PATH: Final = f"{PATH}stream"
_BUSY_S: Final = 30
_INSTANT: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_RETRY: Final = b"retry: 5000\n\n"
_DESCRIPTION: Final = """\
Server-sent events, for verifiers that want to know within seconds. What is told is what the lists
themselves show, window by window, and lists are fetched as before: the stream only adds to them.

- `complete`, first and wherever something was left out: `{"since": 1700000000}`. All that was
  published from that instant on (Unix seconds) follows. Fetch those of your lists again whose
  `iat` is before it, unless `since` is no later than the last id that you were told.
- `revoked`: `{"12": [3, 77]}`. In list 12 (`/statuslists/12`) these indices are revoked.
- An `id` alone, every 10 seconds: all that was published until then has been told.

`Last-Event-ID` goes on where another connection ended, at any of the hub's processes. Too many
listeners: 503 with `Retry-After`. Where it breaks, poll; nothing holds longer for its sake.
"""


@final
class _Events(PatientStream):
    """The stream, told to one listener who takes a place meanwhile."""

    __slots__ = ("_stream_of",)

    def __init__(self, stream: RevocationStream, after_s: int | None) -> None:
        self._stream_of: RevocationStream = stream
        super().__init__(_events(stream, after_s))

    @override
    async def send_body(self, send: Send, receive: Receive) -> None:
        with self._stream_of.listening():
            await super().send_body(send, receive)


@get(
    STREAM_PATH,
    tags=["Verification"],
    summary="Revoked indices as they are published",
    description=_DESCRIPTION,
    security=[{}],
    media_type=EVENT_STREAM,
    responses={
        **PUBLIC_PROBLEMS,
        200: ResponseSpec(
            str, media_type=EVENT_STREAM, description="Events.", generate_examples=False
        ),
    },
)
async def get_status_list_stream(
    revocations: NamedDependency[RevocationStream],
    last_event_id: Annotated[
        str | None, HeaderParameter(name="Last-Event-ID", max_length=64)
    ] = None,
) -> ASGIStreamingResponse:
    """Tell what the lists have come to show, as long as somebody listens."""
    if not revocations.is_ready:
        raise UnavailableError(
            "stream_full",
            "No room for another listener now: poll the lists, and try again later.",
            retry_after_s=_BUSY_S,
        )
    is_known = last_event_id is not None and _INSTANT.fullmatch(last_event_id)
    return _Events(revocations, int(last_event_id) if is_known and last_event_id else None)


async def _events(stream: RevocationStream, after_s: int | None) -> AsyncGenerator[bytes]:
    yield _RETRY
    async with aclosing(stream.walk(after_s)) as told:
        async for each in told:
            yield _event(each)


def _event(told: Complete | Told) -> bytes:
    if isinstance(told, Complete):
        return b'event: complete\ndata: {"since":%d}\n\n' % told.since_s
    if not told.indices:
        return b"id: %d\n\n" % told.until_s
    return b"id: %d\nevent: revoked\ndata: %s\n\n" % (
        told.until_s,
        msgspec.json.encode(told.indices),
    )
