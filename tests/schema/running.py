"""A hub with a worker, everybody who may come to it, and Schemathesis in a process of its own."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from joserfc.jwk import RSAKey
from tests.bench.serving import working
from tests.web.hub import REPOSITORY, Hub, forget, in_charge, running_hub
from tests.web.roles import Role, everybody

from consentid.embedded.postgres import DatabaseUrls

_CONFIG: Final = Path(__file__).with_name("schemathesis.toml")
_LIMITS_FORGOTTEN_EVERY_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What Schemathesis found for one role."""

    role: str
    is_clean: bool
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A running hub, and who comes."""

    hub: Hub
    roles: Sequence[Role]


@contextlib.contextmanager
def town(
    folder: Path, database: DatabaseUrls, portal: tuple[str, RSAKey], *, valkey_url: str
) -> Generator[Town]:
    """Everything started.  Nobody is limited: what is looked at lies behind that."""
    over = threading.Event()

    def forget_limits() -> None:
        while not over.wait(_LIMITS_FORGOTTEN_EVERY_S):
            forget(valkey_url, "limit:*")

    forgetting = threading.Thread(target=forget_limits)
    with (
        running_hub(
            folder, database, portal, valkey_url=valkey_url, settings=in_charge(database)
        ) as hub,
        working(database, folder),
    ):
        forgetting.start()
        try:
            yield Town(hub=hub, roles=[*everybody(hub)])
        finally:
            over.set()
            forgetting.join()


def hold(hub: Hub, role: Role, *options: str) -> Outcome:
    """Hold the answers to one role against the document."""
    headers = [word for name, text in role.headers.items() for word in ("-H", f"{name}: {text}")]
    done = subprocess.run(  # noqa: S603 a program of our own environment
        [
            *(sys.executable, "-m", "schemathesis.cli", f"--config-file={_CONFIG}", "run"),
            *(f"{hub.url}/schema", "--no-color", *headers, *options),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
    )
    return Outcome(role=role.name, is_clean=done.returncode == 0, told=done.stdout + done.stderr)
