"""A receiver's feed as a stream of NATS JetStream.

The stream is this feed's alone.  Each event is published with its id (``Nats-Msg-Id``) and on the
condition that it follows the one before it (``Nats-Expected-Last-Sequence``): what was lost on the
way, or who else publishes, makes the rest fail instead of standing in another order.  The place in
the feed travels along, so the stream itself says how far it is.

A connection is used until it breaks and never mended: who connects anew asks where to go on.

Spec: CloudEvents 1.0, NATS protocol binding (structured mode); NATS ADR-8 headers.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast, final

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import Header, PubAck, StreamConfig, StreamInfo
from nats.js.client import JetStreamContext
from nats.js.errors import APIError
from nats.js.errors import NotFoundError as NoSuchError

from consentid.connectors.broker import NOWHERE, Message, Place
from consentid.events.contract import MEDIA_TYPE
from consentid.kit.errors import ConflictError, UnavailableError

WITHIN_S: Final = 10.0
"""For a connection, for an answer, for a batch's acknowledgements."""
PLACE: Final = "Consentid-Place"
"""The header that says where in the feed an event stands."""
_DUPLICATE_WINDOW_S: Final = 600.0
_DESCRIPTION: Final = "consentid: the events of one receiver, in their order"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which server, who we are there, and where the events go."""

    servers: Sequence[str]
    stream: str
    subject: str
    """The events' subjects are this, a dot, and their kind."""
    user: str | None = None
    password: str | None = None
    credentials: Path | None = None
    """A file of NATS' own, with a JWT and a seed."""
    authorities: Path | None = None
    """Certificates that the server's is checked against; then TLS is insisted on."""
    keep_s: float = 0
    """How long a stream that we make keeps events; 0: for ever."""
    replicas: int = 1

    @property
    def name(self) -> str:
        """What our note of it is kept under."""
        return f"{self.stream}/{self.subject}"


@asynccontextmanager
async def connecting(target: Target) -> "AsyncGenerator[JetStream]":
    """Connect, and make the stream where there is none.

    Raises:
        UnavailableError: the server cannot be reached, or does not let us in.
        ConflictError: the stream takes what is not of this feed, or not all that is.
    """
    broken: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    async def note_end() -> None:
        if not broken.done():
            broken.set_result(ConnectionError())

    async def note_error(error: Exception) -> None:
        # A refusal of what was published is told here, and not where it is waited for.
        if isinstance(error, APIError) and not broken.done():
            broken.set_result(error)

    try:
        connection = await nats.connect(  # pyright: ignore[reportUnknownMemberType]  untyped options
            list(target.servers),
            name="consentid",
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=int(WITHIN_S),
            error_cb=note_error,
            closed_cb=note_end,
            **_credentials(target),
        )
    except (NatsError, OSError, TimeoutError) as error:
        raise _unavailable(error) from error
    try:
        opened = JetStream(connection, target, broken)
        await opened.prepare()
        yield opened
    finally:
        await connection.close()


def _credentials(target: Target) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if target.user is not None:
        given |= {"user": target.user, "password": target.password or ""}
    if target.credentials is not None:
        given["user_credentials"] = str(target.credentials)
    if target.authorities is not None:
        given["tls"] = ssl.create_default_context(cafile=str(target.authorities))
    return given


