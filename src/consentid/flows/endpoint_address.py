"""Where events may be sent, as far as an address shows by itself."""

import ipaddress
import re
from collections.abc import Collection
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

import httpx2

from consentid.kit.errors import MalformedError
from consentid.net.public_hosts import is_public

_MOST_URL: Final = 2_048
_PLAIN: Final = re.compile("[\x21-\x7e]+")


def check_address(url: str, *, allows_local: bool, where: str) -> None:
    """Refuse at once what can never be sent to; where a name leads is judged each time.

    ``allows_local``: this machine, and http.  Demo and dev only.

    Raises:
        MalformedError: naming the place.
    """
    if not _is_address(url, {"https", "http"} if allows_local else {"https"}):
        raise MalformedError(
            "bad_webhook_url",
            "events go to https://HOST/PATH, without credentials and fragment",
            where=where,
        )
    with suppress(ValueError):
        address = ipaddress.ip_address(urlsplit(url).hostname or "")
        if not is_public(address) and not (allows_local and address.is_loopback):
            raise MalformedError(
                "endpoint_not_public", "events go to public addresses only", where=where
            )


def _is_address(url: str, schemes: Collection[str]) -> bool:
    if len(url) > _MOST_URL or _PLAIN.fullmatch(url) is None:
        return False
    try:
        parts = urlsplit(url)
        is_reachable = parts.port != 0 and bool(httpx2.URL(url).host)
    except (ValueError, httpx2.InvalidURL):  # a name that no client can read is one of the first
        return False
    is_bare = not (parts.username or parts.password or parts.fragment)
    return parts.scheme in schemes and bool(parts.hostname) and is_reachable and is_bare
