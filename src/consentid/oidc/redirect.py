"""Where an authorization answer goes: to exactly a registered address, with ``iss`` in it.

Spec: RFC 9700 section 4.1.3 (exact matching), RFC 8252 section 7.3 (the loopback's port),
RFC 9207 (``iss``), RFC 6749 section 4.1.2.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlencode

_LOOPBACK: Final = re.compile(
    r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([0-9]{1,5}))?((?:[/?].*)?)", re.ASCII
)
_MAX_PORT: Final = 65_535


def is_registered(unverified_uri: str, registered: Iterable[str], *, is_native: bool) -> bool:
    """Whether an address is one of those registered, character by character.

    A native app's loopback address (an IP literal) may name any port.
    """
    loopback = _loopback(unverified_uri) if is_native else None
    return any(
        unverified_uri == uri or (loopback is not None and loopback == _loopback(uri))
        for uri in registered
    )


def _loopback(uri: str) -> tuple[str, str] | None:
    """Host and rest of a loopback address, its port left out; None for any other."""
    found = _LOOPBACK.fullmatch(uri)
    if found is None:
        return None
    host, port, rest = found.groups()
    if port is not None and not 1 <= int(port) <= _MAX_PORT:
        return None
    return host, rest


def answer_uri(redirect_uri: str, *, issuer: str, answer: Mapping[str, str | None]) -> str:
    """A registered address with an answer in its query; members that are None are left out."""
    members = {name: value for name, value in answer.items() if value is not None}
    query = urlencode({**members, "iss": issuer})
    if redirect_uri.endswith(("?", "&")):
        return f"{redirect_uri}{query}"
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{query}"
