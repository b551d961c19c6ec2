"""A real NATS server with JetStream, that can be killed and come back with what it had."""

import subprocess
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import msgspec
import nats
from nats.aio.subscription import Subscription
from nats.js.client import JetStreamContext
from tests.ports import free_port


@dataclass(slots=True)
class NatsServer:
    """The program, its folder, its port."""

    program: Path
    folder: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[str] | None" = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it is ready."""
        self.process = subprocess.Popen(  # noqa: S603 our own choice
            [
                *(str(self.program), "--addr", "127.0.0.1", "--port", str(self.port)),
                *("--jetstream", "--store_dir", str(self.folder)),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        told = ""
        for line in self.process.stderr:
            told += line
            if "Server is ready" in line:
                return
        raise AssertionError(told)

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            if self.process.stderr is not None:
                self.process.stderr.close()
            self.process = None

    @asynccontextmanager
    async def jetstream(self) -> AsyncGenerator[JetStreamContext]:
        """A connection of a test's own."""
        connection = await nats.connect(self.url)  # pyright: ignore[reportUnknownMemberType]  untyped options
        try:
            yield connection.jetstream()  # pyright: ignore[reportUnknownMemberType]  as above
        finally:
            await connection.close()

    @asynccontextmanager
    async def hearing(self, subject: str) -> AsyncGenerator[Subscription]:
        """Whatever is published on a subject from now on."""
        connection = await nats.connect(self.url)  # pyright: ignore[reportUnknownMemberType]  as above
        try:
            heard = await connection.subscribe(subject)  # pyright: ignore[reportUnknownMemberType]  as above
            await connection.flush()
            yield heard
        finally:
            await connection.close()

    async def stored(self, stream: str) -> Sequence[dict[str, Any]]:
        """All events of a stream, in its order; each with the headers and the subject it has."""
        found: list[dict[str, Any]] = []
        async with self.jetstream() as jetstream:
            state = (await jetstream.stream_info(stream)).state
            for seq in range(max(1, state.first_seq), state.last_seq + 1):
                message = await jetstream.get_msg(stream, seq=seq)
                event: dict[str, Any] = msgspec.json.decode(message.data or b"")
                headers = cast("Any", message.headers)
                found.append({**event, "headers": headers, "on": message.subject})
        return found


@contextmanager
def nats_server(program: Path, folder: Path) -> Generator[NatsServer]:
    """One that is ready; gone at the end."""
    server = NatsServer(program, folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
