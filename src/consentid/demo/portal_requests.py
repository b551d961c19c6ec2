"""What the portal's handlers take from a request, and the cookies it keeps.

``halcyon-id`` opens a session, ``halcyon-id-browser`` ties a form to the browser it was given to.
Neither is Secure: the demo has no TLS, and not every browser takes http on loopback as secure.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from litestar import Request, Response
from litestar.datastructures import Cookie, State

from consentid.demo.portal_pages import View
from consentid.demo.portal_words import LANGUAGES, pick_language
from consentid.kit.errors import MalformedError
from consentid.web.forms import parse_form

PortalRequest: TypeAlias = Request[Any, Any, State]
SESSION: Final = "halcyon-id"
BROWSER: Final = "halcyon-id-browser"
LANGUAGE: Final = "lang"
FORM: Final = b"application/x-www-form-urlencoded"
_SEE_OTHER: Final = 303
_HEADERS: Final = {
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "vary": "accept-language, cookie",
}
# No form-action: browsers hold every redirect after a form to it, and a code travels from here by
# the hub to any brand.  The only forms are our own, and nothing in them comes from elsewhere.
_POLICY: Final = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"


def read_query(request: PortalRequest) -> dict[str, str]:
    """The query, each parameter once.

    Raises:
        MalformedError: one comes twice, is too long, or is not UTF-8.
    """
    return parse_form(request.scope["query_string"])


async def read_body(request: PortalRequest) -> dict[str, str]:
    """The form, each field once.

    Raises:
        MalformedError: it is no form, or a field comes twice, is too long, or is not UTF-8.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type.encode() != FORM:
        raise MalformedError("invalid_request", "Send a form.")
    return parse_form(await request.body())


def view_of(request: PortalRequest, fields: Mapping[str, str], other_href: str | None) -> View:
    """In which language to speak: as the person chose, as the client asked, as the browser does."""
    chosen = fields.get(LANGUAGE)
    language = (
        chosen
        if chosen in LANGUAGES
        else pick_language(fields.get("ui_locales", ""), request.headers.get("accept-language", ""))
    )
    return View(language=language, other_href=other_href)


def browser_of(request: PortalRequest) -> str:
    """The browser's own secret, new where it has none."""
    return request.cookies.get(BROWSER) or secrets.token_urlsafe(32)


def form_token(browser: str) -> str:
    """What each form carries that we give to this browser."""
    return hmac.digest(browser.encode(), b"halcyon-id/form/1", hashlib.sha256).hex()


def is_own_form(request: PortalRequest, form: Mapping[str, str]) -> bool:
    """Whether a form was made by us for this very browser."""
    browser = request.cookies.get(BROWSER)
    given = form.get("form_token", "").encode()
    return browser is not None and hmac.compare_digest(form_token(browser).encode(), given)


def show(html: str, *, browser: str, status: int = 200) -> Response[str]:
    """A page."""
    return Response(
        html,
        status_code=status,
        media_type="text/html",
        headers={**_HEADERS, "content-security-policy": _POLICY},
        cookies=[_cookie(BROWSER, browser)],
    )


def go(location: str, *, session: str | None = None) -> Response[str]:
    """On to another address by GET; ``session`` is the new cookie, empty to take it away."""
    cookies = [] if session is None else [_cookie(SESSION, session)]
    return Response(
        "", status_code=_SEE_OTHER, headers={**_HEADERS, "location": location}, cookies=cookies
    )


def _cookie(name: str, value: str) -> Cookie:
    return Cookie(
        key=name,
        value=value,
        max_age=None if value else 0,
        httponly=True,
        samesite="lax",
        path="/",
    )
