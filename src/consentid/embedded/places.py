"""Where embedded servers keep their data.

As an ordinary user: ``$XDG_STATE_HOME/consentid`` (``~/.local/state/consentid``).  As root:
``/var/lib/consentid``, since the servers run as another account that must be able to get there,
and root's home is rightly closed to it.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from consentid.embedded.account import Account

_AS_ROOT: Final = Path("/var/lib/consentid")
_SCRATCH_AS_ROOT: Final = Path("/var/tmp")  # noqa: S108  mkdtemp makes a private folder in it

_SOCKET_PATH_LIMIT_BYTES: Final = 100
"""The kernel takes 107; PostgreSQL makes a lock file beside its socket."""

ENTERABLE: Final = 0o711
"""A folder of root's that servers pass through and nobody else can list."""
PRIVATE: Final = 0o700


def state_folder(name: str, environ: Mapping[str, str]) -> Path:
    """The folder for one named set of servers, made if missing."""
    if os.geteuid() == 0:
        return make_enterable(_AS_ROOT / name)
    configured = environ.get("XDG_STATE_HOME", "")
    home = Path(configured) if Path(configured).is_absolute() else Path.home() / ".local" / "state"
    return make_enterable(home / "consentid" / name)


def scratch_folder() -> Path:
    """A new folder for servers that live as long as a run; the caller removes it."""
    as_root = os.geteuid() == 0
    folder = Path(tempfile.mkdtemp(prefix="consentid-", dir=_SCRATCH_AS_ROOT if as_root else None))
    if as_root:
        folder.chmod(ENTERABLE)
    return folder


def make_enterable(folder: Path) -> Path:
    """Make a folder and its missing parents; those that exist keep the modes they have."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    mode = ENTERABLE if os.geteuid() == 0 else PRIVATE
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        each.chmod(mode)
    return folder


def make_private(folder: Path, account: Account) -> None:
    """Make a folder that only the server's account (and root) may enter; empty if it was there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=PRIVATE)
    os.chown(folder, account.uid, account.gid)


def make_socket_folder(folder: Path, socket_name: str, account: Account) -> Path:
    """``folder/run``, or a private temporary one where the socket's path would be too long."""
    beside = folder / "run"
    if len(os.fsencode(beside / socket_name)) <= _SOCKET_PATH_LIMIT_BYTES:
        make_private(beside, account)
        return beside
    short = Path(tempfile.mkdtemp(prefix="consentid-", dir="/tmp"))
    os.chown(short, account.uid, account.gid)
    return short
