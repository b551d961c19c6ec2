"""A copy of the Halcyon folder that a test may spoil."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from consentid.brandbook.folder import Draft, load
from consentid.brandbook.problem import BrandbookError, Problem

HALCYON = Path(__file__).parents[2] / "brands"


@dataclass(frozen=True)
class Folder:
    path: Path

    def write(self, file: str, text: str) -> None:
        _ = (self.path / file).write_text(text, encoding="utf-8")

    def read(self, file: str) -> str:
        return (self.path / file).read_text(encoding="utf-8")

    def replace(self, file: str, old: str, new: str, *, every: bool = False) -> None:
        text = self.read(file)
        assert old in text, f"{old!r} is not in {file}"
        self.write(file, text.replace(old, new, -1 if every else 1))

    def line_of(self, file: str, mark: str) -> int:
        lines = self.read(file).splitlines()
        found = [at for at, line in enumerate(lines, start=1) if line.startswith(mark)]
        assert len(found) == 1, f"{mark!r} begins {len(found)} lines of {file}"
        return found[0]

    def load(self) -> Draft:
        return load(self.path)

    def problems(self) -> tuple[Problem, ...]:
        with pytest.raises(BrandbookError) as caught:
            _ = load(self.path)
        return caught.value.problems
