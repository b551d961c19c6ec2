"""Requests byte by byte, as no library would send them, and what comes back."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_WITHIN_S: Final = 45.0
"""Longer than the server waits for what never becomes whole."""
_STREAM: Final = b"content-type: text/event-stream"
HUNG: Final = "nothing more came, and the connection stayed open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """All that came before the other side hung up."""

    raw: bytes
    hung: bool = False

    @property
    def statuses(self) -> list[int]:
        """Of each answer on the connection; informational ones, too."""
        lines = self.raw.split(b"\r\n")
        heads = [line for line in lines if line.startswith(b"HTTP/1.")]
        return [int(line.split(b" ")[1]) for line in heads]

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Of the last answer."""
        head = self.raw.rpartition(b"HTTP/1.")[2].partition(b"\r\n\r\n")[0]
        pairs = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
        return [(name.decode().lower(), text.decode("latin-1").strip()) for name, _, text in pairs]

    def find(self, name: str) -> str | None:
        """A header of the last answer."""
        return next((text for own, text in self.headers if own == name), None)


def request(
    method: str,
    target: str | bytes,
    *,
    headers: Mapping[str, str] | None = None,
    more: bytes = b"",
    body: bytes | None = None,
    host: str = "127.0.0.1",
) -> bytes:
    """A request that is whole; ``more`` are lines of its head as they are, each with its end."""
    path = target.encode() if isinstance(target, str) else target
    lines = {"Host": host, **(headers or {}), "Connection": "close"}
    if body is not None:
        lines["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {text}\r\n" for name, text in lines.items()).encode()
    return b"%b %b HTTP/1.1\r\n%b%b\r\n%b" % (method.encode(), path, head, more, body or b"")


async def send(port: int, raw: bytes) -> Answers:
    """Send bytes, and hear all that comes until the other side hangs up."""
    heard = bytearray()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(_WITHIN_S):
            writer.write(raw)
            try:
                await writer.drain()
                while piece := await reader.read(65_536):
                    heard += piece
                    if _STREAM in heard:
                        break
            except ConnectionError:  # it had heard enough
                pass
    except TimeoutError:
        return Answers(raw=bytes(heard), hung=True)
    finally:
        writer.transport.abort()
    return Answers(raw=bytes(heard))
