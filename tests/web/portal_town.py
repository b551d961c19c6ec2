"""The demo's hub and portal as real processes, and people who sign in there."""

import base64
import hashlib
import secrets
import time
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
from joserfc import jwt
from joserfc.jwk import RSAKey
from tests.ports import free_port
from tests.web.browsing import Browser

from consentid.demo import halcyon
from consentid.demo.portal_book import PortalBook, open_portal
from consentid.demo.stage import Stage

BRANDS = Path(__file__).parents[2] / "brands"
CLIENT = "news-web"
VERIFIER = "v" * 43
_CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass(slots=True, kw_only=True)
class Town:
    """A running demo, seen from outside."""

    stage: Stage
    port: int

    @property
    def hub(self) -> str:
        return halcyon.url_of(halcyon.HUB, self.port)

    @property
    def portal(self) -> str:
        return halcyon.url_of(halcyon.PORTAL, self.port)

    @property
    def site(self) -> str:
        return halcyon.url_of("news", self.port)

    @property
    def callback(self) -> str:
        """Where the portal sends people back to."""
        return f"{self.hub}/login/callback"

    def browser(self) -> Browser:
        return Browser(http=self.stage.scene().http)

    def request(self, **changed: str) -> str:
        """The address of an authorization request of news."""
        asked = {
            "client_id": CLIENT,
            "response_type": "code",
            "scope": "openid",
            "redirect_uri": f"{self.site}/callback",
            "state": "of the client",
            "nonce": "of the client",
            "code_challenge": _CHALLENGE.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **changed,
        }
        return f"{self.hub}/authorize?{urlencode(asked)}"

    def reach_callback(
        self, browser: Browser, login: str = "mila", *, until: str | None = None, **changed: str
    ) -> str:
        """Sign in at the portal, and stop before the portal's answer is brought to the hub."""
        browser.go(self.request(**{"prompt": "login", **changed}))
        assert browser.at.startswith(f"{self.portal}/authorize"), browser.answer.text
        browser.submit(
            login=login,
            password=self.stage.prepared.secrets.passwords[login],
            until=until or self.callback,
        )
        return browser.onward

    def sign_in(self, browser: Browser, login: str = "mila") -> None:
        """Sign in through the hub; the browser stands before the hub's page then."""
        browser.go(self.reach_callback(browser, login), until=f"{self.site}/callback")

    def sign_in_for_a_client(self, browser: Browser, login: str = "mila") -> dict[str, Any]:
        """Sign in, refuse what is asked, and redeem the code; the hub's answer to the client."""
        self.sign_in(browser, login)
        if browser.answer.status_code == 200:
            browser.submit(act="refuse", until=f"{self.site}/callback")
        answer = browser.http.post(
            f"{self.hub}/token",
            data={
                "grant_type": "authorization_code",
                "code": browser.told["code"],
                "redirect_uri": f"{self.site}/callback",
                "code_verifier": VERIFIER,
            },
            auth=(CLIENT, self.stage.prepared.secrets.clients[CLIENT]),
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def as_page(self, brand: str, **form: str) -> httpx2.Response:
        """What ``/token`` answers the script of a brand's page."""
        return self.stage.scene().http.post(
            f"{self.hub}/token",
            data={"client_id": f"{brand}-spa", **form},
            headers={"Origin": halcyon.url_of(brand, self.port)},
        )

    def is_signed_in(self, browser: Browser) -> bool:
        """Whether the hub still knows the session, as a page of its own tells."""
        answer = browser.step(f"{self.hub}/logout")
        assert answer.status_code == 200, answer.text
        return 'value="leave"' in answer.text

    def opened_portal(self) -> tuple[PortalBook, RSAKey]:
        return open_portal(self.stage.prepared.portal)

    def logout_token(
        self, sub: str, /, *, header: dict[str, Any] | None = None, **changed: object
    ) -> str:
        """A logout token of the portal; what is changed to None is left out."""
        book, key = self.opened_portal()
        now_s = int(time.time())
        claims: dict[str, object] = {
            "iss": book.issuer,
            "aud": "consentid",
            "sub": sub,
            "iat": now_s,
            "exp": now_s + 120,
            "jti": secrets.token_hex(8),
            "events": {EVENT: {}},
            **changed,
        }
        whole = {"alg": "RS256", "typ": "logout+jwt", "kid": str(key.kid), **(header or {})}
        return jwt.encode(
            {name: value for name, value in whole.items() if value is not None},
            {name: value for name, value in claims.items() if value is not None},
            key,
        )

    def capture(self, login: str, *purposes: str) -> str:
        """The call centre says that a customer said yes to some purposes; the capture's name."""
        book, key = self.opened_portal()
        customer = book.find_customer(login)
        assert customer is not None
        now_s = int(time.time())
        claims = {
            "iss": book.issuer,
            "sub": customer.sub,
            "aud": "halcyon-news",
            "iat": now_s,
            "exp": now_s + 120,
            "jti": secrets.token_hex(8),
        }
        http, client = self.stage.scene().http, "news-calls"
        exchanged = http.post(
            f"{self.hub}/token",
            data={
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                "subject_token": jwt.encode({"alg": "RS256", "kid": str(key.kid)}, claims, key),
                "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            },
            auth=(client, self.stage.prepared.secrets.clients[client]),
        )
        assert exchanged.status_code == 200, exchanged.text
        shown = http.get(f"{self.hub}/v1/catalogue", params={"brand": "news", "language": "en"})
        captured = http.post(
            f"{self.hub}/v1/captures",
            json={
                "notice": shown.json()["notice"],
                "choices": [{"purpose": each, "outcome": "granted"} for each in purposes],
                "channel": "phone",
                "operator": "agent-7",
                "evidence": {"kind": "script", "version": "v3"},
            },
            headers={
                "Authorization": f"Bearer {exchanged.json()['access_token']}",
                "Idempotency-Key": secrets.token_hex(8),
            },
        )
        assert captured.status_code == 201, captured.text
        return captured.json()["capture"]

    def tell_hub(self, logout_token: str) -> httpx2.Response:
        return self.stage.scene().http.post(
            f"{self.hub}/backchannel_logout", data={"logout_token": logout_token}
        )


@contextmanager
def built_town(server_folder: Path) -> Generator[Town]:
    port = free_port()
    folder = server_folder / f"town-{port}"
    stage = Stage(folder=folder, brands=BRANDS, port=port, progress=lambda _label: nullcontext())
    with stage:
        yield Town(stage=stage, port=port)
