"""The list of erasures, kept apart from the database and its backups, and applied again after one.

A database that was restored from an old backup knows people again who are to be forgotten.  The
list (one JSON object a line, only ever added to) names none of them: a keyed hash of the subject's
id, and the hour in which it was made, to find it by.
"""

import asyncio
import hashlib
import hmac
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.core.projection import EMPTY
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject, open_subject
from consentid.flows.restrict_subject import put_aside
from consentid.keyring import files
from consentid.keyring.deriving import Job, derived_key
from consentid.kit.errors import MalformedError, UnavailableError
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import HOUR, Instant
from consentid.store import clock, erasures, shredding, subjects
from consentid.store.engine import Database
from consentid.store.erasures import ErasureRow

_MODE: Final = 0o600
_AT_ONCE: Final = 1_000
_AGAIN_S: Final = 1.0
_log: Final = logging.getLogger("consentid.flows")
_MILLISECOND: Final = 1_000


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    v: int
    erasure: UUID
    subject: str
    hour: int
    reason: str
    asked_by: str
    restricted_at: int
    shred_at: int


async def append_to_list(context: Context, erasing: Database) -> int:
    """Have the list name every erasure that waits, where there is a list; how many it were.

    Raises:
        UnavailableError: the database cannot be reached, or the list cannot be written.
    """
    path = context.settings.erasure_list
    if path is None:
        return 0
    async with erasing.writing() as connection:
        new = await shredding.unlisted(connection)
        if new:
            lines = b"".join(_line(context, each) for each in new)
            try:
                await asyncio.to_thread(_append, path, lines)
            except OSError as error:
                raise _unavailable(path, error) from error
            now = await clock.now(connection)
            await shredding.note_listed(connection, [each.id for each in new], at=now)
    return len(new)


async def apply_list(context: Context) -> int:
    """Set aside whoever the list names and the database knows again; returns how many it were.

    Raises:
        MalformedError: the list holds what is no line of it.
        UnavailableError: the database or the list cannot be reached.
    """
    path = context.settings.erasure_list
    if path is None:
        return 0
    lines = await asyncio.to_thread(_read, path)
    found = 0
    for begin in range(0, len(lines), _AT_ONCE):
        page = {each.erasure: each for each in lines[begin : begin + _AT_ONCE]}
        async with context.database.reading() as connection:
            known = await erasures.known(connection, list(page))
        for id_ in page.keys() - known:
            async with context.database.writing() as connection:
                found += await _apply(context, connection, page[id_])
    return found


async def apply_list_first(context: Context) -> None:
    """Apply the list before anything else is done, however long the database is away.

    Raises:
        MalformedError: the list holds what is no line of it.
    """
    while True:
        try:
            count = await apply_list(context)
        except UnavailableError as error:
            _log.warning("the list of erasures waits: %s (%s)", error.message, error.code)
            await asyncio.sleep(_AGAIN_S)
        else:
            if count:
                _log.warning("erased before, and brought back by a backup: %d set aside", count)
            return


async def _apply(context: Context, connection: AsyncConnection, line: _Line) -> bool:
    subject = await _find(context, connection, line)
    opened = None if subject is None else await _open(context, connection, subject)
    if opened is None or await erasures.find_of(connection, opened.id) is not None:
        return False
    erasure = ErasureRow(
        id=line.erasure,
        subject=opened.id,
        reason=line.reason,
        asked_by=line.asked_by,
        restricted_at=Instant(line.restricted_at),
        shred_at=Instant(line.shred_at),
    )
    now = await clock.now(connection)
    await put_aside(context, connection, opened, erasure, listed_at=now)
    return True


async def _open(
    context: Context, connection: AsyncConnection, subject: SubjectId
) -> OpenSubject | None:
    """A subject, locked; of one whose key no backup brought back, no more than that it was."""
    opened = await open_subject(context, connection, subject, lock=True)
    if opened is not None:
        return opened
    version = await subjects.lock_keyless(connection, subject)
    if version is None:
        return None
    return OpenSubject(id=subject, version=version, projection=EMPTY, adult=False, key=b"")


async def _find(context: Context, connection: AsyncConnection, line: _Line) -> SubjectId | None:
    first = uuid7(Instant(line.hour), bytes(RANDOM_BYTES))
    last = uuid7(Instant(line.hour + HOUR - _MILLISECOND), b"\xff" * RANDOM_BYTES)
    for each in await erasures.made_between(connection, first, last):
        if hmac.compare_digest(_hash(context, each), line.subject):
            return each
    return None


def _line(context: Context, erasure: ErasureRow) -> bytes:
    made = (erasure.subject.int >> 80) * _MILLISECOND
    line = _Line(
        v=1,
        erasure=erasure.id,
        subject=_hash(context, erasure.subject),
        hour=made - made % HOUR,
        reason=erasure.reason,
        asked_by=erasure.asked_by,
        restricted_at=erasure.restricted_at,
        shred_at=erasure.shred_at,
    )
    return msgspec.json.encode(line) + b"\n"


def _hash(context: Context, subject: SubjectId) -> str:
    key = derived_key(context.keyring.master, Job.ERASURE)
    return hmac.digest(key, subject.bytes, hashlib.sha256).hex()


def _append(path: Path, lines: bytes) -> None:
    with files.locked(path.parent):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        with os.fdopen(descriptor, "r+b") as file:
            # A crash may have cut the last line short: it was not counted, and comes again.
            file.seek(_whole(file.read()))
            file.truncate()
            file.write(lines)
            file.flush()
            os.fsync(descriptor)


def _read(path: Path) -> Sequence[_Line]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise _unavailable(path, error) from error
    lines: list[_Line] = []
    for number, unverified in enumerate(content[: _whole(content)].splitlines(), 1):
        try:
            lines.append(msgspec.json.decode(unverified, type=_Line))
        except msgspec.DecodeError as error:
            raise MalformedError(
                "erasure_list_malformed",
                "this is no line of a list of erasures",
                where=f"{path}:{number}",
            ) from error
    return lines


def _whole(content: bytes) -> int:
    """How far the lines reach that were written to their end."""
    return content.rfind(b"\n") + 1


def _unavailable(path: Path, error: OSError) -> UnavailableError:
    return UnavailableError(
        "erasure_list_unavailable",
        f"{path}: {error.strerror}: nobody is shredded before the list names them",
        retry_after_s=5,
    )
