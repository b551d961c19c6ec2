"""Bodies checked at the edge, before anything reads them.

Bounded size; JSON in UTF-8, not nested deeply, no member twice, no NUL, no NaN; forms are parsed by
``forms``, those with a file by ``multipart``, event tokens by who verifies them.  The whole body is
at hand afterwards, for the parser and for the idempotency digest.
"""

import json
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, cast, final

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.types import (
    ASGIApp,
    HTTPReceiveMessage,
    Receive,
    Scope,
    Send,
    WebSocketReceiveMessage,
)

from consentid.web.error_document import is_for_persons
from consentid.web.guards import bearer_guard
from consentid.web.problems import Problem, problem
from consentid.web.refusals import refusal_of

MAX_BYTES: Final = 65_536
MAX_BATCH_BYTES: Final = 1_048_576
BATCH_PATH: Final = "/v1/verify/batch"
BUNDLES_PATH: Final = "/v1/captures/bundles"
CATALOGUES_PATH: Final = "/v1/admin/catalogues"
PICTURES_PATH: Final = "/v1/admin/notices/pictures"
MAX_PICTURE_BYTES: Final = 4_194_304
PNG: Final = b"image/png"
AFFECTED_PATH: Final = "/v1/admin/keys/affected"
_BATCHES: Final = frozenset({AFFECTED_PATH, BATCH_PATH, BUNDLES_PATH, CATALOGUES_PATH})
MAX_DEPTH: Final = 16
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_MAY_BE_BARE: Final = "DELETE"
_JSON: Final = b"application/json"
_TOKEN: Final = b"application/secevent+jwt"
_TOKEN_PATH: Final = "/ssf/events"  # noqa: S105 - an address
_FORM: Final = b"application/x-www-form-urlencoded"
_FORM_PATHS: Final = (
    "/token",
    "/authorize",
    "/userinfo",
    "/par",
    "/introspect",
    "/revoke",
    "/device_authorization",
    "/bc-authorize",
    "/approvals",
    "/device",
    "/link",
    "/logout",
    "/backchannel_logout",
    "/preferences",
    "/operations",
)
_FILE: Final = b"multipart/form-data"
_FILE_PATHS: Final = frozenset({"/verify-receipt"})
_FORM_FOLDERS: Final = ("/interaction/", "/device/", "/link/", "/preferences/", "/operations/")
_BODY: Final = "consentid.body"
_MAX_PLACE: Final = 128
_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
"""A string as a whole, with whatever is in it, or a bracket."""
_UNTOLD: Final = re.compile("[\0\ud800-\udfff]")
_ESCAPE: Final = "\\u"
_UNSHOWABLE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@final
class RefusedBodyError(Exception):
    """A body that two parsers might read differently; who sent it from a page is told by one."""

    def __init__(self, found: Problem) -> None:
        super().__init__(found.detail)
        self.problem: Problem = found


