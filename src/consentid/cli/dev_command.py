"""``consentid dev``: your own ``brands/`` on embedded servers, applied again at each change."""

import argparse
import asyncio
import contextlib
import hashlib
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast
from urllib.parse import urlsplit

import msgspec

from consentid import settings
from consentid.brandbook.difference import difference
from consentid.brandbook.folder import load
from consentid.brandbook.problem import BrandbookError, report
from consentid.cli import terminal
from consentid.cli.brands_command import publish
from consentid.cli.terminal import Exit
from consentid.embedded import guard
from consentid.embedded.places import state_folder
from consentid.keyring.generating import generate
from consentid.kit import instants
from consentid.kit.errors import ConsentidError
from consentid.settings import Settings, writing

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

    from consentid.embedded.postgres import DatabaseUrls

_LOOK_EVERY_S: Final = 0.5
_LOCAL: Final = Path(".consentid")
_CONFIG: Final = "dev.toml"


class _Arguments(Protocol):
    brands: Path | None
    port: int | None
    data: Path | None


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "dev",
        help="run everything on this machine with your own brands/",
        description=(
            "Start PostgreSQL and Valkey from their wheels, make keys if there are none, migrate, "
            "apply brands/ now and at each change, and serve. Data stays for the next time."
        ),
        epilog=(
            f"Other commands meet the same database with CONSENTID_CONFIG={_LOCAL / _CONFIG}. "
            "Issuers may be http and *.localhost is this machine: for development only."
        ),
    )
    parser.add_argument("--brands", type=Path, metavar="DIR", help="the folder (default: brands)")
    parser.add_argument("--port", type=int, help="port (default: $CONSENTID_PORT, or 8000)")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="the servers' folder (default: one for this folder, under your state folder)",
    )
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Run until Ctrl-C or SIGTERM."""
    given = cast("_Arguments", cast("object", args))
    wanted = settings.from_environment(os.environ)
    asked = {"brands_dir": given.brands, "port": given.port}
    wanted = msgspec.structs.replace(
        wanted,
        keys_dir=wanted.keys_dir.absolute(),
        localhost_hosts=True,
        **{name: value for name, value in asked.items() if value is not None},
    )
    wanted = msgspec.structs.replace(wanted, brands_dir=wanted.brands_dir.absolute())
    stopping = threading.Event()

    def stop(_number: int, _frame: object) -> None:
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    with _servers(wanted, given.data) as chosen:
        config = _write_config(chosen)
        _apply(chosen)
        environ = {
            **{name: value for name, value in os.environ.items() if not _is_ours(name)},
            "CONSENTID_CONFIG": str(config),
            **writing.left_out(chosen),
        }
        with _child("serve", environ) as web, _child("worker", environ) as worker:
            terminal.note(f"  listening on http://{chosen.host}:{chosen.port}")
            terminal.note(f"  other commands: CONSENTID_CONFIG={config} consentid ...")
            seen = _look(chosen.brands_dir)
            while not stopping.wait(_LOOK_EVERY_S):
                if web.poll() is not None or worker.poll() is not None:
                    terminal.note("consentid dev: a process ended by itself, see above")
                    return Exit.UNAVAILABLE
                if (now := _look(chosen.brands_dir)) != seen:
                    seen = now
                    _apply(chosen)
    return Exit.OK


@contextlib.contextmanager
def _servers(wanted: Settings, data: Path | None) -> Generator[Settings]:
    """Everything below the web, ready; the settings to reach it."""
    from consentid.embedded.postgres import EmbeddedPostgres  # noqa: PLC0415  the server extra
    from consentid.embedded.valkey import EmbeddedValkey  # noqa: PLC0415  the server extra

    here = hashlib.sha256(os.fsencode(Path.cwd())).hexdigest()[:10]
    folder = data or state_folder(f"dev-{here}", os.environ)
    postgres, valkey = EmbeddedPostgres(folder / "postgres"), EmbeddedValkey(folder / "valkey")
    with contextlib.ExitStack() as stack:
        with terminal.step("PostgreSQL started"):
            urls = postgres.start()
        stack.callback(postgres.stop)
        with terminal.step("Valkey started"):
            valkey_url = valkey.start()
        stack.callback(valkey.stop)
        with terminal.step("database brought up to date"):
            _migrate(urls)
        now = instants.from_datetime(datetime.now(UTC))
        if generate(wanted.keys_dir, now=now, randomness=secrets.token_bytes).created:
            terminal.note(f"  keys made in {wanted.keys_dir}")
        yield msgspec.structs.replace(
            wanted,
            database_url=urls.serving,
            migration_database_url=urls.owner,
            valkey_url=valkey_url,
        )


def _migrate(urls: "DatabaseUrls") -> None:
    from consentid.store.migrating import role_of, upgrade  # noqa: PLC0415  the server extra

    asyncio.run(upgrade(urls.owner, serving_role=role_of(urls.serving)))


def _apply(chosen: Settings) -> None:
    """Put the files in force; where they hold mistakes, tell them and leave what was in force."""
    try:
        done = asyncio.run(publish(chosen, load(chosen.brands_dir)))
    except BrandbookError as error:
        terminal.note(report(error.problems))
        terminal.note(f"  {chosen.brands_dir} not applied: mend this and save")
    except ConsentidError as error:
        terminal.say_error(error, command="dev")
    else:
        for change in difference(done.previous, done.book) if done.is_new else ():
            terminal.note(f"  {change}")
        number = done.book.catalogue.version
        terminal.note(f"  {chosen.brands_dir} in force as version {number}")
        _tell_of_another_address(done.book.group.issuer, chosen.port)


def _tell_of_another_address(issuer: str, port: int) -> None:
    """Say so where tokens name an address of this machine at which nobody listens.

    Such a hub starts and answers, but nobody finds its keys, and pages are led astray.
    """
    named = urlsplit(issuer)
    host = named.hostname or ""
    is_here = host == "localhost" or host.endswith(".localhost")
    if is_here and named.scheme == "http" and (named.port or 80) != port:
        terminal.note(f"  but issuer in group.toml is {issuer}, and this hub listens on {port}:")
        terminal.note(f"  start it with --port {named.port or 80}, or change the port in the files")


def _look(folder: Path) -> Mapping[Path, tuple[int, int]]:
    """What would change if somebody saved a file."""
    seen: dict[Path, tuple[int, int]] = {}
    for path in folder.rglob("*.toml"):
        with contextlib.suppress(FileNotFoundError):  # editors replace files
            status = path.stat()
            seen[path] = (status.st_mtime_ns, status.st_size)
    return seen


def _is_ours(name: str) -> bool:
    return name.startswith(settings.PREFIX)


@contextlib.contextmanager
def _child(command: str, environ: Mapping[str, str]) -> "Generator[subprocess.Popen[bytes]]":
    """One of our own commands under guard: it ends when we do, and not at the terminal's Ctrl-C."""
    child = subprocess.Popen(  # noqa: S603  our own command
        [
            *(sys.executable, "-I", "-S", guard.__file__),
            *(str(os.geteuid()), str(os.getegid()), str(int(signal.SIGTERM))),
            *(sys.executable, "-m", "consentid", command),
        ],
        stdin=subprocess.PIPE,
        env=dict(environ),
        start_new_session=True,
    )
    try:
        yield child
    finally:
        if child.stdin is not None:
            child.stdin.close()
        child.wait()


def _write_config(chosen: Settings) -> Path:
    """Write the settings where other commands can be pointed at; it holds no secret."""
    _LOCAL.mkdir(mode=0o700, exist_ok=True)
    path = (_LOCAL / _CONFIG).absolute()
    writing.write(chosen, path, command="dev")
    return path
