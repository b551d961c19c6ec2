"""Whoever is to sequence first makes sure that the log is what it was, or begins one.

The root is computed anew from what is stored, and held against the last size, the last checkpoint
and the copy outside.  Where one of them says otherwise, nothing is signed until somebody has looked
into it: a log that is short of what it published would fork.

To go on after that, for example with an old backup, the operator gives the log another name
(``ledger_origin``): the new log's first leaf names the last checkpoint that the world saw of the
old one, so both are told apart for ever.  Spec: C2SP tlog-checkpoint (a log signs nothing that is
inconsistent with what it signed before).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.context import Context
from consentid.flows.ledger_copy import read_copy
from consentid.flows.log_origin import log_origin
from consentid.keyring.ledger_key import LedgerKey, load_ledger_key
from consentid.kit import canonical
from consentid.kit.errors import ConflictError, MalformedError, UnavailableError
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant
from consentid.ledger import note
from consentid.ledger.checkpoint import Checkpoint, open_checkpoint
from consentid.ledger.growing import Growth
from consentid.ledger.leaf import Kind, encode_leaf
from consentid.ledger.note import NoteKey
from consentid.ledger.tiles import hash_of, tiles_for, tiles_of
from consentid.ledger.tree import EMPTY_ROOT, Range, leaf_hash
from consentid.store import clock, ledger, ledger_tiles
from consentid.store.ledger import EntryRow, LogRow, PublishedRow, TreeRow


class LedgerHaltedError(ConflictError):
    """The log is not what it was: nothing is signed until somebody has looked into it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLog:
    """A log that may be added to: it is what it was."""

    row: LogRow
    key: LedgerKey
    tree: TreeRow
    growth: Growth
    published: PublishedRow | None
    is_copied: bool
    """Whether there is a copy outside already."""


async def open_log(context: Context) -> OpenLog:
    """The log in force, checked; begun where there is none of that name yet.

    The caller holds the sequencers' lock.

    Raises:
        LedgerHaltedError: it is not what it was.
        NotFoundError, MalformedError: the log's key is missing, or is none.
        UnavailableError: the database or the copy cannot be reached, or no configuration is in
            force yet.
    """
    key = load_ledger_key(context.settings.keys_dir)
    copy = None
    if context.settings.ledger_copy is not None:
        copy = await read_copy(context.settings.ledger_copy)
    async with context.database.writing() as connection:
        origin = log_origin(context, await context.book(connection))
        logs = await ledger.every_log(connection)
        newest = logs[-1] if logs else None
        if newest is None or newest.origin != origin:
            if any(each.origin == origin for each in logs):
                raise _halted(f"{origin} was the name of an earlier log: choose one that was not")
            newest = await _begin(
                context, connection, origin, key=key, old=newest, unverified_copy=copy
            )
        return await _checked(connection, logs, newest, key, copy)


async def root_at(connection: AsyncConnection, log_no: int, size: int) -> bytes:
    """The root that a log had at a size, computed from what is stored.

    Raises:
        UnavailableError: something of it is missing.
    """
    if size == 0:
        return EMPTY_ROOT
    whole = Range(0, size)
    tiles = await ledger_tiles.tiles(connection, log_no, tiles_for([whole], size))
    return hash_of(whole, size, tiles)


def continuation_commitment(continues: str) -> bytes:
    """What the first leaf of a log commits to that continues another.  32 bytes.

    It is no secret, so it takes no salt: anybody who has the old checkpoint can compute it.
    """
    return canonical.digest({"v": 1, "continues": continues})


async def _begin(
    context: Context,
    connection: AsyncConnection,
    origin: str,
    *,
    key: LedgerKey,
    old: LogRow | None,
    unverified_copy: bytes | None,
) -> LogRow:
    now = await clock.now(connection)
    continues = None
    if old is not None:
        continues = await _last_seen(connection, old, unverified_copy)
    elif unverified_copy is not None:
        raise _halted("the database has no log, and the copy has one: was an old backup restored?")
    row = LogRow(
        log_no=1 if old is None else old.log_no + 1,
        origin=origin,
        key=note.format_key(NoteKey(name=origin, public=key.public)),
        continues=continues,
        opened_at=now,
    )
    await ledger.add_log(connection, row)
    empty = TreeRow(size=0, previous_size=None, root=EMPTY_ROOT)
    await ledger.add_tree(connection, row.log_no, empty, at=now)
    if continues is not None:
        first = _first_entry(context, origin, continues, at=now)
        await ledger.add_entries(connection, row.log_no, [first], first=0)
        tree = TreeRow(size=1, previous_size=0, root=leaf_hash(first.leaf))
        await ledger.add_tree(connection, row.log_no, tree, at=now)
    return row


