"""The demo's servers and processes, from start to stop.

The order of things: port, PostgreSQL, Valkey, database, keys, files, secrets, then web and worker
as real processes of their own.  What is stopped or dies takes everything with it, in the opposite
order.
"""

import asyncio
import shutil
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeAlias, TypeVar, final

import httpx2

from consentid import settings
from consentid.demo import halcyon, loopback
from consentid.demo.preparation import Prepared, prepare
from consentid.demo.processes import Child, listen
from consentid.demo.readiness import await_ready
from consentid.demo.tour_scene import Scene
from consentid.embedded.places import scratch_folder
from consentid.embedded.postgres import EmbeddedPostgres
from consentid.embedded.valkey import EmbeddedValkey
from consentid.settings import Settings, writing

Progress: TypeAlias = Callable[[str], AbstractContextManager[None]]
"""Says what is under way, and how it ended."""

_MODULE: Final = "consentid.demo.child"
_CONFIG: Final = "demo.toml"

T = TypeVar("T")


@final
class Stage:
    """A running demo.  Use as a context manager."""

    def __init__(self, *, folder: Path | None, brands: Path, port: int, progress: Progress) -> None:
        """Without ``folder``, everything lives in a new one and goes with it at the end."""
        self._asked: Path | None = folder
        self._brands: Path = brands
        self._port: int = port
        self._progress: Progress = progress
        self._ending: ExitStack = ExitStack()
        self._web: Child | None = None
        self._worker: Child | None = None
        self._prepared: Prepared | None = None
        self._config: Path | None = None
        self._http: httpx2.Client | None = None

    def __enter__(self) -> Self:
        """Start everything; what was started is stopped again if a later part fails.

        Raises:
            DemoError: the port is busy, or a process does not become ready.
            EmbeddedServerError: PostgreSQL or Valkey cannot run here.
        """
        with self._ending:
            self._start()
            self._ending = self._ending.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything."""
        self._ending.close()

    @property
    def prepared(self) -> Prepared:
        """What was made ready before the processes started."""
        return _started(self._prepared)

    @property
    def config(self) -> Path:
        """Where other commands find the settings; for ``CONSENTID_CONFIG``."""
        return _started(self._config)

    @property
    def children(self) -> tuple[Child, ...]:
        """The processes, web first."""
        return (_started(self._web), _started(self._worker))

    def kill_web(self) -> int:
        """End the web process by SIGKILL; answers the process id that is no more."""
        web = _started(self._web)
        pid = web.pid
        web.kill()
        return pid

    def revive_web(self) -> int:
        """Start the web process again and wait until it is ready; answers its process id."""
        web = _started(self._web)
        web.start()
        self._await_web(web)
        return web.pid

    def scene(self) -> Scene:
        """What the tour walks on."""
        prepared = self.prepared
        return Scene(
            http=_started(self._http),
            port=self._port,
            book=prepared.book,
            secrets=prepared.secrets,
            keys=prepared.keys,
            web=self,
        )

    def _start(self) -> None:
        sockets = listen(self._port)
        for one in sockets:
            self._ending.callback(one.close)
        folder = self._open_folder()
        with self._progress("PostgreSQL and Valkey, from their wheels"):
            postgres = EmbeddedPostgres(folder / "postgres")
            urls = postgres.start()
            self._ending.callback(postgres.stop)
            valkey = EmbeddedValkey(folder / "valkey")
            valkey_url = valkey.start()
            self._ending.callback(valkey.stop)
        chosen = Settings(
            database_url=urls.serving,
            migration_database_url=urls.owner,
            valkey_url=valkey_url,
            brands_dir=self._files_for_port(folder),
            keys_dir=folder / "keys",
            port=self._port,
            localhost_hosts=True,
        )
        with self._progress("database, keys, the Halcyon group's files and secrets"):
            self._prepared = asyncio.run(prepare(chosen, folder, port=self._port))
        self._config = folder / _CONFIG
        writing.write(chosen, self._config, command="demo")
        self._http = loopback.client()
        self._ending.callback(self._http.close)
        with self._progress("web and worker, as processes of their own"):
            self._start_children(chosen, folder, sockets)

    def _open_folder(self) -> Path:
        if self._asked is not None:
            self._asked.mkdir(parents=True, exist_ok=True, mode=0o711)
            return self._asked.resolve()
        folder = scratch_folder()
        self._ending.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _files_for_port(self, folder: Path) -> Path:
        """The group's files; for another port than theirs, a copy with the port exchanged."""
        if self._port == halcyon.PORT:
            return self._brands.resolve()
        copy = folder / "brands"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self._brands, copy)
        for file in copy.rglob("*.toml"):
            text = file.read_text(encoding="utf-8")
            here = text.replace(f".localhost:{halcyon.PORT}", f".localhost:{self._port}")
            file.write_text(here, encoding="utf-8")
        return copy

    def _start_children(
        self, chosen: Settings, folder: Path, sockets: tuple[socket.socket, ...]
    ) -> None:
        logs = folder / "logs"
        logs.mkdir(exist_ok=True)
        common = ["--folder", str(folder), "--port", str(self._port)]
        descriptors = [word for one in sockets for word in ("--fd", str(one.fileno()))]
        environment = _environment(chosen)
        self._web = Child(
            "web",
            module=_MODULE,
            arguments=["web", *common, *descriptors],
            environment=environment,
            log=logs / "web.log",
            sockets=sockets,
        )
        self._worker = Child(
            "worker",
            module=_MODULE,
            arguments=["worker", *common],
            environment=environment,
            log=logs / "worker.log",
        )
        for child in (self._web, self._worker):
            self._ending.callback(child.stop)
            child.start()
        self._await_web(self._web)

    def _await_web(self, web: Child) -> None:
        await_ready(
            _started(self._http), f"{halcyon.url_of(halcyon.HUB, self._port)}/health/ready", web
        )


def _started(part: T | None) -> T:
    if part is None:
        msg = "the stage was not started"
        raise RuntimeError(msg)
    return part


def _environment(chosen: Settings) -> dict[str, str]:
    """The settings as a child process reads them."""
    given = {
        "database_url": chosen.database(),
        "migration_database_url": chosen.migration_database(),
        "valkey_url": chosen.valkey_url or "",
        "brands_dir": str(chosen.brands_dir),
        "keys_dir": str(chosen.keys_dir),
        "localhost_hosts": "true",
    }
    return {f"{settings.PREFIX}{name.upper()}": value for name, value in given.items()}
