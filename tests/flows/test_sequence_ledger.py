"""The log as it grows, is cut short, is restored, and is added to by two."""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.flows.conftest import Founded
from tests.flows.faults import CrashError, crash_at
from tests.flows.town import GRANTED, Town, open_node

from consentid.embedded.postgres import DatabaseUrls, EmbeddedPostgres
from consentid.flows.context import Context
from consentid.flows.note_keys import note_keys
from consentid.flows.open_log import (
    LedgerHaltedError,
    continuation_commitment,
    open_log,
    root_at,
)
from consentid.flows.sequence_ledger import BATCH, open_sequencer
from consentid.flows.show_ledger import prove_consistency, prove_inclusion
from consentid.flows.verify_ledger import verify_ledger
from consentid.kit.errors import ConflictError, UnavailableError
from consentid.ledger import note
from consentid.ledger.checkpoint import Checkpoint, decode, open_checkpoint
from consentid.ledger.tree import check_consistency, check_inclusion, leaf_hash, root_of
from consentid.store import ledger, ledger_audit, ledger_tiles, sequencing

STAGE = """
INSERT INTO staged_entries (event_id, kind, leaf, staged_at)
SELECT gen_random_uuid(), 'decision', convert_to('leaf ' || gen_random_uuid(), 'UTF8'), now()
FROM generate_series(1, :many)
"""


async def stage(town: Town, many: int) -> None:
    async with town.owner.writing() as connection:
        await connection.execute(text(STAGE), {"many": many})


async def drain(context: Context) -> int:
    """Sequence until nothing waits; how large the log is then."""
    sequencer = await open_sequencer(context)
    while await sequencer.sequence():
        pass
    return sequencer.size


async def published(context: Context) -> Checkpoint:
    """The last checkpoint, its signature checked."""
    async with context.database.reading() as connection:
        log = await ledger.newest_log(connection)
        assert log is not None
        row = await ledger.newest_checkpoint(connection, log.log_no)
    assert row is not None
    key = note.parse_key(log.key)
    return open_checkpoint(row.note, origin=log.origin, keys=[key])[0]


async def check_whole(context: Context) -> int:
    """Every size that was ever had or published has the root of the entries that are there."""
    async with context.database.reading() as connection:
        logs = await ledger.every_log(connection)
        log_no = logs[-1].log_no
        entries = await ledger.entries_from(connection, log_no, 0, limit=100_000)
        heads = await ledger_audit.heads_after(connection, log_no, -1, limit=100_000)
        assert [index for index, _ in entries] == list(range(len(entries)))
        hashes = [leaf_hash(entry.leaf) for _, entry in entries]
        for head in heads:
            assert head.root == root_of(hashes[: head.size])
            assert head.root == await root_at(connection, log_no, head.size)
            if head.note is not None:
                signed = decode(note.parse_note(head.note).text)
                assert (signed.size, signed.root) == (head.size, head.root)
        assert len({entry.event_id for _, entry in entries}) == len(entries)
    return len(entries)


@asynccontextmanager
async def renamed(
    town: Town, keys: Path, *, origin: str | None = None, copy: Path | None = None
) -> AsyncGenerator[Context]:
    """The same hub, with other settings for its log."""
    node = open_node(town.urls, keys)
    node.context.settings = msgspec.structs.replace(
        node.context.settings, ledger_origin=origin, ledger_copy=copy
    )
    yield node.context
    await node.close()


async def test_a_decision_is_in_the_log_and_provable(town: Town) -> None:
    device = await town.device()
    await town.decide(device, {"ads": GRANTED})
    # The catalogue's entry was staged first.
    assert await drain(town.context) == 2
    checkpoint = await published(town.context)
    assert checkpoint.size == 2
    assert checkpoint.origin.endswith("/ledger")
    async with town.context.database.reading() as connection:
        (_, first), (_, second) = await ledger.entries_from(connection, 1, 0, limit=9)
    assert (first.kind, second.kind) == ("catalogue", "decision")
    assert root_of([leaf_hash(first.leaf), leaf_hash(second.leaf)]) == checkpoint.root


async def test_an_empty_log_is_published_and_batches_fill_tiles(town: Town) -> None:
    await drain(town.context)
    assert (await published(town.context)).size == 1
    await stage(town, 3 * BATCH + 10)
    assert await drain(town.context) == 3 * BATCH + 11
    assert await check_whole(town.context) == 3 * BATCH + 11
    async with town.context.database.reading() as connection:
        assert len(await ledger_tiles.tiles_from(connection, 1, 0, 0, limit=9)) == 3
        assert not (await sequencing.waiting(connection, limit=1)).places


