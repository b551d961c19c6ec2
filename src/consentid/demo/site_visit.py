"""A visit to one of the demo's sites: who is here, and what the site may believe about a form.

Two cookies, both HttpOnly and strictly necessary: ``visit`` names the visit and guards its forms,
``device`` is the device's credential, set at the first explicit choice and never before.
Spec: RFC 6265bis (SameSite), OWASP CSRF Prevention (signed token tied to the session).
"""

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from consentid.demo.partner_asking import Asking
from consentid.demo.partner_pages import Heard

VISIT: Final = "visit"
DEVICE: Final = "device"
_MOST_VISITS: Final = 1000
_VISIT_LENGTH: Final = 43


@dataclass(slots=True, kw_only=True)
class Visit:
    """What the site remembers of one visit, in memory: a restart forgets it."""

    id: str
    access: str | None = None
    """The device's subject access token."""
    access_until: float = 0.0
    consent_token: str | None = None
    notices: list[str] = field(default_factory=list[str])
    """Words to say once, by key."""
    failure: str | None = None
    asking: Asking | None = None
    """A pushed request that is under way."""
    heard: Heard | None = None
    """What came of the last one."""

    def holds_access(self) -> bool:
        """Whether the access token can still be used."""
        return self.access is not None and time.monotonic() < self.access_until

    def keep_access(self, token: str, expires_in_s: int) -> None:
        """Remember an access token for as long as it lasts."""
        self.access, self.access_until = token, time.monotonic() + expires_in_s - 5


class Visits:
    """The visits of one site; the longest unseen go first."""

    def __init__(self, secret: str) -> None:
        self._secret: bytes = secret.encode()
        self._known: OrderedDict[str, Visit] = OrderedDict()

    def open(self, cookie: str | None) -> Visit:
        """The visit that a cookie names, or a new one."""
        if cookie is not None and cookie in self._known:
            self._known.move_to_end(cookie)
            return self._known[cookie]
        # A name that we signed earlier is taken on, so that a restart spoils no open form.
        is_ours = cookie is not None and len(cookie) > _VISIT_LENGTH and self._is_signed(cookie)
        id_ = cookie if is_ours and cookie else self._new_id()
        visit = self._known[id_] = Visit(id=id_)
        while len(self._known) > _MOST_VISITS:
            self._known.popitem(last=False)
        return visit

    def form_token(self, visit: Visit) -> str:
        """What each form of this visit carries."""
        return self._sign(f"form/{visit.id}")

    def is_own_form(self, visit: Visit, token: str) -> bool:
        """Whether a form was made by us for this visit."""
        return hmac.compare_digest(self.form_token(visit).encode(), token.encode())

    def _new_id(self) -> str:
        drawn = secrets.token_urlsafe(32)
        return f"{drawn}.{self._sign(f'visit/{drawn}')}"

    def _is_signed(self, cookie: str) -> bool:
        drawn, _, mac = cookie.partition(".")
        return hmac.compare_digest(self._sign(f"visit/{drawn}").encode(), mac.encode())

    def _sign(self, text: str) -> str:
        return hmac.digest(self._secret, text.encode(), hashlib.sha256).hex()
