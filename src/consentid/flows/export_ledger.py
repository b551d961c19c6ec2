"""The log as a stream of lines: every entry in order, with what it speaks of, then the checkpoint.

A page at a time is held, however long the log is.  What is streamed is what was published when the
stream began; a later one goes on after any line of it.
"""

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import msgspec

from consentid.flows.append_decisions import BODY
from consentid.flows.context import Context
from consentid.flows.note_export import Taker, note_export, note_opened
from consentid.keyring import wrapping
from consentid.kit.errors import MalformedError, UnreadableError
from consentid.store import ledger, ledger_export
from consentid.store.ledger import EntryRow, LogRow
from consentid.store.ledger_export import SealedRow

_PAGE: Final = 1_000
_CURSOR: Final = re.compile(r"([1-9][0-9]{0,8})/(0|[1-9][0-9]{0,17})")


class EntryOut(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a log."""

    at: str
    """Where it stands: the log's number and the index.  What ``after`` takes."""
    log: str
    index: int
    id: str
    kind: str
    leaf: str
    """The entry itself, as it was hashed: JSON within a text."""


class OpenedOut(EntryOut, frozen=True, kw_only=True):
    """An entry with what it speaks of; nulls where there is nothing to open, or not any more."""

    subject: str | None
    """The group's own name for the person: for nobody outside it."""
    record: dict[str, Any] | None
    salt: str | None
    """With the record it makes the commitment.  Hexadecimal, 32 bytes."""


class CheckpointOut(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a log: what was signed over all its entries."""

    log: str
    key: str
    checkpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A page of the stream."""

    lines: Sequence[EntryOut | CheckpointOut]
    entries: int
    faults: Sequence[str]
    """Where what is stored could not be opened."""


async def export_ledger(
    context: Context,
    *,
    unverified_after: str | None,
    is_opened: bool,
    taker: Taker,
    page_size: int | None = None,
) -> AsyncGenerator[Exported]:
    """Stream all logs; ``is_opened`` says whether with personal data.

    ``page_size``: how many entries are read at once; nobody else is served while they are opened.

    Raises:
        MalformedError: ``unverified_after`` is not where an entry stands.
        UnavailableError: the database cannot be reached.
    """
    after_log, after_index = _cursor(unverified_after)
    async with context.database.reading() as connection:
        logs = await ledger.every_log(connection)
        ends = {log.log_no: await ledger.newest_checkpoint(connection, log.log_no) for log in logs}
    if unverified_after is not None:
        end = ends.get(after_log)
        if end is None or after_index >= end.size:
            raise MalformedError(
                "bad_cursor", "nothing that is published stands there", where="after"
            )
    await note_export(context, after=unverified_after, is_opened=is_opened, taker=taker)
    for log in logs:
        end = ends[log.log_no]
        if end is None or log.log_no < after_log:
            continue
        index = after_index + 1 if log.log_no == after_log else 0
        while index < end.size:
            limit = min(page_size or _PAGE, end.size - index)
            page = await _page(context, log, index, limit, taker if is_opened else None)
            index += page.entries
            yield page
        line = CheckpointOut(log=log.origin, key=log.key, checkpoint=end.note)
        yield Exported(lines=[line], entries=0, faults=())


async def _page(
    context: Context, log: LogRow, first: int, limit: int, opened_for: Taker | None
) -> Exported:
    async with context.database.reading() as connection:
        rows = await ledger.entries_from(connection, log.log_no, first, limit=limit)
        ids = [entry.event_id for _, entry in rows]
        none: Mapping[UUID, SealedRow] = {}
        found = await ledger_export.sealed(connection, ids) if opened_for else none
    if [index for index, _ in rows] != list(range(first, first + limit)):
        raise UnreadableError(
            "ledger_damaged", "an entry is missing: run `consentid ledger verify`", where=log.origin
        )
    if opened_for:
        await note_opened(context, frozenset(each.subject for each in found.values()), opened_for)
    faults = list[str]()
    lines: list[EntryOut] = []
    for index, entry in rows:
        told = _told(log, index, entry, faults)
        if opened_for:
            lines.append(_opened(context, told, entry, found.get(entry.event_id), faults))
        else:
            lines.append(EntryOut(**told))
    return Exported(lines=lines, entries=len(rows), faults=faults)


def _opened(
    context: Context,
    told: Mapping[str, Any],
    entry: EntryRow,
    row: SealedRow | None,
    faults: list[str],
) -> OpenedOut:
    if row is None:
        return OpenedOut(**told, subject=None, record=None, salt=None)
    event = entry.event_id.bytes
    try:
        key = wrapping.unwrap(context.keyring.master, row.subject.bytes, row.wrapped_key)
        body = wrapping.open_sealed(key, row.sealed, aad=BODY + event)
    except UnreadableError as error:
        faults.append(f"{told['at']}: {entry.kind} {entry.event_id}: {error.message}")
        return OpenedOut(**told, subject=str(row.subject), record=None, salt=None)
    return OpenedOut(
        **told,
        subject=str(row.subject),
        record=msgspec.json.decode(body),
        salt=wrapping.commitment_salt(key, event).hex(),
    )


def _told(log: LogRow, index: int, entry: EntryRow, faults: list[str]) -> dict[str, Any]:
    at = f"{log.log_no}/{index}"
    try:
        leaf = entry.leaf.decode()
    except UnicodeDecodeError:
        leaf = entry.leaf.decode(errors="replace")
        faults.append(f"{at}: the entry was changed: run `consentid ledger verify`")
    return {
        "at": at,
        "log": log.origin,
        "index": index,
        "id": str(entry.event_id),
        "kind": entry.kind,
        "leaf": leaf,
    }


def _cursor(unverified: str | None) -> tuple[int, int]:
    if unverified is None:
        return 0, -1
    found = _CURSOR.fullmatch(unverified)
    if found is None:
        raise MalformedError(
            "bad_cursor", 'it is the "at" of a line, such as 1/4711', where="--after"
        )
    return int(found[1]), int(found[2])
