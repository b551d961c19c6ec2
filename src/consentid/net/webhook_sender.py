"""Send a webhook to an address that others chose, and tell what came of it.

Spec: Standard Webhooks (delivery), RFC 9110 section 10.2.3 (``Retry-After``).
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import httpx2

WITHIN_S: Final = 10.0
_BODY_WITHIN_S: Final = 1.0
_TIMEOUTS: Final = {"timeout": httpx2.Timeout(WITHIN_S).as_dict()}
_LONGEST_PAUSE_S: Final = 86_400
_TOO_MANY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What came of it."""

    outcome: str
    """``204``, or why there was no answer, in words that show nothing of it."""
    is_taken: bool
    is_gone: bool = False
    """Whether nobody is to try again."""
    retry_after_s: int | None = None
    """When the receiver wants it."""
    took_ms: int = 0


async def send_webhook(
    transport: httpx2.AsyncBaseTransport, url: str, *, headers: Mapping[str, str], body: bytes
) -> Delivered:
    """Send one, within ten seconds.  Nobody is followed; of an answer its status counts."""
    begun_s = time.perf_counter()
    try:
        async with asyncio.timeout(WITHIN_S):
            request = httpx2.Request(
                *("POST", url), headers=headers, content=body, extensions=_TIMEOUTS
            )
            answer = await transport.handle_async_request(request)
            await _finish(answer)
    # A host that is no name after all is told of as UnicodeError.
    except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError, TimeoutError) as error:
        return Delivered(outcome=type(error).__name__, is_taken=False, took_ms=_since_ms(begun_s))
    status = answer.status_code
    return Delivered(
        outcome=str(status),
        is_taken=answer.is_success,
        is_gone=status == HTTPStatus.GONE,
        retry_after_s=_pause_s(answer) if status in _TOO_MANY else None,
        took_ms=_since_ms(begun_s),
    )


async def _finish(answer: httpx2.Response) -> None:
    """Read a small body, so that the connection can be used again; any other way it is closed."""
    try:
        async with asyncio.timeout(_BODY_WITHIN_S):
            await answer.aread()
    except (httpx2.HTTPError, TimeoutError):
        await answer.aclose()


def _since_ms(begun_s: float) -> int:
    return round((time.perf_counter() - begun_s) * 1_000)


def _pause_s(answer: httpx2.Response) -> int | None:
    unverified = answer.headers.get("retry-after", "")
    if unverified.isascii() and unverified.isdigit():
        return min(int(unverified[:9]), _LONGEST_PAUSE_S)
    try:
        until = parsedate_to_datetime(unverified)
    except (ValueError, TypeError):
        return None
    aware = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max(0, min(int(aware.timestamp() - time.time()), _LONGEST_PAUSE_S))
