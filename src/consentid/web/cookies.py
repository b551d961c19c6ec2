"""The hub's cookies: a session, a device, and the browser's own secret.

Where the issuer is https they carry ``__Host-``: Secure, for this host alone, for every path.  An
http issuer exists in demo and dev only; its cookies have neither the prefix nor Secure.
Spec: RFC 6265bis section 4.1.3 (prefixes), section 5.6.7 (SameSite).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from litestar import Response
from litestar.connection import ASGIConnection

from consentid.flows.context import Context
from consentid.flows.create_device import LIFETIME_D
from consentid.flows.hub_session import VISIT_M, Browser
from consentid.flows.let_in import SESSION_H

_PREFIX: Final = "__Host-"
_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400
_MAX_HEADER: Final = 16_384


class Cookie(StrEnum):
    """One of ours."""

    SESSION = "consentid-session"
    """A sign-in.  It ends with the browser, and after twelve hours."""
    DEVICE = "consentid-device"
    """A device's credential.  13 months."""
    BROWSER = "consentid-browser"
    """Names nobody; what is begun in a browser is finished there."""
    OPERATOR = "consentid-operator"
    """Whoever runs the hub, on the operators' page.  An hour, and strictly same-site."""
    KNOWN = "consentid-known"
    """Names nobody; which accounts were told that they count in this browser.  13 months."""

    VISIT = "consentid-visit"
    """Whose choices the preference centre shows to who came from a brand's page.  30 minutes."""


_LIFETIMES_S: Final[Mapping[Cookie, int]] = {
    Cookie.DEVICE: LIFETIME_D * _DAY_S,
    Cookie.KNOWN: LIFETIME_D * _DAY_S,
    Cookie.OPERATOR: SESSION_H * _HOUR_S,
    Cookie.VISIT: VISIT_M * 60,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Jar:
    """How this hub names and guards its cookies."""

    is_secure: bool

    def name(self, cookie: Cookie) -> str:
        """The cookie's name on the wire."""
        return f"{_PREFIX}{cookie}" if self.is_secure else str(cookie)

    def read(
        self, connection: ASGIConnection[Any, Any, Any, Any], *, may_visit: bool = False
    ) -> Browser:
        """What the browser presents.  A cookie that comes twice counts as none.

        ``may_visit``: whether it is for the preference centre, where visits are.
        """
        found = _found(connection)
        return Browser(
            unverified_session=found.get(self.name(Cookie.SESSION)),
            unverified_device=found.get(self.name(Cookie.DEVICE)),
            unverified_secret=found.get(self.name(Cookie.BROWSER)),
            unverified_known=found.get(self.name(Cookie.KNOWN)),
            unverified_visit=found.get(self.name(Cookie.VISIT)) if may_visit else None,
        )

    def find(self, connection: ASGIConnection[Any, Any, Any, Any], cookie: Cookie) -> str | None:
        """What one cookie holds, not verified; None where there is none, or it comes twice."""
        return _found(connection).get(self.name(cookie))

    def put(self, response: Response[Any], cookie: Cookie, value: str) -> None:
        """Set a cookie."""
        response.set_cookie(
            self.name(cookie),
            value,
            path="/",
            secure=self.is_secure,
            httponly=True,
            samesite="strict" if cookie is Cookie.OPERATOR else "lax",
            max_age=_LIFETIMES_S.get(cookie),
        )

    def remove(self, response: Response[Any], cookie: Cookie) -> None:
        """Have the browser forget a cookie."""
        response.set_cookie(
            self.name(cookie),
            "",
            path="/",
            secure=self.is_secure,
            httponly=True,
            samesite="strict" if cookie is Cookie.OPERATOR else "lax",
            max_age=0,
        )


async def jar_of(context: Context) -> Jar:
    """The jar of this installation.

    Raises:
        UnavailableError: no configuration was applied yet.
    """
    async with context.database.reading() as connection:
        book = await context.book(connection)
    return Jar(is_secure=book.group.issuer.startswith("https://"))


def _found(connection: ASGIConnection[Any, Any, Any, Any]) -> Mapping[str, str | None]:
    found: dict[str, str | None] = {}
    for name, value in _pairs(connection.headers.getall("cookie", [])):
        found[name] = None if name in found else value
    return found


def _pairs(headers: Iterable[str]) -> Iterable[tuple[str, str]]:
    for header in headers:
        if len(header) > _MAX_HEADER:
            continue
        for part in header.split(";"):
            name, equals, value = part.strip().partition("=")
            if equals and value:
                yield name, value
