import secrets
from pathlib import Path

import pytest
from tests.keyring.living import START

from consentid.keyring.generating import generate


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, int]]:
    """A fresh keyring's files, made once: RSA keys take their time."""
    folder = tmp_path_factory.mktemp("made")
    generate(folder, now=START, randomness=secrets.token_bytes)
    return {
        path.name: (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in folder.iterdir()
        if path.name != ".lock"
    }


@pytest.fixture
def folder(tmp_path: Path, made: dict[str, tuple[bytes, int]]) -> Path:
    for name, (content, mode) in made.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(mode)
    return tmp_path
