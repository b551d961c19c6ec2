"""Reading and writing a folder of secrets: modes, atomic replacement, one writer at a time.

Every step that a crash could interrupt goes through here.  A file appears under its name only
complete and on disk.
"""

import fcntl
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from consentid.kit.errors import ConflictError, MalformedError, NotFoundError

PRIVATE_MODE: Final = 0o600
PUBLIC_MODE: Final = 0o644
FOLDER_MODE: Final = 0o700
MAX_BYTES: Final = 65_536

_LOCK: Final = ".lock"


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Be the folder's only writer; wait for another to finish."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def create(path: Path, content: bytes) -> None:
    """Write a new private file, whole or not at all.  Call within ``locked``.

    Raises:
        ConflictError: the file is there already; it is left as it is.
    """
    temporary = _write_temporary(path, content, PRIVATE_MODE)
    try:
        os.link(temporary, path)  # unlike a rename, this never replaces
    except FileExistsError as error:
        raise ConflictError(
            "key_file_exists", f"{path.name} exists and is never overwritten", where=path.name
        ) from error
    finally:
        temporary.unlink()
    _sync_folder(path.parent)


def replace(path: Path, content: bytes) -> None:
    """Replace a public file, whole or not at all.  Call within ``locked``."""
    temporary = _write_temporary(path, content, PUBLIC_MODE)
    temporary.rename(path)
    _sync_folder(path.parent)


def remove(path: Path) -> None:
    """Remove a file, if it is there, for good."""
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)


def read_public(path: Path) -> bytes:
    """Read a file that anybody may read.

    Raises:
        NotFoundError: it is not there.
        MalformedError: it is over 64 KiB.
    """
    return _read(path)[0]


def read_private(path: Path) -> bytes:
    """Read a file that only we may read.

    Raises:
        NotFoundError: it is not there.
        MalformedError: it is open to others, or over 64 KiB.
    """
    content, status = _read(path)
    mode = stat.S_IMODE(status.st_mode)
    if is_open_to_others(mode, owner=status.st_uid, reader=os.geteuid()):
        raise MalformedError(
            "key_file_open",
            f"others can read it (mode {mode:04o}): run `chmod 600 {path}`, or mount it 0400",
            where=path.name,
        )
    return content


def is_open_to_others(mode: int, *, owner: int, reader: int) -> bool:
    """Whether a private file's mode lets in anybody but its reader.

    One that belongs to root may be readable by its group, if the reader is not root: that is the
    only way an orchestrator can hand over a secret (PostgreSQL draws the same line).
    """
    handed_over = owner == 0 and reader != 0
    return bool(mode & (0o037 if handed_over else 0o077))


def _read(path: Path) -> tuple[bytes, os.stat_result]:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(
            "key_file_missing",
            f"{path} is missing: run `consentid keys generate`, or restore it from its backup",
            where=path.name,
        ) from error
    except (PermissionError, IsADirectoryError) as error:
        raise MalformedError(
            "key_file_unreadable", f"{path} cannot be read by this user", where=path.name
        ) from error
    if len(content) > MAX_BYTES:
        raise MalformedError(
            "key_file_too_large", f"{path.name} is over {MAX_BYTES} bytes", where=path.name
        )
    return content, status


def _write_temporary(path: Path, content: bytes, mode: int) -> Path:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)  # a crash may have left one, and we are the only writer
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)  # whatever the umask took
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    return temporary


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
