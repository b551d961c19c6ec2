"""Run a command as a user does: in this process for speed, or as a process of its own."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from consentid.cli.main import main

REPOSITORY = Path(__file__).parents[2]
BRANDS = REPOSITORY / "brands"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Command:
    """``consentid`` in this process, with the environment that a test chose."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys: pytest.CaptureFixture[str] = capsys
        self._monkeypatch: pytest.MonkeyPatch = monkeypatch
        for name in os.environ:
            if name.startswith("CONSENTID_"):
                monkeypatch.delenv(name)

    def set(self, name: str, value: object) -> None:
        """Set ``CONSENTID_<name>``."""
        self._monkeypatch.setenv(f"CONSENTID_{name}", str(value))

    def __call__(self, *words: str | Path) -> Ended:
        code = main([str(word) for word in words])
        out, err = self._capsys.readouterr()
        return Ended(code=code, out=out, err=err)


def run_process(
    *words: str, environ: Mapping[str, str] | None = None, cwd: Path = REPOSITORY
) -> Ended:
    """``python -m consentid`` to its end."""
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-m", "consentid", *words],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=cwd,
        env={**without_ours(), **(environ or {})},
    )
    return Ended(code=done.returncode, out=done.stdout, err=done.stderr)


def without_ours() -> dict[str, str]:
    """Our environment without any setting of consentid's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CONSENTID_")}


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something in another process that nobody can await."""
    async with asyncio.timeout(300):
        while not await holds():  # noqa: ASYNC110  see above
            await asyncio.sleep(0.05)
