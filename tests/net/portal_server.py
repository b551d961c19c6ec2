"""A small customer portal over real HTTP, that a test can break in every way."""

import json
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

AUDIENCE: Final = "halcyon-news"


@dataclass(slots=True, kw_only=True)
class PortalKey:
    """One key of the portal."""

    kid: str
    alg: str
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

    @property
    def jwk(self) -> dict[str, Any]:
        if isinstance(self.private, rsa.RSAPrivateKey):
            public = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            public = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.kid, "alg": self.alg, "use": "sig"}


def rsa_key(kid: str) -> PortalKey:
    return PortalKey(kid=kid, alg="RS256", private=rsa.generate_private_key(65537, 2048))


def ec_key(kid: str) -> PortalKey:
    return PortalKey(kid=kid, alg="ES256", private=ec.generate_private_key(ec.SECP256R1()))


@dataclass(slots=True, kw_only=True)
class PortalServer:
    """A running portal.  What it answers can be changed while it runs."""

    issuer: str
    keys: list[PortalKey]
    metadata: dict[str, Any] = field(default_factory=dict)
    """Members of the discovery document that differ from what is right."""
    broken: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """Status and body in place of the right ones, by path."""
    asked: list[str] = field(default_factory=list)
    """The paths asked for, oldest first."""

    def claims(self, sub: str, /, *, now_s: int, **changed: object) -> dict[str, Any]:
        """The claims of an ID token; a claim changed to None is left out."""
        right = {
            "iss": self.issuer,
            "sub": sub,
            "aud": AUDIENCE,
            "iat": now_s,
            "exp": now_s + 300,
            **changed,
        }
        return {name: value for name, value in right.items() if value is not None}

    def id_token(
        self, sub: str, /, *, now_s: int, key: PortalKey | None = None, **changed: object
    ) -> str:
        """A signed ID token."""
        key = key or self.keys[0]
        return jwt.encode(
            self.claims(sub, now_s=now_s, **changed),
            key.private,
            algorithm=key.alg,
            headers={"kid": key.kid},
        )

    def _document(self, path: str) -> tuple[int, bytes]:
        match path:
            case _ if path in self.broken:
                return self.broken[path]
            case "/.well-known/openid-configuration":
                jwks_uri = f"{self.issuer}/jwks.json"
                found: dict[str, Any] = {"issuer": self.issuer, "jwks_uri": jwks_uri}
                return 200, json.dumps({**found, **self.metadata}).encode()
            case "/jwks.json":
                return 200, json.dumps({"keys": [key.jwk for key in self.keys]}).encode()
            case _:
                return 404, b""

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Answer as an ASGI application."""
        assert scope["type"] == "http"
        await receive()
        self.asked.append(scope["path"])
        status, body = self._document(scope["path"])
        headers = [(b"content-type", b"application/json"), (b"location", b"/jwks.json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@contextmanager
def running_portal() -> Generator[PortalServer]:
    """A portal on a free port of loopback, in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        portal = PortalServer(
            issuer=f"http://127.0.0.1:{listening.getsockname()[1]}", keys=[rsa_key("first")]
        )
        server = uvicorn.Server(uvicorn.Config(portal, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield portal
        finally:
            server.should_exit = True
            thread.join()