@final
class StrictBodies:
    """Middleware: refuse a body that two parsers might read differently."""

    def __init__(self, app: ASGIApp) -> None:
        self._app: ASGIApp = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read and check the body, then hand it on as one message."""
        if scope["type"] != ScopeType.HTTP or scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        if scope["path"] == PICTURES_PATH:  # megabytes are held of those alone who may send them
            await bearer_guard(ASGIConnection(scope, receive, send), scope["route_handler"])
        headers: dict[bytes, bytes] = dict(scope["headers"])
        try:
            body = await _read(headers, receive, max_bytes_at(scope["path"]))
            if body or scope["method"] != _MAY_BE_BARE or b"content-type" in headers:
                _check(scope["path"], headers, body)
        except RefusedBodyError as refused:
            if is_for_persons(scope["path"]):
                raise
            await _answer(scope["path"], refused.problem, send)
            return
        cast("dict[str, Any]", cast("object", scope))[_BODY] = body
        is_sent = False

        async def replay() -> HTTPReceiveMessage | WebSocketReceiveMessage:
            nonlocal is_sent
            if is_sent:
                return await receive()
            is_sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)


def body_of(connection: ASGIConnection[Any, Any, Any, Any]) -> bytes | None:
    """The whole body of a request that may have one."""
    return cast("dict[str, Any]", cast("object", connection.scope)).get(_BODY)


def max_bytes_at(path: str) -> int:
    """How large a body may be."""
    if path == PICTURES_PATH:
        return MAX_PICTURE_BYTES
    return MAX_BATCH_BYTES if path.rstrip("/") in _BATCHES else MAX_BYTES


async def _read(headers: dict[bytes, bytes], receive: Receive, max_bytes: int) -> bytes:
    announced = headers.get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _refused(HTTPStatus.BAD_REQUEST, "body_incomplete", "The request broke off.")
        body += message["body"]
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
        if not message["more_body"]:
            return bytes(body)


def _check(path: str, headers: dict[bytes, bytes], body: bytes) -> None:
    media_type = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    wanted = _wanted(path)
    if wanted == _FORM and not body and not media_type:
        return  # no body: nothing to be read differently
    if media_type != wanted:
        raise _refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            f"Send this body as {wanted.decode()}.",
            where="Content-Type",
        )
    if wanted == _JSON:
        _check_json(body)


def _wanted(path: str) -> bytes:
    if path in _FILE_PATHS:
        return _FILE
    if path == _TOKEN_PATH:
        return _TOKEN
    if path == PICTURES_PATH:
        return PNG
    return _FORM if path in _FORM_PATHS or path.startswith(_FORM_FOLDERS) else _JSON


def _check_json(body: bytes) -> None:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed("The body is not UTF-8.") from error
    if _depth(text) > MAX_DEPTH:
        raise _malformed(f"The body is nested more than {MAX_DEPTH} deep.")
    try:
        document = json.loads(
            text, object_pairs_hook=_refuse_twice, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _malformed(f"The body is not JSON: {error.msg} ({place}).") from error
    except ValueError as error:  # more digits than Python reads
        raise _malformed("A number is too large.") from error
    if _ESCAPE in text:  # as it is written, JSON holds neither NUL nor a surrogate
        _check_texts(document, "")


def _depth(text: str) -> int:
    """How deep brackets nest, those within strings left out; no further than is too deep."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return 0
    deepest = depth = 0
    for found in _BRACKET.finditer(text):
        bracket = found[0]
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if depth > MAX_DEPTH:
                break
        elif bracket in "]}":
            depth -= 1
    return deepest


def _refuse_twice(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise _malformed("A member stands there twice.", where=name)
        members[name] = value
    return members


def _refuse_constant(name: str) -> None:
    raise _malformed(f"{name} is not JSON.")


def _check_texts(value: object, where: str) -> None:
    match value:
        case str():
            if _UNTOLD.search(value):
                raise _malformed("A text holds NUL or a lone surrogate.", where=where)
        case dict():
            for name, member in cast("dict[str, object]", value).items():
                _check_texts(name, where)
                _check_texts(member, f"{where}.{name}" if where else name)
        case list():
            for place, member in enumerate(cast("list[object]", value)):
                _check_texts(member, f"{where}[{place}]")
        case _:
            pass


def _malformed(detail: str, *, where: str = "body") -> RefusedBodyError:
    """Refuse; ``where`` may come from the body, so it is cut and made fit to show."""
    shown = _UNSHOWABLE.sub("?", where[:_MAX_PLACE])
    return _refused(HTTPStatus.BAD_REQUEST, "malformed_body", detail, where=shown or "body")


def _too_large(max_bytes: int) -> RefusedBodyError:
    return _refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body_too_large",
        f"A body is at most {max_bytes} bytes.",
        where="body",
    )


def _refused(
    status: HTTPStatus, code: str, detail: str, *, where: str | None = None
) -> RefusedBodyError:
    return RefusedBodyError(problem(status, code, detail, where=where))


async def _answer(path: str, found: Problem, send: Send) -> None:
    refusal = refusal_of(path, found)
    headers = {
        "Content-Type": refusal.media_type,
        "Content-Length": str(len(refusal.body)),
        "Connection": "close",
        **refusal.headers,
    }
    await send(
        {
            "type": "http.response.start",
            "status": refusal.status,
            "headers": [(name.lower().encode(), text.encode()) for name, text in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": refusal.body, "more_body": False})
