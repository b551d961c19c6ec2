"""A brand hears from the hub that a session has ended.

The brand keeps no session of its own: its pages learn of the end at their next refresh.  What is
heard is checked as by any relying party, and remembered so that nothing is taken twice.

Spec: OpenID Connect Back-Channel Logout 1.0 sections 2.4 to 2.8.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

import httpx2
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency

_log: Final = logging.getLogger("consentid.demo.brand")
_TYP: Final = "logout+jwt"
_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_ALGORITHMS: Final = ("ES256", "RS256")
_MAX_AGE_S: Final = 300
_MOST_REMEMBERED: Final = 1000


class RefusedError(Exception):
    """The logout token does not hold; the message says why."""


@dataclass(slots=True, kw_only=True)
class LogoutReceiver:
    """What a brand needs to check a logout token.  Threads may share it."""

    http: httpx2.Client
    hub: str
    """The hub's address, which is the issuer."""
    client_ids: frozenset[str]
    heard: OrderedDict[str, str] = field(default_factory=OrderedDict[str, str])
    """Token id to the session that ended."""

    def take(self, unverified_token: str, *, now_s: float) -> None:
        """Check a logout token, and remember whose session ended.

        Raises:
            RefusedError: it is not the hub's, not for us, too old, or was here before.
        """
        claims = self._verify(unverified_token)
        expires, issued = claims.get("exp"), claims.get("iat")
        if not isinstance(expires, int) or not isinstance(issued, int):
            raise RefusedError("exp and iat are numbers")
        if expires <= now_s or issued < now_s - _MAX_AGE_S:
            raise RefusedError("it is too old")
        if claims.get("iss") != self.hub or claims.get("aud") not in self.client_ids:
            raise RefusedError("it is somebody else's")
        if "nonce" in claims or _EVENT not in claims.get("events", {}):
            raise RefusedError("it is no logout token")
        session = claims.get("sid") or claims.get("sub")
        token_id = claims.get("jti")
        if not isinstance(session, str) or not isinstance(token_id, str):
            raise RefusedError("it names nobody")
        if token_id in self.heard:
            raise RefusedError("it was here before")
        self.heard[token_id] = session
        while len(self.heard) > _MOST_REMEMBERED:
            self.heard.popitem(last=False)

    def _verify(self, unverified_token: str) -> Mapping[str, Any]:
        try:
            answer = self.http.get(f"{self.hub}/jwks.json")
            keys = KeySet.import_key_set(msgspec.json.decode(answer.content))
            token = jwt.decode(unverified_token, keys, algorithms=[*_ALGORITHMS])
        except (JoseError, httpx2.HTTPError, msgspec.DecodeError, ValueError) as error:
            raise RefusedError(f"its signature does not hold ({type(error).__name__})") from error
        if token.header.get("typ") != _TYP:
            raise RefusedError("it is a token of another type")
        return token.claims


@post("/backchannel-logout", status_code=HTTPStatus.OK)
async def take_logout_token(
    request: Request[Any, Any, State], logout: NamedDependency[LogoutReceiver]
) -> Response[dict[str, str] | None]:
    """Take what the hub tells."""
    headers = {"cache-control": "no-store"}
    try:
        fields = parse_qs((await request.body()).decode("ascii"))
        (token,) = fields.get("logout_token", [""])
        await asyncio.to_thread(logout.take, token, now_s=time.time())
    except (RefusedError, ValueError) as error:
        told = {"error": "invalid_request", "error_description": str(error)}
        return Response(told, status_code=HTTPStatus.BAD_REQUEST, headers=headers)
    _log.info("a session at the hub has ended")
    return Response(None, headers=headers)
