"""A server's protocol that waits for nobody without end, and leaves nobody unheard.

A request has to be here whole within half a minute, its head within 64 KiB: whoever sends a byte
now and then would keep a connection for as long as they please.  What frames a body in chunks is no
more than a few times the body, and what follows it (trailers) is no header: nobody who judged the
head saw it.  Whoever reads nothing of an answer for half a minute gets no more of it.

Where the process is to end, a connection that rests is not closed at once: a request may be on its
way, and its sender could not know whether it was heard.  For a moment more it is answered, and told
that the connection ends.  Spec: RFC 9112 sections 3.2, 7.1.2, 9.5 and 9.6, RFC 6585 section 5.
"""

import asyncio
from http import HTTPStatus
from typing import Final, final
from weakref import WeakSet

from typing_extensions import override
from uvicorn.server import ServerState

from consentid.web.joining import JoiningProtocol

WHOLE_WITHIN_S: Final = 30.0
MAX_HEAD_BYTES: Final = 65_536
LEAVE_AFTER_S: Final = 1.0
_FRAMING: Final = 8
"""Bytes of framing to one of a body: chunks of a single byte take five."""
_ending: Final[WeakSet[ServerState]] = WeakSet()
"""Servers of this process that are to end: whom they still let in is told so, too."""
_REFUSAL: Final = "HTTP/1.1 {0} {1}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@final
class _RefusedHeadError(Exception):
    """A head that is not answered by the application."""


@final
class PatientProtocol(JoiningProtocol):
    """uvicorn's, joined up, with an end to every wait."""

    _deadline: asyncio.TimerHandle | None = None
    _is_arriving = False
    """Whether a request has begun and is not whole yet."""
    _is_in_head = False
    _head_bytes = 0
    """Of pieces that came before; ``_piece_bytes`` has the one that is being read."""
    _piece_bytes = 0
    _body_bytes = 0
    _framing_bytes = 0
    """Of the body's pieces, but for the first and the last: what was no body there."""
    _messages = 0
    _unread: asyncio.TimerHandle | None = None
    """Ends a connection whose other side takes nothing."""
    _is_leaving = False
    _refused_as: HTTPStatus | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._deadline = self.loop.call_later(WHOLE_WITHIN_S, self._give_up)
        if self.server_state in _ending:
            self.shutdown()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._is_arriving = False
        self._end_wait()
        self._end_unread()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        self._piece_bytes = len(data)
        body_of = self._messages if self._is_arriving and not self._is_in_head else None
        before = self._body_bytes
        super().data_received(data)
        if self._is_arriving and body_of == self._messages:
            self._framing_bytes += len(data) - (self._body_bytes - before)
            if self._framing_bytes > MAX_HEAD_BYTES + _FRAMING * self._body_bytes:
                self._refuse(HTTPStatus.BAD_REQUEST)
        if self._is_arriving or self._rests():
            if self._deadline is None:
                self._deadline = self.loop.call_later(WHOLE_WITHIN_S, self._give_up)
            if self._is_in_head:
                self._head_bytes += len(data)
                if self._head_bytes > MAX_HEAD_BYTES:
                    self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_arriving = self._is_in_head = True
        self._head_bytes = self._body_bytes = self._framing_bytes = 0
        self._messages += 1

    @override
    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._end_unread()
        self._unread = self.loop.call_later(WHOLE_WITHIN_S, self.transport.abort)

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        self._end_unread()

    @override
    def on_headers_complete(self) -> None:
        self._refused_as = self._judge_head()
        if self._refused_as is not None:
            raise _RefusedHeadError  # to the parser, which reads no further
        super().on_headers_complete()
        self._is_in_head = False
        self.headers = []  # what comes behind the body goes there, and nowhere
        if self._is_leaving:
            self.cycle.keep_alive = False

    @override
    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._is_arriving = False
        self._end_wait()

    @override
    def shutdown(self) -> None:
        _ending.add(self.server_state)
        if self._rests():
            self._is_leaving = True
            self.loop.call_later(LEAVE_AFTER_S, self._leave)
        else:
            super().shutdown()

    @override
    def send_400_response(self, msg: str) -> None:
        if self._refused_as is None:
            super().send_400_response(msg)
        else:
            self._refuse(self._refused_as)

    def _judge_head(self) -> HTTPStatus | None:
        """How a head is refused that came whole: by its size, or for whom it is."""
        if self._head_bytes + self._piece_bytes > MAX_HEAD_BYTES:  # the body counts there, too
            size = len(self.url) + sum(len(name) + len(text) for name, text in self.headers)
            if size > MAX_HEAD_BYTES:
                return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        hosts = [name for name, _ in self.headers].count(b"host")
        if hosts == 1:
            return None
        version = None if self.parser is None else self.parser.get_http_version()
        return None if hosts == 0 and version == "1.0" else HTTPStatus.BAD_REQUEST

    def _rests(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]  None before the first

    def _leave(self) -> None:
        if self._rests() and not self._is_arriving and not self.transport.is_closing():
            self.transport.close()

    def _end_wait(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _give_up(self) -> None:
        self._deadline = None
        if self._is_arriving:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, status: HTTPStatus) -> None:
        """Say why, where nothing was said yet, and hang up."""
        self._is_arriving = False
        if self.transport.is_closing():
            return
        # Never behind an answer, nor before one to the request that came first.
        is_next = self._rests() if self._is_in_head else not self.cycle.response_started
        if is_next:
            self.transport.write(_REFUSAL.format(status.value, status.phrase).encode())
        self.transport.close()
