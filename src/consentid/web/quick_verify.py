"""The verification addresses, answered in front of the framework where memory knows the answer.

Only a request in its plainest form, of a caller who may ask, is answered here; all else (another
spelling, a parameter, a caller unknown, an answer that only the database has) goes the long way,
untouched, and gets its answer or its error there.  So what is answered is the same on both ways,
but for the time that it takes.
"""

import re
from collections.abc import Iterable
from http import HTTPStatus
from time import perf_counter
from typing import Annotated, Final, TypeVar, final

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send
from msgspec import Meta

from consentid.brandbook.client import Scope as ApiScope
from consentid.core.decision import MAX_CHOICES
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.verify_batch import MAX_BATCH, verify_batch
from consentid.flows.verify_from_memory import Asked, Memory
from consentid.kit.errors import ConsentidError
from consentid.telemetry.tally import Timings
from consentid.verify.middleware import find_token
from consentid.web.headers import ALWAYS, VARY
from consentid.web.peers import peer_is_in
from consentid.web.prepared import Prepared
from consentid.web.received import again, read_body
from consentid.web.strict_bodies import BATCH_PATH, max_bytes_at
from consentid.web.words import PurposeText

PATH: Final = "/v1/verify"
FORWARD_PATH: Final = "/v1/verify/forward"
_ENDING: Final = frozenset({"/revoke", "/logout", "/backchannel_logout"})
"""Where access tokens end.  Other processes know of that within a second."""
_JSON: Final = b"application/json"
_BEARER: Final = "bearer"
_MAX_ACCESS_TOKEN: Final = 256
_HEAD: Final = ((b"content-type", _JSON), (b"cache-control", b"no-store"), *ALWAYS)
_MANY: Final = Prepared(HTTPStatus.OK, _HEAD)
_ONE: Final = Prepared(HTTPStatus.OK, (*_HEAD, VARY))  # televisions' pages may ask for one
_SAID: Final = frozenset(
    {b"authorization", b"cookie", b"consent-audience", b"consent-purposes", b"consent-cookie"}
)
_PURPOSES: Final = re.compile(r"[a-z0-9_.:*-]{1,64}( [a-z0-9_.:*-]{1,64}){0,63}", re.ASCII)
_COOKIE: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}", re.ASCII)
_YES: Final = b'{"active":true'
_DENY: Final = b'"deny"}'
_NO_STORE: Final = ((b"cache-control", b"no-store"), *ALWAYS)
_PASSED: Final = Prepared(HTTPStatus.NO_CONTENT, _NO_STORE)
_STOPPED: Final = Prepared(HTTPStatus.UNAUTHORIZED, _NO_STORE)
T = TypeVar("T")


class Plain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``VerifyIn`` in its plainest form."""

    token: str
    audience: str | None = None
    purposes: Annotated[list[PurposeText], Meta(max_length=MAX_CHOICES)] = []


_one: Final = msgspec.json.Decoder(Plain)
_many: Final = msgspec.json.Decoder(Annotated[list[Plain], Meta(max_length=MAX_BATCH)])


@final
class _Timed:
    """Where what is answered here is counted, as the framework's routes are."""

    def __init__(self, timings: Timings) -> None:
        self.one: Final = timings.of((PATH, "POST", "200"))
        self.many: Final = timings.of((BATCH_PATH, "POST", "200"))
        self.passed: Final = timings.of((FORWARD_PATH, "GET", "204"))
        self.stopped: Final = timings.of((FORWARD_PATH, "GET", "401"))


