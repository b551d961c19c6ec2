"""Serves the hub with the database left out of decisions: what all the rest of them costs.

What a person's first decision reads is read for good and kept here; what is written is kept here
too, and nowhere else.  It is the same application otherwise, to the byte of its answers.
"""

import sys
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import uvicorn
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.bench.bare import SERVED_ALIKE

from consentid.asgi import create_app
from consentid.core.decision import SubjectId
from consentid.flows.context import Context
from consentid.kit.instants import Instant
from consentid.store import acts, dependents, grounds, holders, statuses
from consentid.store.acts import Act
from consentid.store.grounds import Asked, Grounds
from consentid.store.holders import Holder
from consentid.store.statuses import StatusIndex
from consentid.store.subjects import SubjectRow
from consentid.web import read_keeping
from consentid.web.joining import JoiningProtocol

_lock, _look, _find_holders = grounds.lock, grounds.look, holders.find_holders
_rows: dict[SubjectId, SubjectRow] = {}
_grounds: dict[SubjectId, Grounds] = {}
_holders: dict[bytes, Holder] = {}
_no_connection = cast("AsyncConnection", object())


def _leave_out(context: Context) -> None:
    database = context.database
    really = database.writing

    @asynccontextmanager
    async def nothing() -> AsyncGenerator[AsyncConnection]:
        yield _no_connection

    async def lock(
        _: AsyncConnection, subjects: Collection[SubjectId], *, is_patient: bool
    ) -> Mapping[SubjectId, SubjectRow]:
        if not _rows.keys() >= {*subjects}:
            async with really() as connection:
                _rows.update(await _lock(connection, subjects, is_patient=is_patient))
        return {subject: _rows[subject] for subject in subjects}

    async def look(_: AsyncConnection, asked: Sequence[Asked]) -> Sequence[Grounds]:
        missing = [each for each in asked if each.subject not in _grounds]
        if missing:
            async with really() as connection:
                found = await _look(connection, missing)
                await context.book(connection)
            _grounds.update({each.subject: its for each, its in zip(missing, found, strict=True)})
        return [_grounds[each.subject] for each in asked]

    async def find_holders(_: AsyncConnection, hashes: Collection[bytes]) -> Mapping[bytes, Holder]:
        if not _holders.keys() >= {*hashes}:
            async with really() as connection:
                _holders.update(await _find_holders(connection, hashes))
        return _holders

    for whose, name, instead in (
        (database, "writing", nothing),
        (database, "glancing", nothing),
        (read_keeping, "write_reads", _write_reads),
    ):
        setattr(whose, name, instead)
    grounds.lock, grounds.look, holders.find_holders = lock, look, find_holders
    acts.write = _write
    statuses.allocate_all = _allocate_all
    dependents.find_resting = _find_resting


async def _write(_: AsyncConnection, written: Sequence[Act]) -> bool:
    for act in written:
        assert act.projection is not None
        _rows[act.subject] = replace(
            _rows[act.subject],
            version=act.projection.version,
            sealed_projection=act.projection.sealed,
        )
        before = _grounds[act.subject]
        states = {each.audience: each for each in (*before.states, *act.states)}
        _grounds[act.subject] = replace(
            before, states=[*states.values()], last_recorded_at=act.at, at=Instant(act.at + 1_000)
        )
    return True


async def _allocate_all(
    _: AsyncConnection, wanted: Sequence[tuple[SubjectId, str]], **given: Any
) -> Sequence[StatusIndex]:
    return [StatusIndex(list_no=1, idx=given["draw"](statuses.LIST_BITS)) for _ in wanted]


async def _write_reads(context: Context) -> int:
    context.reads.take()
    return 0


async def _find_resting(_: AsyncConnection, subjects: Collection[SubjectId]) -> dict[Any, Any]:
    del subjects
    return {}


def _app() -> Litestar:
    app = create_app()
    _leave_out(app.state["context"])
    return app


if __name__ == "__main__":
    served: dict[str, Any] = {**SERVED_ALIKE, "http": JoiningProtocol}
    uvicorn.run(_app(), fd=int(sys.argv[1]), **served)
