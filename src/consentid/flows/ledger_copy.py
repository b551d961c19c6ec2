"""The last checkpoint, kept a second time: a file apart from the database and its backups.

A database that was restored from an old backup cannot tell; the copy can.
"""

import asyncio
from pathlib import Path

from consentid.keyring import files
from consentid.kit.errors import ConflictError, MalformedError, NotFoundError, UnavailableError
from consentid.ledger.checkpoint import decode
from consentid.ledger.note import parse_note


async def read_copy(path: Path) -> bytes | None:
    """What was written last, unverified; None where nothing was written yet.

    Raises:
        UnavailableError: it cannot be read.
    """
    try:
        return await asyncio.to_thread(files.read_public, path)
    except NotFoundError:
        return None
    except OSError as error:
        raise _unavailable(path, error) from error


async def write_copy(path: Path, note: str) -> None:
    """Write a checkpoint, whole or not at all.

    Raises:
        ConflictError: the copy there is of a larger tree: somebody else sequences.
        UnavailableError: it cannot be written.
    """
    try:
        await asyncio.to_thread(_write, path, note.encode())
    except OSError as error:
        raise _unavailable(path, error) from error


def _write(path: Path, content: bytes) -> None:
    with files.locked(path.parent):
        if path.exists() and _is_further(files.read_public(path), content):
            raise ConflictError("ledger_grew", "the copy outside is of a larger log already")
        files.replace(path, content)


def _is_further(there: bytes, content: bytes) -> bool:
    try:
        old, new = (decode(parse_note(each).text) for each in (there, content))
    except MalformedError:
        return False  # it was no checkpoint: whoever opened the log would not have gone on
    return old.origin == new.origin and old.size > new.size


def _unavailable(path: Path, error: OSError) -> UnavailableError:
    return UnavailableError(
        "ledger_copy_unavailable",
        f"{path}: {error.strerror}: nothing is published without its copy",
        retry_after_s=5,
    )
