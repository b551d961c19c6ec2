"""Tell a client that a session has ended.  Spec: OpenID Connect Back-Channel Logout section 2.5."""

import asyncio
from http import HTTPStatus
from typing import Final

import httpx2

_WITHIN_S: Final = 10
_TAKEN: Final = frozenset({HTTPStatus.OK, HTTPStatus.NO_CONTENT})
"""204 is not in the specification; frameworks answer it where there is nothing to say."""


async def send_logout_token(client: httpx2.AsyncClient, uri: str, logout_token: str) -> str | None:
    """Send one; None where it was taken, else why not, in words that show nothing of it.

    Whatever comes back is not read, and nobody is followed.
    """
    try:
        async with (
            asyncio.timeout(_WITHIN_S),
            client.stream("POST", uri, data={"logout_token": logout_token}) as answer,
        ):
            status = answer.status_code
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
        return type(error).__name__
    return None if status in _TAKEN else f"status {status}"
