"""The Halcyon folder: as it is, and a copy that a test may spoil."""

import shutil
from pathlib import Path

import pytest
from tests.brandbook.folders import HALCYON, Folder

from consentid.brandbook.folder import Draft, load


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    path = tmp_path / "brands"
    _ = shutil.copytree(HALCYON, path)
    return Folder(path)


@pytest.fixture(scope="session")
def halcyon() -> Draft:
    return load(HALCYON)