async def test_what_is_proven_holds_as_the_log_grows_and_again_out_of_memory(town: Town) -> None:
    sizes = [await drain(town.context)]
    roots = [(await published(town.context)).root]
    for many in (BATCH + 7, BATCH + 40):
        await stage(town, many)
        sizes.append(size := await drain(town.context))
        roots.append(root := (await published(town.context)).root)
        for index in (0, 1, BATCH - 1, BATCH, size - 1, 0):
            leaf, proof = await prove_inclusion(town.context, index=index, size=size)
            check_inclusion(proof, leaf=leaf, index=index, size=size, root=root)
        for first, first_root in zip(sizes[:-1], roots, strict=False):
            grown = await prove_consistency(town.context, first=first, second=size)
            check_consistency(
                grown, first=first, first_root=first_root, second=size, second_root=root
            )


@pytest.mark.parametrize("after", [False, True])
async def test_cut_short_at_any_statement_it_goes_on_where_it_was(town: Town, after: bool) -> None:
    await drain(town.context)
    database = town.context.database
    step, crashes = 1, 0
    while True:
        await stage(town, 200)  # every other batch fills a tile
        sequencer = await open_sequencer(town.context)
        try:
            with crash_at(database, step, after=after):
                await sequencer.sequence()
        except CrashError:
            crashes += 1
        else:
            break
        step += 1
    assert crashes >= 3  # look, grow, publish: each is a transaction of its own
    assert await drain(town.context) == 200 * (crashes + 1) + 1
    assert await check_whole(town.context) == 200 * (crashes + 1) + 1


async def test_of_two_that_believe_to_sequence_one_is_refused(
    town: Town, founded: Founded, monkeypatch: pytest.MonkeyPatch
) -> None:
    await drain(town.context)
    look, both_have_looked = sequencing.waiting, asyncio.Barrier(2)

    async def look_together(connection: AsyncConnection, *, limit: int) -> sequencing.Waiting:
        found = await look(connection, limit=limit)
        await both_have_looked.wait()
        return found

    async with renamed(town, founded.keys) as other:
        first, second = await open_sequencer(town.context), await open_sequencer(other)
        await stage(town, 5)
        monkeypatch.setattr(sequencing, "waiting", look_together)
        both = await asyncio.gather(first.sequence(), second.sequence(), return_exceptions=True)
        monkeypatch.undo()
    assert both.count(5) == 1
    (error,) = [each for each in both if not isinstance(each, int)]
    # Whoever comes second waits for the same entries, and finds another size or none of them.
    assert isinstance(error, ConflictError), error
    await stage(town, 1)
    assert await drain(town.context) == 7
    assert await check_whole(town.context) == 7


async def test_a_checkpoint_that_the_server_lost_is_published_before_the_log_grows(
    town: Town,
) -> None:
    await drain(town.context)
    sequencer = await open_sequencer(town.context)
    await stage(town, 5)
    await sequencer.sequence()
    before = await published(town.context)
    await town.change("ALTER TABLE ledger_checkpoints DISABLE TRIGGER USER")
    await town.change(f"DELETE FROM ledger_checkpoints WHERE size = {before.size}")
    await stage(town, 1)
    with pytest.raises(ConflictError, match="checkpoint is lost"):
        await sequencer.sequence()
    again = await open_sequencer(town.context)
    assert await again.sequence() == 1
    assert await town.rows(
        f"SELECT size FROM ledger_checkpoints WHERE size >= {before.size} ORDER BY size"
    ) == [(before.size,), (before.size + 1,)]