def _first_entry(context: Context, origin: str, continues: str, *, at: Instant) -> EntryRow:
    event_id = uuid7(at, context.randomness(RANDOM_BYTES))
    return EntryRow(
        event_id=event_id,
        kind=Kind.ADMIN,
        leaf=encode_leaf(
            kind=Kind.ADMIN,
            event_id=event_id,
            at=at,
            origin=origin,
            commitment=continuation_commitment(continues),
        ),
    )


async def _last_seen(
    connection: AsyncConnection, old: LogRow, unverified_copy: bytes | None
) -> str | None:
    """The last checkpoint that anybody can have seen of a log."""
    published = await ledger.newest_checkpoint(connection, old.log_no)
    known = None if published is None else published.note
    if unverified_copy is None:
        return known
    copied, signed = _opened(unverified_copy, old, "the copy outside")
    if published is not None and published.size > copied.size:
        return known
    return note.format_note(signed)


async def _checked(
    connection: AsyncConnection,
    logs: Sequence[LogRow],
    row: LogRow,
    key: LedgerKey,
    unverified_copy: bytes | None,
) -> OpenLog:
    if note.parse_key(row.key).public != key.public:
        raise _halted(
            "ledger.key is not the key of this log: restore it, or give the log another name"
        )
    tree = await ledger.newest_tree(connection, row.log_no)
    if tree is None:
        raise _halted("the log has lost its sizes")
    last = await ledger.last_index(connection, row.log_no)
    if (0 if last is None else last + 1) != tree.size:
        raise _halted(f"the log has {tree.size} entries, and the last is numbered {last}")
    try:
        partial = await ledger_tiles.tiles(connection, row.log_no, tiles_of(tree.size))
        growth = Growth(tree.size, partial)
        published = await ledger.newest_checkpoint(connection, row.log_no)
        heads = [("the last size", tree.size, tree.root, growth.root())]
        if published is not None:
            checkpoint, _ = _opened(published.note, row, "the last checkpoint")
            heads.append(await _head("the last checkpoint", connection, row, tree, checkpoint))
        if unverified_copy is not None:
            earlier = () if published else [each for each in logs if each.log_no != row.log_no]
            heads += await _copied(connection, earlier, row, tree, unverified_copy)
    except UnavailableError as error:
        if error.code != "ledger_damaged":
            raise
        raise _halted(error.message) from error
    for what, size, said, computed in heads:
        if said != computed:
            raise _halted(f"{what} says otherwise of the first {size} entries than what is stored")
    return OpenLog(
        row=row,
        key=key,
        tree=tree,
        growth=growth,
        published=published,
        is_copied=unverified_copy is not None,
    )


async def _head(
    what: str, connection: AsyncConnection, row: LogRow, tree: TreeRow, checkpoint: Checkpoint
) -> tuple[str, int, bytes, bytes]:
    if checkpoint.size > tree.size:
        raise _halted(
            f"{what} is of {checkpoint.size} entries, and the log has {tree.size}: was an old "
            "backup restored? Then give the log another name (ledger_origin)"
        )
    computed = await root_at(connection, row.log_no, checkpoint.size)
    return what, checkpoint.size, checkpoint.root, computed


async def _copied(
    connection: AsyncConnection,
    earlier: Sequence[LogRow],
    row: LogRow,
    tree: TreeRow,
    unverified_copy: bytes,
) -> list[tuple[str, int, bytes, bytes]]:
    what = "the copy outside"
    origin = unverified_copy.partition(b"\n")[0]
    if origin in {each.origin.encode() for each in earlier}:
        return []  # this log has published nothing yet; its first leaf names what was seen
    checkpoint, _ = _opened(unverified_copy, row, what)
    return [await _head(what, connection, row, tree, checkpoint)]


def _opened(unverified_note: bytes | str, row: LogRow, what: str) -> tuple[Checkpoint, note.Note]:
    try:
        return open_checkpoint(unverified_note, origin=row.origin, keys=[note.parse_key(row.key)])
    except MalformedError as error:
        raise _halted(f"{what} does not hold: {error.message}") from error


def _halted(message: str) -> LedgerHaltedError:
    return LedgerHaltedError("ledger_halted", message)
