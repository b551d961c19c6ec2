"""Keys that are missing, open to others, or old."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from consentid.flows.doctor.finding import Finding, unsafe, warning
from consentid.keyring import files
from consentid.keyring.ledger_key import load_ledger_key
from consentid.keyring.loading import load
from consentid.keyring.manifest import KeyEntry, State
from consentid.kit.errors import MalformedError, NotFoundError
from consentid.kit.instants import SECOND, Instant, from_datetime

_DAY_S: Final = 86_400
_OLD_D: Final = 180
_TOO_OLD_D: Final = 400
_PRIVATE: Final = ("*.pem", "*.key")


def look_at_keys(folder: Path, *, now: Instant) -> Iterator[Finding]:
    """Judge a keyring's folder."""
    opened = list(_look_at_modes(folder))
    yield from opened
    try:
        keyring = load(folder)
        load_ledger_key(folder)
    except (NotFoundError, MalformedError) as error:
        if error.code != "key_file_open":
            yield unsafe(
                "keys.unusable",
                str(folder),
                error.message,
                "restore what is missing from its backup; only a new installation makes new ones",
            )
        return
    for entry in keyring.entries:
        yield from _look_at_age(entry, now)


def _look_at_modes(folder: Path) -> Iterator[Finding]:
    if not folder.is_dir():
        return
    status = folder.stat()
    mode = stat.S_IMODE(status.st_mode)
    if lets_others_replace(mode, owner=status.st_uid, reader=os.geteuid()):
        yield unsafe(
            "keys.folder_open",
            str(folder),
            f"others can put keys of their own in place of ours (mode {mode:04o})",
            f"chmod 700 {folder}",
        )
    for path in sorted(each for pattern in _PRIVATE for each in folder.glob(pattern)):
        status = path.stat()
        mode = stat.S_IMODE(status.st_mode)
        if files.is_open_to_others(mode, owner=status.st_uid, reader=os.geteuid()):
            yield unsafe(
                "keys.file_open",
                str(path),
                f"others can read it (mode {mode:04o})",
                f"chmod 600 {path}, or mount it 0400; if others were there, `keys revoke --all`",
            )


def lets_others_replace(mode: int, *, owner: int, reader: int) -> bool:
    """Whether a folder's mode lets others put a file in place of one of its reader's.

    As an orchestrator hands it over, it is root's with the sticky bit, or its reader's group may
    write there.
    """
    if mode & stat.S_ISVTX:
        return False
    handed_over = owner == 0 and reader != 0
    return bool(mode & (0o002 if handed_over else 0o022))


def _look_at_age(entry: KeyEntry, now: Instant) -> Iterator[Finding]:
    if entry.state is not State.ACTIVE:
        return
    since = from_datetime(entry.activated_at or entry.created_at)
    days = (now - since) // (_DAY_S * SECOND)
    if days > _OLD_D:
        tell = unsafe if days > _TOO_OLD_D else warning
        yield tell(
            "keys.old",
            f"{entry.kid} ({entry.use})",
            f"it signs for {days} days now: what is stolen once is of use for as long",
            "run `consentid keys rotate`, twice a year or more",
        )
