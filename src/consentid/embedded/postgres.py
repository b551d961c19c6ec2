"""A real PostgreSQL 18 on one folder.

``folder/data`` is the cluster, ``folder/run`` the socket, ``folder/log`` what the server said.
Anybody who may enter ``run`` (the server's account and root) may connect without a password.

Four roles: ``postgres`` (superuser, for making databases), ``consentid_owner`` (owns each
database and runs migrations, no superuser, as on a managed server), ``consentid_serving`` and
``consentid_erasing`` (may connect, and may do nothing else but what migrations grant them).
"""

import atexit
import contextlib
import re
import shutil
import signal
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from consentid.embedded.account import Account, require_open_way, server_account
from consentid.embedded.binaries import postgres_binaries
from consentid.embedded.errors import EmbeddedServerError
from consentid.embedded.folder_lock import FolderLock
from consentid.embedded.leftovers import end_leftovers
from consentid.embedded.places import make_enterable, make_private, make_socket_folder
from consentid.embedded.server_process import ServerProcess, run_as, server_environ

DATABASE: Final = "consentid"
OWNER: Final = "consentid_owner"
SERVING: Final = "consentid_serving"
ERASING: Final = "consentid_erasing"
_ADMIN: Final = "postgres"

_SOCKET: Final = ".s.PGSQL.5432"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)

_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}