async def test_with_an_old_backup_nothing_is_signed_until_the_log_has_another_name(
    town: Town, founded: Founded, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    copy = tmp_path / "checkpoint"
    async with renamed(town, founded.keys, copy=copy) as context:
        await stage(town, 3)
        assert await drain(context) == 4
    restored = await backed_up(town, postgres)
    async with renamed(town, founded.keys, copy=copy) as context:
        await stage(town, 5)
        assert await drain(context) == 9
    seen = copy.read_text()
    backup = Town(
        urls=restored,
        context=town.context,
        owner=town.owner,
        secrets=town.secrets,
        portal=town.portal,
    )
    async with renamed(backup, founded.keys, copy=copy) as context:
        for _ in range(2):
            with pytest.raises(LedgerHaltedError, match="of 9 entries, and the log has 4"):
                await open_log(context)
        assert (await published(context)).size == 4
    assert copy.read_text() == seen
    async with renamed(backup, founded.keys, copy=copy, origin="halcyon.example/again") as context:
        assert await drain(context) == 1
        head = await published(context)
        assert (head.origin, head.size) == ("halcyon.example/again", 1)
        async with context.database.reading() as connection:
            logs = await ledger.every_log(connection)
            ((_, first),) = await ledger.entries_from(connection, 2, 0, limit=2)
        assert logs[-1].continues == seen
        leaf = msgspec.json.decode(first.leaf)
        assert (leaf["kind"], leaf["origin"]) == ("admin", "halcyon.example/again")
        assert leaf["commitment"] == continuation_commitment(seen).hex()
        walked = [each async for each in verify_ledger(context)]
        assert sum(each.entries for each in walked) == 5
        # The three that were staged by hand are no leaves; all else is whole, in both logs.
        assert {fault.index for each in walked for fault in each.faults} == {1, 2, 3}
    assert decode(note.parse_note(copy.read_text()).text).origin == "halcyon.example/again"
    async with renamed(backup, founded.keys, copy=copy) as context:
        with pytest.raises(LedgerHaltedError, match="name of an earlier log"):
            await open_log(context)


async def backed_up(town: Town, postgres: EmbeddedPostgres) -> DatabaseUrls:
    """A copy of the town's database, as it is now."""
    await town.context.database.close()
    await town.owner.close()
    template = town.urls.owner.partition("?")[0].rpartition("/")[2]
    return await postgres.create_database(f"{template}_backup", template=template)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (
            "UPDATE ledger_entries SET leaf = 'other' WHERE idx = 258",
            "the last size says otherwise",
        ),
        ("UPDATE ledger_tiles SET root = sha256('x')", "the last size says otherwise"),
        ("UPDATE ledger_trees SET root = sha256('x') WHERE size = 260", "says otherwise"),
        ("UPDATE ledger_checkpoints SET note = replace(note, '260', '259')", "signature of"),
        ("DELETE FROM ledger_entries WHERE idx = 259", "260 entries, and the last is numbered 258"),
        ("DELETE FROM ledger_entries WHERE idx = 257", "tile 1 of level 0 is not whole"),
        ("DELETE FROM ledger_tiles", "tile 0 of level 1 is not whole"),
        ("UPDATE ledger_logs SET key = replace(key, '/ledger', '/ledgex')", None),
    ],
)
async def test_where_the_log_is_not_what_it_was_nothing_is_signed(
    town: Town, damage: str, told: str | None
) -> None:
    await stage(town, 259)
    assert await drain(town.context) == 260
    before = await published(town.context)
    async with town.owner.writing() as connection:
        table = damage.removeprefix("DELETE FROM ").removeprefix("UPDATE ").split()[0]
        await connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        await connection.execute(text(damage))
    await stage(town, 1)
    with pytest.raises(ConflictError if told else Exception, match=told):
        await open_log(town.context)
    async with town.context.database.reading() as connection:
        newest = await ledger.newest_checkpoint(connection, 1)
    assert newest is not None
    assert newest.size == before.size == 260


async def test_another_key_or_a_foreign_copy_signs_nothing(
    town: Town, founded: Founded, tmp_path: Path
) -> None:
    await drain(town.context)
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    for path in founded.keys.iterdir():
        if path.is_file():
            (keys / path.name).write_bytes(path.read_bytes())
            (keys / path.name).chmod(path.stat().st_mode & 0o777)
    (keys / "ledger.key").write_text("A" * 43)
    async with renamed(town, keys) as context:
        with pytest.raises(LedgerHaltedError, match="not the key of this log"):
            await open_log(context)
    copy = tmp_path / "checkpoint"
    for spoilt in ("nothing of ours", "other.example/ledger\n1\nAAAA\n\n\N{EM DASH} a AAAAAAAA\n"):
        copy.write_text(spoilt)
        async with renamed(town, founded.keys, copy=copy) as context:
            with pytest.raises(LedgerHaltedError, match="the copy outside does not hold"):
                await open_log(context)
    (tmp_path / "file").write_text("")
    async with renamed(town, founded.keys, copy=tmp_path / "file" / "checkpoint") as context:
        with pytest.raises(UnavailableError, match="nothing is published without its copy"):
            await drain(context)
    assert (await published(town.context)).size == 1


async def test_nothing_is_lost_when_workers_are_killed_at_any_moment(
    town: Town, founded: Founded, tmp_path: Path
) -> None:
    environ = {
        **os.environ,
        "CONSENTID_DATABASE_URL": town.urls.serving,
        "CONSENTID_KEYS_DIR": str(founded.keys),
        "CONSENTID_LEDGER_COPY": str(tmp_path / "checkpoint"),
        "CONSENTID_LOG_LEVEL": "error",
    }
    draw = random.Random(7)  # noqa: S311 - when to kill is no secret
    command = [sys.executable, "-m", "consentid", "worker"]

    def start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL)  # noqa: S603 - our own

    # One of them sequences; another waits, and takes over when that one is killed.
    size = 1 + await note_keys(town.context)  # else a worker would, at some time
    workers = [start(), start()]
    try:
        for _ in range(2):
            await stage(town, 900)
            size += 900
            await until_published(town, size - draw.randrange(900))
            workers[-2].kill()
            workers.append(start())
        await until_published(town, size)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            await asyncio.to_thread(worker.wait)
    assert await check_whole(town.context) == size
    copied = decode(note.parse_note((tmp_path / "checkpoint").read_text()).text)
    assert copied == await published(town.context)
    assert copied.size == size


async def until_published(town: Town, size: int) -> None:
    async with asyncio.timeout(180):  # ends a hang only
        while True:
            async with town.owner.reading() as connection:
                newest = await connection.scalar(text("SELECT max(size) FROM ledger_checkpoints"))
            if newest is not None and newest >= size:
                return
            await asyncio.sleep(0.02)
