"""Take what deciding transactions staged into the log, in batches, and publish its new head.

A batch is one transaction: entries, tiles that became full and the new size are there together or
not at all, and only where the log still has the size that it grows from.  What is signed has been
committed before; what is published was copied outside before.  Killed between any two of these
steps, the next run goes on with what is there: the same size is never given two roots, and no size
is outgrown before it was published, so that a checkpoint which is missing is missed.  Ed25519 signs
the same in the same way each time: what is published again is what was published.
"""

from typing import Final, final

from consentid.flows.context import Context
from consentid.flows.ledger_copy import write_copy
from consentid.flows.log_origin import log_origin
from consentid.flows.open_log import OpenLog, open_log
from consentid.kit.errors import ConflictError
from consentid.ledger import checkpoint, note
from consentid.ledger.checkpoint import Checkpoint
from consentid.ledger.growing import FullTile
from consentid.ledger.note import Note
from consentid.ledger.tree import leaf_hash
from consentid.store import clock, ledger, ledger_tiles
from consentid.store.ledger import PublishedRow, TreeRow
from consentid.telemetry.tracing import step

BATCH: Final = 256


@final
class Sequencer:
    """Whoever adds to the log now.  After any error it is of no use any more: open another."""

    def __init__(self, context: Context, log: OpenLog) -> None:
        self._context: Final = context
        self._log: Final = log
        self._tree: TreeRow = log.tree
        # Without a copy outside, what was published is published again, there too.
        lacks_copy = context.settings.ledger_copy is not None and not log.is_copied
        self._published_size: int | None = (
            None if log.published is None or lacks_copy else log.published.size
        )

    @property
    def size(self) -> int:
        """How large the log is."""
        return self._tree.size

    @step("sequence_ledger")
    async def sequence(self) -> int:
        """Integrate one batch of what waits, and publish; how many entries it were.

        Raises:
            ConflictError: somebody else added to the log, or it is to have another name.
            UnavailableError: the database or the copy cannot be reached.
        """
        await self._publish()  # what whoever was killed in between did not
        entries = await self._integrate()
        await self._publish()
        return entries

    async def _integrate(self) -> int:
        row, growth = self._log.row, self._log.growth
        async with self._context.database.writing() as connection:
            entries = await ledger.waiting(connection, limit=BATCH)
            if not entries:
                return 0
            if log_origin(self._context, await self._context.book(connection)) != row.origin:
                raise ConflictError("ledger_renamed", "the log is to have another name from now on")
            full: list[FullTile] = []
            for entry in entries:
                full += growth.append(leaf_hash(entry.leaf))
            tree = TreeRow(size=growth.size, previous_size=self._tree.size, root=growth.root())
            now = await clock.now(connection)
            first = self._tree.size
            if not await ledger.add_tree(
                connection, row.log_no, tree, at=now
            ) or await ledger.integrate(connection, row.log_no, entries, first=first) != len(
                entries
            ):
                raise ConflictError(
                    "ledger_grew", f"somebody else added to the log of {first} entries"
                )
            await ledger_tiles.add_tiles(connection, row.log_no, full)
        self._tree = tree
        return len(entries)

    async def _publish(self) -> None:
        row, tree = self._log.row, self._tree
        if self._published_size == tree.size:
            return
        text = checkpoint.encode(Checkpoint(origin=row.origin, size=tree.size, root=tree.root))
        line = note.sign_with(note.parse_key(row.key), self._log.key.sign(text.encode()))
        signed = note.format_note(Note(text=text, signatures=(line,)))
        if self._context.settings.ledger_copy is not None:
            await write_copy(self._context.settings.ledger_copy, signed)
        async with self._context.database.writing() as connection:
            now = await clock.now(connection)
            published = PublishedRow(size=tree.size, note=signed)
            await ledger.add_checkpoint(connection, row.log_no, published, at=now)
        self._published_size = tree.size


async def open_sequencer(context: Context) -> Sequencer:
    """Be the sequencer.  The caller holds the sequencers' lock.

    Raises:
        LedgerHaltedError: the log is not what it was.
        ConsentidError: as ``open_log``.
    """
    return Sequencer(context, await open_log(context))
