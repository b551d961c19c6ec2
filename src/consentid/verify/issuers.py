"""The issuer's address, and which addresses are its own."""

import re
from typing import Final
from urllib.parse import urlsplit

from consentid.kit.errors import MalformedError
from consentid.tokens import status

_LIST_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def check_issuer(issuer: str) -> str:
    """Check that an issuer is an https URL that documents can be fetched under.

    Plain http is allowed on this machine only: 127.0.0.1, ::1, localhost and names under it.

    Raises:
        MalformedError: it is no such URL, or ends with a slash, or has a query or fragment.
    """
    where = "issuer"
    try:
        parts = urlsplit(issuer)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise MalformedError("bad_issuer", "the issuer is not a URL", where=where) from error
    if not host or "?" in issuer or "#" in issuer or "@" in parts.netloc:
        raise MalformedError(
            "bad_issuer", "the issuer is a URL like https://consent.example", where=where
        )
    if issuer.endswith("/"):
        raise MalformedError("bad_issuer", "the issuer has no slash at its end", where=where)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise MalformedError("bad_issuer", "the issuer must be an https URL", where=where)
    return issuer


def is_loopback(host: str) -> bool:
    """Whether a host's name can only mean this machine.  Spec: RFC 6761 section 6.3."""
    return host in _LOOPBACK or host.endswith(".localhost")


def owns_list(issuer: str, uri: str) -> bool:
    """Whether a status list's address is under its issuer's own, in the one form we use."""
    prefix = issuer + status.PATH
    return uri.startswith(prefix) and _LIST_NAME.fullmatch(uri, len(prefix)) is not None