@final
class QuickVerify:
    """Answers verifications from memory, and hands on what it cannot answer."""

    def __init__(
        self, app: ASGIApp, context: Context, memory: Memory, timings: Timings | None
    ) -> None:
        self._app: ASGIApp = app
        self._timed: Final = None if timings is None else _Timed(timings)
        self._context: Context = context
        self._memory: Memory = memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        timed = self._timed
        begun_s = 0.0 if timed is None else perf_counter()
        if scope["method"] != "POST":
            passed = await self._forwarded(scope) if path == FORWARD_PATH else None
            if passed is None:
                await self._app(scope, receive, send)
            else:
                await (_PASSED if passed else _STOPPED).send(scope, send)
                if timed is not None:
                    durations = timed.passed if passed else timed.stopped
                    durations.add(perf_counter() - begun_s)
            return
        if path not in {PATH, BATCH_PATH} or scope["query_string"]:
            try:
                await self._app(scope, receive, send)
            finally:
                if path.rstrip("/") in _ENDING:
                    self._memory.forget_callers()
            return
        messages, body = await read_body(receive, max_bytes_at(path))
        answer = None if body is None else await self._answer(scope, body)
        if answer is None:
            await self._app(scope, again(messages, receive), send)
            return
        await (_ONE if path == PATH else _MANY).send(scope, send, answer)
        if timed is not None:
            durations = timed.one if path == PATH else timed.many
            durations.add(perf_counter() - begun_s)

    async def _forwarded(self, scope: HTTPScope) -> bool | None:
        """Whether a proxy may let a request pass; None where that is not known here."""
        if scope["method"] != "GET" or scope["query_string"]:
            return None
        asked = read_forwarded(scope["headers"])
        if asked is None or not peer_is_in(scope, self._context.settings.forward_auth_proxies):
            return None
        answer = await self._memory.recall(asked)
        return None if answer is None else answer.startswith(_YES) and not answer.endswith(_DENY)

    async def _answer(self, scope: HTTPScope, body: bytes) -> bytes | None:
        access_token = read_access_token(scope["headers"])
        caller = None if access_token is None else await self._caller(access_token)
        if caller is None:
            return None
        if scope["path"] == BATCH_PATH:
            return await self._answer_all(caller, body)
        asked = read_plainly(body)
        if asked is None:
            return None
        return await self._memory.recall(_asked(caller, asked))

    async def _answer_all(self, caller: Caller, body: bytes) -> bytes | None:
        asked = read_all_plainly(body)
        if asked is None:
            return None
        questions = [_asked(caller, each) for each in asked]
        try:
            answers = await verify_batch(self._context, self._memory, caller, questions)
        except ConsentidError:
            return None
        return b"[" + b",".join(answers) + b"]"

    async def _caller(self, unverified_access_token: str) -> Caller | None:
        caller = self._memory.known_caller(unverified_access_token)
        if caller is None:
            try:
                caller = await self._memory.caller(unverified_access_token)
            except ConsentidError:
                return None
        return caller if ApiScope.VERIFY in caller.scopes else None


def _asked(caller: Caller, plain: Plain) -> Asked:
    return Asked(
        unverified_token=plain.token,
        caller=caller,
        audience=plain.audience,
        purposes=plain.purposes,
    )


def read_plainly(body: bytes) -> Plain | None:
    """A body that no two parsers can read differently; None for any other."""
    asked = _decode(body, _one)
    return None if asked is None or not _names_each_once(body, [asked]) else asked


def read_all_plainly(body: bytes) -> list[Plain] | None:
    """The same for a batch."""
    asked = _decode(body, _many)
    return None if asked is None or not _names_each_once(body, asked) else asked


def _decode(body: bytes, decoder: msgspec.json.Decoder[T]) -> T | None:
    # Without a backslash each string is its own bytes, so a member that is there twice shows.
    if b"\\" in body or not body.isascii():
        return None
    try:
        return decoder.decode(body)
    except (ValueError, RecursionError):
        return None


def _names_each_once(body: bytes, asked: list[Plain]) -> bool:
    return (
        body.count(b'"token"') == len(asked)
        and body.count(b'"audience"') == sum(each.audience is not None for each in asked)
        and body.count(b'"purposes"') == sum(bool(each.purposes) for each in asked)
    )


def read_forwarded(headers: Iterable[tuple[bytes, bytes]]) -> Asked | None:
    """What a proxy asks, in the plainest form; None for any other."""
    said: dict[bytes, str] = {}
    for name, text in headers:
        if name in _SAID:
            if name in said:
                return None
            said[name] = text.decode("latin-1")
    audience, purposes = said.get(b"consent-audience"), said.get(b"consent-purposes", "")
    cookie = said.get(b"consent-cookie")
    if audience is None or (purposes and _PURPOSES.fullmatch(purposes) is None):
        return None
    if cookie is not None and _COOKIE.fullmatch(cookie) is None:
        return None
    unverified_token = find_token(said.get(b"authorization"), said.get(b"cookie"), cookie)
    return Asked(
        unverified_token=unverified_token,
        caller=None,
        audience=audience,
        purposes=purposes.split(),
    )


def read_access_token(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The access token of a request with a JSON body; None where anything is out of the usual.

    A page that asks is out of the usual: whether it may read the answer is said further in.
    """
    unverified: bytes | None = None
    media_type: bytes | None = None
    for name, text in headers:
        if name == b"authorization":
            if unverified is not None:
                return None
            unverified = text
        elif name == b"content-type":
            if media_type is not None:
                return None
            media_type = text
        elif name == b"origin":
            return None
    if unverified is None or media_type != _JSON:
        return None
    scheme, _, access_token = unverified.decode("latin-1").partition(" ")
    if scheme.lower() != _BEARER or not 0 < len(access_token) <= _MAX_ACCESS_TOKEN:
        return None
    return access_token