@final
class JetStream:
    """A connection to JetStream, for one receiver's feed."""

    def __init__(
        self, connection: Client, target: Target, broken: "asyncio.Future[Exception]"
    ) -> None:
        self._target: Final = target
        self._broken: Final = broken
        self._jetstream: Final[JetStreamContext] = connection.jetstream(  # pyright: ignore[reportUnknownMemberType]  as above
            timeout=WITHIN_S
        )
        self._last: int = 0
        """The number of the last event in JetStream's stream: what is published next follows it."""

    async def prepare(self) -> None:
        """Make the stream, or look at the one that is there."""
        target = self._target
        wanted = StreamConfig(
            name=target.stream,
            description=_DESCRIPTION,
            subjects=[f"{target.subject}.*"],
            max_age=target.keep_s,
            num_replicas=target.replicas,
            duplicate_window=min(_DUPLICATE_WINDOW_S, target.keep_s or _DUPLICATE_WINDOW_S),
        )
        try:
            info = await self._find()
            if info is None:
                info = await self._jetstream.add_stream(  # pyright: ignore[reportUnknownMemberType]  as above
                    wanted
                )
        except (NatsError, OSError, TimeoutError) as error:
            raise _unavailable(error) from error
        self._check(info)
        self._last = info.state.last_seq

    async def find_last(self) -> Place | None:
        """The last event that it took; ``NOWHERE`` if none ever, None where it is gone by now."""
        if self._last == 0:
            return NOWHERE
        try:
            last = await self._jetstream.get_msg(self._target.stream, seq=self._last)
        except NoSuchError:
            return None
        except (NatsError, OSError, TimeoutError) as error:
            raise _unavailable(error) from error
        headers = cast("Mapping[str, str]", last.headers or {})
        stream_no, _, seq = headers.get(PLACE, "").partition("/")
        if not (stream_no.isdecimal() and seq.isdecimal()):
            raise ConflictError(
                "broker_stream_taken",
                f"the last message of the stream {self._target.stream} is none of ours: "
                "name another stream, or remove this one",
                where="--stream",
            )
        return Place(stream_no=int(stream_no), seq=int(seq))

    async def publish(self, messages: Sequence[Message]) -> int:
        """Hand them over, and wait for every acknowledgement."""
        acknowledged: list[asyncio.Future[PubAck]] = []
        failure: Exception | None = None
        try:
            for number, message in enumerate(messages):
                headers = {
                    Header.MSG_ID: message.id,
                    Header.EXPECTED_LAST_SEQUENCE: str(self._last + number),
                    PLACE: f"{message.place.stream_no}/{message.place.seq}",
                    "Content-Type": MEDIA_TYPE,
                }
                subject = f"{self._target.subject}.{message.kind}"
                acknowledged.append(
                    await self._jetstream.publish_async(  # pyright: ignore[reportUnknownMemberType]  as above
                        subject, message.body, stream=self._target.stream, headers=headers
                    )
                )
            failure = await self._wait(acknowledged)
        except (NatsError, OSError, TimeoutError) as error:
            failure = error
        taken = self._taken(acknowledged)
        for each in acknowledged:
            if not each.cancel() and not each.cancelled():
                each.exception()  # it has been looked at
        if messages and not taken:
            raise _unavailable(failure)
        return taken

    async def _wait(self, acknowledged: "Sequence[asyncio.Future[PubAck]]") -> Exception:
        """Until all are there, one is refused, or the connection is gone; what went wrong."""
        waiting = asyncio.gather(*acknowledged, return_exceptions=True)
        try:
            await asyncio.wait(
                {waiting, self._broken}, timeout=WITHIN_S, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        return self._broken.result() if self._broken.done() else TimeoutError()

    def _taken(self, acknowledged: "Sequence[asyncio.Future[PubAck]]") -> int:
        """How many of the first are there."""
        for number, each in enumerate(acknowledged):
            if not each.done() or each.cancelled() or each.exception() is not None:
                return number
            if not each.result().duplicate:
                self._last = each.result().seq
        return len(acknowledged)

    async def _find(self) -> StreamInfo | None:
        try:
            return await self._jetstream.stream_info(self._target.stream)
        except NoSuchError:
            return None

    def _check(self, info: StreamInfo) -> None:
        subjects = info.config.subjects or []
        own = self._target.subject
        is_own = all(each.startswith(f"{own}.") for each in subjects)
        if not is_own or not {f"{own}.*", f"{own}.>"} & set(subjects):
            raise ConflictError(
                "broker_stream_taken",
                f"the stream {self._target.stream} has other subjects than {own}.*: "
                "name another stream, or let it have that one alone",
                where="--stream",
            )


def _unavailable(error: BaseException | None) -> UnavailableError:
    why = "no answer in time" if error is None else f"{type(error).__name__}: {error}".rstrip(": ")
    return UnavailableError(
        "broker_unavailable", f"NATS JetStream cannot be reached ({why}).", retry_after_s=1
    )
