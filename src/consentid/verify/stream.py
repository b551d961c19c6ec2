"""Listen to what an issuer's status lists have come to show.  Bounded in bytes and in silence.

Spec: HTML standard, section 9.2.6 (interpreting an event stream); of its fields, what we are sent.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Final

import httpx2
import msgspec

from consentid.kit.errors import MalformedError, UnavailableError
from consentid.tokens import status

STREAM_PATH: Final = f"{status.PATH}stream"
SILENCE_S: Final = 30.0
"""Three heartbeats missed: nobody is there any more."""
MAX_EVENT_BYTES: Final = 4 * 2**20
_MEDIA_TYPE: Final = "text/event-stream"
_MAX_INSTANT: Final = 2**40

_Instant = Annotated[int, msgspec.Meta(ge=0, le=_MAX_INSTANT)]
_Index = Annotated[int, msgspec.Meta(ge=0, lt=status.MAX_ENTRIES)]


class Complete(msgspec.Struct, frozen=True, gc=False):
    """All that was published from this instant on follows.  Unix seconds."""

    since: _Instant


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is revoked, by the number of its list; all until this instant has been told."""

    until_s: int | None
    revoked: Mapping[int, Sequence[int]]


_complete: Final = msgspec.json.Decoder(Complete)
_revoked: Final = msgspec.json.Decoder(dict[Annotated[int, msgspec.Meta(ge=1)], list[_Index]])


async def listen(
    client: httpx2.AsyncClient, issuer: str, *, after_s: int | None, timeout_s: float
) -> AsyncGenerator[Complete | Told]:
    """What is told, until it breaks; ``after_s`` is the last instant that was.

    Raises:
        UnavailableError: unreachable, silent, full, or no such stream there.
        MalformedError: not what the stream of an issuer is.
    """
    headers = {"Accept": _MEDIA_TYPE, "Accept-Encoding": "identity", "Cache-Control": "no-store"}
    if after_s is not None:
        headers["Last-Event-ID"] = str(after_s)
    timeout = httpx2.Timeout(timeout_s, read=SILENCE_S)
    try:
        async with client.stream(
            "GET", issuer + STREAM_PATH, headers=headers, timeout=timeout
        ) as response:
            media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
            if response.status_code != HTTPStatus.OK or media_type != _MEDIA_TYPE:
                raise _broken(f"answered {response.status_code}, {media_type}")
            async for event in _events(response.aiter_raw()):
                yield event
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, TimeoutError) as error:
        raise _broken(type(error).__name__) from error


async def _events(chunks: AsyncIterable[bytes]) -> AsyncGenerator[Complete | Told]:
    rest = b""
    async for chunk in chunks:
        rest += chunk
        if len(rest) > MAX_EVENT_BYTES:
            raise MalformedError("bad_stream", f"an event of more than {MAX_EVENT_BYTES} bytes")
        while (end := rest.find(b"\n\n")) >= 0:
            block, rest = rest[:end], rest[end + 2 :]
            event = _read(block)
            if event is not None:
                yield event


def _read(block: bytes) -> Complete | Told | None:
    fields: dict[bytes, bytes] = {}
    for line in block.split(b"\n"):
        name, _, text = line.partition(b":")
        fields[name] = text.removeprefix(b" ")
    unverified_id = fields.get(b"id", b"")
    is_instant = unverified_id.isdigit() and len(unverified_id) <= len(str(_MAX_INSTANT))
    until_s = int(unverified_id) if is_instant else None
    try:
        match fields.get(b"event"):
            case b"complete":
                return _complete.decode(fields.get(b"data", b""))
            case b"revoked":
                return Told(until_s=until_s, revoked=_revoked.decode(fields.get(b"data", b"")))
            case _:
                return None if until_s is None else Told(until_s=until_s, revoked={})
    except (ValueError, RecursionError) as error:
        raise MalformedError("bad_stream", "an event that is not as documented") from error


def _broken(what: str) -> UnavailableError:
    return UnavailableError(
        "stream_unavailable", f"the stream of revocations: {what}", retry_after_s=1
    )
