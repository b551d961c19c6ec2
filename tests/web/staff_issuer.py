"""An OpenID Provider of staff over real HTTP: it signs in whoever a test says, at once."""

import base64
import hashlib
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, final
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

import msgspec
from joserfc import jwt
from joserfc.jwk import RSAKey
from typing_extensions import override

CLIENT_ID = "consentid-administration"
SECRET = "hush: of the administration"


@dataclass(slots=True, kw_only=True)
class StaffIssuer:
    """A running provider."""

    issuer: str
    key: RSAKey
    claims: dict[str, Any] = field(default_factory=dict)
    """What the next ID token says of whoever signs in."""
    asked: dict[str, dict[str, str]] = field(default_factory=dict)
    """Authorization requests, by code."""

    def sign(self, asked: dict[str, str]) -> str:
        now_s = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "4711",
            "aud": CLIENT_ID,
            "iat": now_s,
            "exp": now_s + 300,
            "nonce": asked["nonce"],
            **self.claims,
        }
        return jwt.encode({"alg": "RS256", "kid": str(self.key.kid)}, claims, self.key)

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent, signed in."""
        code = f"code-{len(self.asked)}"
        self.asked[code] = asked
        told = {"code": code, "state": asked["state"], "iss": self.issuer}
        return f"{asked['redirect_uri']}?{urlencode(told)}"

    def redeem(self, form: dict[str, str], basic: str) -> tuple[int, dict[str, Any]]:
        """A code for an ID token, once, to our client with its secret and the verifier."""
        asked = self.asked.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        right = base64.b64encode(f"{CLIENT_ID}:{quote_plus(SECRET)}".encode()).decode()
        if (
            asked is None
            or basic != f"Basic {right}"
            or asked["code_challenge"] != challenge
            or asked["code_challenge_method"] != "S256"
            or asked["redirect_uri"] != form.get("redirect_uri")
        ):
            return 400, {"error": "invalid_grant"}
        return 200, {
            "access_token": "unused",
            "token_type": "Bearer",
            "id_token": self.sign(asked),
        }


@contextmanager
def running_staff_issuer() -> Generator[StaffIssuer]:
    """A provider on a free port of loopback."""
    key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
    staff = StaffIssuer(issuer="", key=key)

    @final
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            match parts.path:
                case "/authorize":
                    self.send_response(303)
                    self.send_header("Location", staff.authorize(dict(parse_qsl(parts.query))))
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                case "/jwks.json":
                    self._say(200, {"keys": [key.as_dict(private=False)]})
                case _:
                    self._say(
                        200,
                        {
                            "issuer": staff.issuer,
                            "jwks_uri": f"{staff.issuer}/jwks.json",
                            "authorization_endpoint": f"{staff.issuer}/authorize",
                            "token_endpoint": f"{staff.issuer}/token",
                            "authorization_response_iss_parameter_supported": True,
                        },
                    )

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._say(*staff.redeem(dict(parse_qsl(body)), self.headers["Authorization"]))

        def _say(self, status: int, document: dict[str, Any]) -> None:
            body = msgspec.json.encode(document)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        staff.issuer = f"http://staff.localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield staff
        server.shutdown()
        thread.join()
