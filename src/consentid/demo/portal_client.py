"""A brand's back end as a client of the customer portal: authorization code with PKCE.

``begin`` and ``finish`` are what a site does; ``sign_in`` walks the portal's own login page in
between, as a browser would, for the tour.
Spec: OpenID Connect Core section 3.1, RFC 7636, RFC 9207.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import msgspec

from consentid.demo.hub_client import ID_TOKEN, SubjectToken

SIGNED_IN: Final = "/signed-in"
"""Where a site takes people back."""
_FORM: Final = re.compile(r'<form method="post" action="([^"]*)">')
_TOKEN: Final = re.compile(r'name="form_token" value="([^"]*)"')
_PROBLEM: Final = re.compile(r'<p class="problem" role="alert">([^<]*)</p>')
_SEE_OTHER: Final = 303


class SignInRefusedError(Exception):
    """The portal did not sign the customer in; the message says why."""


class _Tokens(msgspec.Struct, frozen=True, kw_only=True):
    id_token: str


class _Refused(msgspec.Struct, frozen=True, kw_only=True):
    error: str
    error_description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Underway:
    """What a site remembers of somebody it sent to the portal."""

    state: str
    nonce: str
    verifier: str
    url: str
    """Where to send the browser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalClient:
    """One client of the portal."""

    http: httpx2.Client
    portal: str
    """The portal's base URL, which is its issuer."""
    client_id: str
    secret: str
    site: str
    """The brand's own origin."""

    def begin(self) -> Underway:
        """Make a request of our own; nothing is sent yet."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "client_id": self.client_id,
            "response_type": "code",
            "scope": "openid",
            "redirect_uri": f"{self.site}{SIGNED_IN}",
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "ui_locales": "en",
        }
        url = f"{self.portal}/authorize?{urlencode(asked)}"
        return Underway(state=state, nonce=nonce, verifier=verifier, url=url)

    def finish(self, underway: Underway, unverified_answer: Mapping[str, str]) -> SubjectToken:
        """Take the portal's answer and redeem its code.

        Raises:
            SignInRefusedError: the answer is not to this request, or says no.
        """
        if unverified_answer.get("state") != underway.state:
            raise SignInRefusedError("this sign-in was not begun here")
        if unverified_answer.get("iss") != self.portal:
            raise SignInRefusedError("the answer is not from our portal")
        if "code" not in unverified_answer:
            raise SignInRefusedError(unverified_answer.get("error", "no code came"))
        answer = self.http.post(
            f"{self.portal}/token",
            data={
                "grant_type": "authorization_code",
                "code": unverified_answer["code"],
                "redirect_uri": f"{self.site}{SIGNED_IN}",
                "code_verifier": underway.verifier,
            },
            auth=(self.client_id, self.secret),
        )
        if not answer.is_success:
            refused = msgspec.json.decode(answer.content, type=_Refused)
            raise SignInRefusedError(refused.error_description or refused.error)
        tokens = msgspec.json.decode(answer.content, type=_Tokens)
        # Judged by the hub, which takes it in exchange.
        return SubjectToken(token=tokens.id_token, kind=ID_TOKEN)

    def sign_in(self, login: str, password: str) -> SubjectToken:
        """Go to the portal as a browser without JavaScript, fill in its form, and come back.

        Raises:
            SignInRefusedError: login or password is wrong, or tried too often.
        """
        underway = self.begin()
        page = self.http.get(underway.url)
        action, token = _FORM.search(page.text), _TOKEN.search(page.text)
        if action is None or token is None:
            raise SignInRefusedError(f"the portal shows no form ({page.status_code})")
        form = {"form_token": token[1], "act": "enter", "login": login, "password": password}
        cookies = "; ".join(f"{name}={value}" for name, value in page.cookies.items())
        self.http.cookies.clear()  # the next person has a browser of their own
        answer = self.http.post(
            f"{self.portal}{unescape(action[1])}", data=form, headers={"cookie": cookies}
        )
        self.http.cookies.clear()
        if answer.status_code != _SEE_OTHER:
            problem = _PROBLEM.search(answer.text)
            raise SignInRefusedError(unescape(problem[1]) if problem else "the portal said no")
        back = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
        return self.finish(underway, back)
