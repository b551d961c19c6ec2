"""Forms that only our own page, in the very browser it was given to, can send.

The token is a MAC over what the form is about, keyed by the browser's own secret: the cookie that
no script reads and no other site's form carries.  Besides, the browser itself says where a form
comes from.  Spec: Fetch standard (Origin), Fetch Metadata (Sec-Fetch-Site).
"""

import hashlib
import hmac
from typing import Any, Final

from litestar.connection import ASGIConnection

from consentid.kit.base64url import encode
from consentid.kit.errors import ForbiddenError

_DOMAIN: Final = b"consentid/form/1\0"


def form_token(browser_secret: str, about: str) -> str:
    """The token of a form.  ``about`` names the page and the thing: ``interaction/...``."""
    message = _DOMAIN + about.encode()
    return encode(hmac.digest(browser_secret.encode(), message, hashlib.sha256))


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
        form_token(browser_secret, about).encode(), unverified_token.encode()
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


_OWN_SITES: Final = ("same-origin", "none")


def _forbidden() -> ForbiddenError:
    return ForbiddenError(
        "form_foreign",
        "This form did not come from our page in this browser: open the page again.",
    )
