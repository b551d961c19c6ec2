"""Polls of devices that wait, answered in front of the framework where memory knows the answer.

Ten thousand televisions that poll every five seconds are two thousand requests a second, nearly all
of which hear that nobody has answered yet.  Only a poll in its plainest form is answered here: a
public client's three fields, each once, in no unusual spelling, nothing beside them that says who
is asking.  All else goes the long way, untouched, and is answered there as if this were not here.

Spec: RFC 8628 sections 3.4 and 3.5.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter
from typing import Final, final

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from consentid.flows.oauth.device_code import EXPIRED, PENDING, SLOWER
from consentid.flows.polls import Told
from consentid.flows.watch_polls import PollWatch
from consentid.flows.watch_revocations import RevocationWatch
from consentid.telemetry.tally import Timings
from consentid.web.headers import ALWAYS, EXPOSED, VARY
from consentid.web.oauth_errors import oauth_error
from consentid.web.oauth_requests import NO_STORE
from consentid.web.prepared import Prepared
from consentid.web.received import again, read_body

PATH: Final = "/token"
_MAX_BYTES: Final = 512
_FORMS: Final = frozenset(
    {
        b"application/x-www-form-urlencoded",
        b"application/x-www-form-urlencoded;charset=utf-8",  # as browsers put it
        b"application/x-www-form-urlencoded; charset=utf-8",
    }
)
_GRANTS: Final = frozenset(
    {
        b"urn:ietf:params:oauth:grant-type:device_code",
        b"urn%3aietf%3aparams%3aoauth%3agrant-type%3adevice_code",
        b"urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code",
    }
)
_PLAIN: Final = re.compile(rb"[A-Za-z0-9_.~-]{1,128}")
_FIELDS: Final = 3
_ANSWERS: Final = {
    told: msgspec.json.encode(oauth_error(told.value, description))
    for told, description in (
        (Told.PENDING, PENDING),
        (Told.SLOW_DOWN, SLOWER),
        (Told.EXPIRED, EXPIRED),
    )
}
_WAITING: Final = Prepared(
    HTTPStatus.BAD_REQUEST,
    (
        (b"content-type", b"application/json"),
        *((name.lower().encode(), text.encode()) for name, text in NO_STORE.items()),
        *ALWAYS,
        VARY,
    ),
)


@dataclass(frozen=True, slots=True)
class Poll:
    """What a device asks."""

    unverified_device_code: str
    unverified_client_id: str


@final
class QuickPolls:
    """Answers polls from memory, and hands on what it cannot answer."""

    def __init__(
        self,
        app: ASGIApp,
        polls: PollWatch,
        revocations: RevocationWatch,
        timings: Timings | None,
    ) -> None:
        self._app: ASGIApp = app
        self._polls: Final = polls
        self._revocations: Final = revocations
        self._timed: Final = None if timings is None else timings.of((PATH, "POST", "400"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        if (
            scope["type"] != ScopeType.HTTP
            or scope["path"] != PATH
            or scope["method"] != "POST"
            or scope["query_string"]
        ):
            await self._app(scope, receive, send)
            return
        begun_s = 0.0 if self._timed is None else perf_counter()
        is_plain, origin = read_headers(scope["headers"])
        if not is_plain or (origin is not None and not self._is_brands(origin)):
            await self._app(scope, receive, send)
            return
        messages, body = await read_body(receive, _MAX_BYTES)
        poll = None if body is None else read_poll(body)
        told = None
        if poll is not None:
            told = await self._polls.hear(poll.unverified_device_code, poll.unverified_client_id)
        if told is None:
            await self._app(scope, again(messages, receive), send)
            return
        extra = () if origin is None else ((b"access-control-allow-origin", origin), EXPOSED)
        await _WAITING.send(scope, send, _ANSWERS[told], extra=extra)
        if self._timed is not None:
            self._timed.add(perf_counter() - begun_s)

    def _is_brands(self, origin: bytes) -> bool:
        """Whether a page may read the answer, by the configuration in force a second ago."""
        ground = self._revocations.ground()
        return ground is not None and origin in ground.origins


def read_headers(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bool, bytes | None]:
    """Whether they are those of a form of a public client; the page that sends it, if one does."""
    origin: bytes | None = None
    media_type: bytes | None = None
    for name, text in headers:
        if name == b"authorization":
            return False, None
        if name == b"content-type":
            if media_type is not None:
                return False, None
            media_type = text.lower()
        elif name == b"origin":
            if origin is not None:
                return False, None
            origin = text
    return media_type in _FORMS, origin


def read_poll(body: bytes) -> Poll | None:
    """A body that no two parsers can read differently; None for any other."""
    pairs = [pair.partition(b"=") for pair in body.split(b"&")]
    fields = {name: value for name, _, value in pairs}
    if len(pairs) != _FIELDS or fields.get(b"grant_type") not in _GRANTS:
        return None
    device_code, client_id = fields.get(b"device_code", b""), fields.get(b"client_id", b"")
    if _PLAIN.fullmatch(device_code) is None or _PLAIN.fullmatch(client_id) is None:
        return None
    return Poll(device_code.decode(), client_id.decode())