# Single-user mode takes one statement a line.
_FIRST_STATEMENTS: Final = f"""\
CREATE ROLE {OWNER} LOGIN;
CREATE ROLE {SERVING} LOGIN;
CREATE ROLE {ERASING} LOGIN;
CREATE DATABASE {DATABASE} OWNER {OWNER};
REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;
GRANT CONNECT ON DATABASE {DATABASE} TO {SERVING}, {ERASING};
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUrls:
    """How to reach one database (SQLAlchemy, asyncpg)."""

    owner: str
    """For migrations."""
    serving: str
    """For everything else."""
    erasing: str
    """For destroying what is to be forgotten."""


class EmbeddedPostgres:
    """PostgreSQL on a folder, from ``start`` to ``stop`` or to our end."""

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        is_thrown_away: bool = False,
        before: Sequence[str] = (),
    ) -> None:
        """``settings`` are further server settings, over ours.

        ``before`` are words in front of the server's command, such as ``env`` and variables.
        A folder that ``is_thrown_away`` afterwards is stopped at once, with nothing written out.
        """
        self._folder: Path = folder.absolute()
        # Fast: rolls back, writes everything out, ends.  Immediate: as a crash does.
        self._stop_signal: signal.Signals = signal.SIGQUIT if is_thrown_away else signal.SIGINT
        self._settings: Mapping[str, str] = {**_SETTINGS, **(settings or {})}
        self._before: Sequence[str] = before
        self._lock: FolderLock = FolderLock(self._folder)
        self._process: ServerProcess | None = None
        self._socket_folder: Path = self._folder / "run"

    def start(self) -> DatabaseUrls:
        """Start the server, making its cluster first if there is none; the default database.

        Raises:
            EmbeddedServerError: the folder is in use or out of the server's reach, or the server
                cannot be run here.
        """
        account = server_account()
        binaries = postgres_binaries(account)
        make_enterable(self._folder)
        require_open_way(self._folder / "data", account)
        descriptor = self._lock.acquire()
        try:
            end_leftovers(self._folder / "data")
            environ = server_environ()
            if not (self._folder / "data").exists():
                self._make_cluster(binaries, account, environ)
            self._socket_folder = make_socket_folder(self._folder, _SOCKET, account)
            self._process = ServerProcess(
                [
                    *self._before,
                    *(str(binaries / "postgres"), "-D", str(self._folder / "data")),
                    *("-k", str(self._socket_folder)),
                    *(f"--{key}={value}" for key, value in self._settings.items()),
                ],
                account=account,
                environ=environ,
                folder=self._folder / "data",
                log=self._folder / "log",
                lock_descriptor=descriptor,
                stop_signal=self._stop_signal,
            )
            self._process.await_ready(self._is_ready)
        except BaseException:
            self.stop()
            raise
        atexit.register(self.stop)
        return self.urls()

    def stop(self) -> None:
        """Stop the server cleanly; harmless when it does not run."""
        if self._process is not None:
            self._process.stop()
            self._process = None
        if self._socket_folder != self._folder / "run":
            shutil.rmtree(self._socket_folder, ignore_errors=True)
        self._lock.release()
        atexit.unregister(self.stop)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def pid(self) -> int:
        """The server's own process.

        Raises:
            EmbeddedServerError: it does not run.
        """
        lines = self._pid_file_lines()
        if self._process is None or not lines:
            raise EmbeddedServerError("not_running", "the embedded PostgreSQL does not run")
        return int(lines[0])

    def urls(self, database: str = DATABASE) -> DatabaseUrls:
        """How to reach a database of this server."""
        return DatabaseUrls(
            owner=self._url(OWNER, database),
            serving=self._url(SERVING, database),
            erasing=self._url(ERASING, database),
        )

    async def create_database(self, name: str, *, template: str | None = None) -> DatabaseUrls:
        """Make a database with the rights of the default one, empty or as a copy of ``template``.

        Raises:
            ValueError: a name is not of the plain form that needs no quoting.
        """
        source = "template1" if template is None else _plain(template)
        # FILE_COPY waits for checkpoints; WAL_LOG was measured faster for databases of our size.
        async with self._administering() as connection:
            for statement in (
                f"CREATE DATABASE {_plain(name)} OWNER {OWNER} TEMPLATE {source} STRATEGY wal_log",
                f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
                f"GRANT CONNECT ON DATABASE {name} TO {SERVING}, {ERASING}",
            ):
                await connection.execute(text(statement))
        return self.urls(name)

    async def drop_database(self, name: str) -> None:
        """Remove a database, ending what is still connected to it; harmless when it is gone.

        Raises:
            ValueError: the name is not of the plain form that needs no quoting.
        """
        async with self._administering() as connection:
            await connection.execute(text(f"DROP DATABASE IF EXISTS {_plain(name)} WITH (FORCE)"))

    def _url(self, role: str, database: str) -> str:
        folder = quote(str(self._socket_folder), safe="/")
        return f"postgresql+asyncpg://{role}@/{database}?host={folder}"

    @contextlib.asynccontextmanager
    async def _administering(self) -> AsyncGenerator[AsyncConnection]:
        engine = create_async_engine(
            self._url(_ADMIN, _ADMIN), isolation_level="AUTOCOMMIT", poolclass=NullPool
        )
        try:
            async with engine.connect() as connection:
                yield connection
        finally:
            await engine.dispose()

    def _make_cluster(self, binaries: Path, account: Account, environ: Mapping[str, str]) -> None:
        """Make the cluster aside and put it in place when it is whole."""
        fresh = self._folder / "data.new"
        make_private(fresh, account)
        run_as(
            account,
            [
                *(str(binaries / "initdb"), "-D", str(fresh), "-U", _ADMIN),
                *("--auth-local=trust", "--auth-host=reject", "--encoding=UTF8"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
                "--no-instructions",
            ],
            folder=fresh,
            environ=environ,
        )
        run_as(
            account,
            [str(binaries / "postgres"), "--single", "-D", str(fresh), _ADMIN],
            folder=fresh,
            environ=environ,
            text=_FIRST_STATEMENTS,
        )
        fresh.rename(self._folder / "data")

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self._folder / "data" / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _is_ready(self) -> bool:
        # The server writes its state as the eighth line when it takes connections.
        lines = self._pid_file_lines()
        return len(lines) > 7 and lines[7].strip() == "ready"  # noqa: PLR2004  the line's place


def _plain(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        msg = f"a database's name is {_NAME.pattern}, not {name!r}"
        raise ValueError(msg)
    return name
