"""Addresses of servers, from how hosting services write them to how our drivers take them."""

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

_DRIVER: Final = "postgresql+asyncpg://"
_VALKEY: Final = frozenset({"valkey", "valkeys", "redis", "rediss", "unix"})
_ELSEWHERE: Final = {
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
}
"""What the driver takes from variables alone."""
_KNOWN: Final = frozenset(
    {
        *("host", "port", "user", "password", "passfile", "ssl", "sslmode", "krbsrvname"),
        *("target_session_attrs", "prepared_statement_cache_size"),
    }
)
"""What the driver takes from the URL; another parameter would fail at the first connection."""


def with_driver(url: str) -> str:
    """The URL with our driver's name for itself and for ``sslmode``.

    Raises:
        ValueError: it is no database's URL, or says what the driver is told otherwise.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or f"{scheme}://" not in {"postgres://", "postgresql://", _DRIVER}:
        msg = "a database's URL begins with postgresql+asyncpg:// (or postgresql://)"
        raise ValueError(msg)
    _require_parts(url)
    return _DRIVER + _with_ssl(rest)


def require_valkey(url: str) -> None:
    """Insist that a URL can be Valkey's.

    Raises:
        ValueError: it cannot.
    """
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in _VALKEY:
        msg = "Valkey's URL begins with rediss:// (or redis://, valkeys://, valkey://, unix://)"
        raise ValueError(msg)
    _require_parts(url)


def _require_parts(url: str) -> None:
    try:
        _ = urlsplit(url).port
    except ValueError as error:
        msg = "no host and port: write what a password holds beside letters and digits as %XX"
        raise ValueError(msg) from error


def _with_ssl(rest: str) -> str:
    address, question, query = rest.partition("?")
    parameters = parse_qsl(query, keep_blank_values=True)
    names = [name for name, _ in parameters]
    for name in names:
        if name in _ELSEWHERE:
            msg = f"{name} is not taken from the URL: set the variable {_ELSEWHERE[name]}"
            raise ValueError(msg)
    if not _KNOWN.issuperset(names):
        # Which one is not said: it may be what follows a question mark in a password.
        known = ", ".join(sorted(_KNOWN))
        msg = f"one of its parameters is not known to the driver, which takes {known}"
        raise ValueError(msg)
    if "sslmode" not in names:
        return f"{address}{question}{query}"
    if "ssl" in names:
        msg = "write sslmode or ssl, not both"
        raise ValueError(msg)
    renamed = [("ssl" if name == "sslmode" else name, value) for name, value in parameters]
    return f"{address}?{urlencode(renamed, safe='/')}"
