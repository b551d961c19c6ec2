"""Send a webhook to an address that others chose, and tell what came of it.

Spec: Standard Webhooks (delivery), RFC 9110 section 10.2.3 (``Retry-After``).
"""

import asyncio
import contextlib
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
    client: httpx2.AsyncClient, url: str, *, headers: Mapping[str, str], body: bytes
) -> Delivered:
    """Send one, within ten seconds.  Nobody is followed; of an answer its status counts."""
    begun_s = time.perf_counter()

    def told(outcome: str, **what: bool | int | None) -> Delivered:
        took_ms = round((time.perf_counter() - begun_s) * 1_000)
        return Delivered(
            outcome=outcome,
            is_taken=bool(what.get("is_taken")),
            is_gone=bool(what.get("is_gone")),
            retry_after_s=what.get("retry_after_s"),
            took_ms=took_ms,
        )

    try:
        async with (
            asyncio.timeout(WITHIN_S),
            client.stream("POST", url, content=body, headers=headers) as answer,
        ):
            status = answer.status_code
            # A small body is read, so that the connection can be used again.
            with contextlib.suppress(httpx2.HTTPError, TimeoutError):
                async with asyncio.timeout(_BODY_WITHIN_S):
                    await answer.aread()
            return told(
                str(status),
                is_taken=answer.is_success,
                is_gone=status == HTTPStatus.GONE,
                retry_after_s=_pause_s(answer) if status in _TOO_MANY else None,
            )
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
        return told(type(error).__name__)


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
