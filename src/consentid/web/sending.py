"""Answers that have no end: they last until the listener is gone, or takes nothing any more."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Message, Receive, Send
from typing_extensions import override

EVENT_STREAM: Final = "text/event-stream"
"""Spec: HTML standard, section 9.2."""
_PATIENCE_S: Final = 30
"""A listener that takes nothing for so long is let go."""


class PatientStream(ASGIStreamingResponse):
    """Sends events until the listener is gone, or takes nothing any more."""

    __slots__: tuple[str, ...] = ()

    def __init__(self, events: AsyncGenerator[bytes]) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType] - its iterators are generic
            iterator=events,
            media_type=EVENT_STREAM,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    @override
    async def send_body(self, send: Send, receive: Receive) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(_PATIENCE_S):
                await send(message)

        events = self.iterator
        try:
            await super().send_body(send_in_time, receive)
        except* TimeoutError:
            pass
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()
