"""Forms that only our own page, in the very browser it was given to, can send.

The token is a MAC over what the form is about, keyed by the browser's own secret: the cookie that
no script reads and no other site's form carries.  It is masked afresh each time it is written, so
that the length of a compressed page tells nothing of it.  Besides, the browser itself says where a
form comes from.  Spec: Fetch standard (Origin), Fetch Metadata (Sec-Fetch-Site).
"""

import hashlib
import hmac
import secrets
from typing import Any, Final

from litestar.connection import ASGIConnection

from consentid.kit.base64url import decode, encode
from consentid.kit.errors import ForbiddenError

_DOMAIN: Final = b"consentid/form/1\0"
_MAC_BYTES: Final = 32


def form_token(browser_secret: str, about: str) -> str:
    """A token of a form.  ``about`` names the page and the thing: ``interaction/...``."""
    mac = _mac(browser_secret, about)
    mask = secrets.token_bytes(len(mac))
    return encode(mask + _xor(mask, mac))


def check_form(
    connection: ASGIConnection[Any, Any, Any, Any],
    *,
    issuer: str,
    browser_secret: str | None,
    about: str,
    unverified_token: str,
) -> None:
    """Insist that a form came from our page in this browser.

    Raises:
        ForbiddenError: another site sent it, the browser has no secret, or the token is not its.
    """
    check_same_origin(connection, issuer=issuer)
    if browser_secret is None or not hmac.compare_digest(
        _mac(browser_secret, about), _unmasked(unverified_token)
    ):
        raise _forbidden()


def check_same_origin(connection: ASGIConnection[Any, Any, Any, Any], *, issuer: str) -> None:
    """Insist that the browser does not name another site as where this comes from.

    Raises:
        ForbiddenError: it does.
    """
    origins = connection.headers.getall("origin", [])
    sites = connection.headers.getall("sec-fetch-site", [])
    if any(origin != issuer for origin in origins) or any(site not in _OWN_SITES for site in sites):
        raise _forbidden()


def _mac(browser_secret: str, about: str) -> bytes:
    return hmac.digest(browser_secret.encode(), _DOMAIN + about.encode(), hashlib.sha256)


def _unmasked(unverified_token: str) -> bytes:
    """What is under the mask; nothing where it is no token of ours."""
    try:
        raw = decode(unverified_token)
    except ValueError:
        return b""
    half = len(raw) // 2
    return _xor(raw[:half], raw[half:]) if len(raw) == 2 * _MAC_BYTES else b""


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


_OWN_SITES: Final = ("same-origin", "none")


def _forbidden() -> ForbiddenError:
    return ForbiddenError(
        "form_foreign",
        "This form did not come from our page in this browser: open the page again.",
    )
