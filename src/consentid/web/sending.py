"""Answers in pieces: they last until they end, the listener is gone, or takes nothing any more."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from http import HTTPStatus
from typing import Final

from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Message, Receive, Send
from typing_extensions import override

from consentid.kit.errors import ConsentidError

_log: Final = logging.getLogger("consentid.web")
EVENT_STREAM: Final = "text/event-stream"
"""Spec: HTML standard, section 9.2."""
ZIP: Final = "application/zip"
LINES: Final = "application/x-ndjson"
"""JSON, a line each."""
STREAMED: Final = (EVENT_STREAM, ZIP, LINES)
_PATIENCE_S: Final = 30
"""A listener that takes nothing for so long is let go."""


class PatientStream(ASGIStreamingResponse):
    """Sends pieces, the next once one is taken; ends with them, or with who listens.

    Where the next cannot be had any more the connection ends, in the midst of the answer.
    """

    __slots__: tuple[str, ...] = ()

    def __init__(
        self,
        pieces: AsyncGenerator[bytes],
        *,
        media_type: str = EVENT_STREAM,
        headers: Mapping[str, str] | None = None,
        status_code: int = HTTPStatus.OK,
    ) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType] - its iterators are generic
            iterator=pieces,
            media_type=media_type,
            status_code=status_code,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", **(headers or {})},
        )

    @override
    async def send_body(self, send: Send, receive: Receive) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(_PATIENCE_S):
                await send(message)

        pieces = self.iterator
        try:
            await super().send_body(send_in_time, receive)
        except* TimeoutError:
            pass
        except* ConsentidError as group:
            for error in group.exceptions:
                code = error.code if isinstance(error, ConsentidError) else type(error).__name__
                _log.warning("an answer was cut off: %s", code)
        finally:
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()


async def begun(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The same, once there is something to send; until then its errors are the caller's.

    Raises:
        ConsentidError: whatever kept it from beginning.
    """
    first = await anext(pieces)

    async def all_of_them() -> AsyncGenerator[bytes]:
        try:
            yield first
            async for piece in pieces:
                yield piece
        finally:
            await pieces.aclose()

    return all_of_them()
