"""Take what deciding transactions staged into the log, in batches, and publish its new head.

A batch is one statement, and so one transaction: entries, tiles that became full and the new size
are there together or not at all, and only where the log still has the size that it grows from.
What is signed has been committed before; what is published was copied outside before.  Killed
between any two of these steps, the next run goes on with what is there: the same size is never
given two roots, and no size is outgrown before it was published, so that a checkpoint which is
missing is missed.  Ed25519 signs the same in the same way each time: what is published again is
what was published.
"""

from typing import Final, final

from sqlalchemy.ext.asyncio import AsyncConnection

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
from consentid.store import sequencing
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
            ConflictError: somebody else added to the log, or its last checkpoint is lost, or it is
                to have another name.
            UnavailableError: the database or the copy cannot be reached.
        """
        async with self._context.database.stating() as connection:
            await self._publish(connection)  # what whoever was killed in between did not
            entries = await self._integrate(connection)
            await self._publish(connection)
        return entries

    async def _integrate(self, connection: AsyncConnection) -> int:
        row, growth = self._log.row, self._log.growth
        waiting = await sequencing.waiting(connection, limit=BATCH)
        if not waiting.places:
            return 0
        book = await self._context.book_in_force(connection, waiting.in_force)
        if log_origin(self._context, book) != row.origin:
            raise ConflictError("ledger_renamed", "the log is to have another name from now on")
        full: list[FullTile] = []
        for leaf in waiting.leaves:
            full += growth.append(leaf_hash(leaf))
        first = self._tree.size
        tree = TreeRow(size=growth.size, previous_size=first, root=growth.root())
        if not await sequencing.grow(
            connection, row.log_no, tree, places=waiting.places, tiles=full
        ):
            raise ConflictError(
                "ledger_grew",
                f"somebody else added to the log of {first} entries, or their checkpoint is lost",
            )
        self._tree = tree
        return len(waiting.places)

    async def _publish(self, connection: AsyncConnection) -> None:
        row, tree = self._log.row, self._tree
        if self._published_size == tree.size:
            return
        text = checkpoint.encode(Checkpoint(origin=row.origin, size=tree.size, root=tree.root))
        line = note.sign_with(note.parse_key(row.key), self._log.key.sign(text.encode()))
        signed = note.format_note(Note(text=text, signatures=(line,)))
        if self._context.settings.ledger_copy is not None:
            await write_copy(self._context.settings.ledger_copy, signed)
        await sequencing.publish(connection, row.log_no, PublishedRow(size=tree.size, note=signed))
        self._published_size = tree.size


async def open_sequencer(context: Context) -> Sequencer:
    """Be the sequencer.  The caller holds the sequencers' lock.

    Raises:
        LedgerHaltedError: the log is not what it was.
        ConsentidError: as ``open_log``.
    """
    return Sequencer(context, await open_log(context))
