"""A receiver's events in a folder: each once, typed, by day, whenever somebody is killed."""

import csv
import importlib
import io
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.flows.readers import NEWS, Consumer, drain, new_consumer
from tests.flows.town import GRANTED, REFUSED, Town

from consentid.connectors.folder import MANIFEST, opened_folder
from consentid.connectors.parquet import write_parquet
from consentid.connectors.rows import TABLES
from consentid.connectors.spreadsheet import write_csv
from consentid.flows.export_events import Written, export_events
from consentid.flows.restrict_subject import OPERATOR, Asked, Reason, restrict_subject
from consentid.kit.errors import ConflictError, UnavailableError

parquet: Any = importlib.import_module("pyarrow.parquet")


class KilledError(BaseException):
    """As SIGKILL: nobody tidies up."""


async def export(town: Town, root: Path, form: str = "parquet") -> Written:
    write = write_parquet if form == "parquet" else write_csv
    with opened_folder(root, client="crm", form=form, write=write) as folder:
        told = [each async for each in export_events(town.context, "crm", folder)]
    return told[-1] if told else Written(people=0, events=0, files=0)


def table(root: Path, name: str) -> list[dict[str, Any]]:
    """All rows, as a reader finds them who knows nothing of a manifest."""
    files = sorted(root.glob(f"{name}/day=*/*.parquet"))
    rows: list[dict[str, Any]] = []
    for each in files:
        rows += parquet.ParquetFile(each).read().to_pylist()
    return rows


def believed(root: Path) -> dict[tuple[str, str], tuple[int, Any]]:
    """What the files say that holds."""
    erased = {row["subject"] for row in table(root, "events") if row["kind"] == "erasure"}
    found: dict[tuple[str, str], tuple[int, Any]] = {}
    for row in table(root, "effective"):
        key = (row["subject"], "/".join([row["party"], *row["via"]]))
        lists = {"granted": row["granted"], "refused": row["refused"]}
        if row["subject"] not in erased and row["revision"] >= found.get(key, (-1, None))[0]:
            found[key] = (row["revision"], lists)
    return found


def plain(believes: dict[tuple[str, str], tuple[int, Any]]) -> dict[tuple[str, str], Any]:
    return {
        key: (revision, msgspec.to_builtins(lists)) for key, (revision, lists) in believes.items()
    }


async def decide(town: Town, people: list[Any], *outcomes: Any) -> None:
    for outcome in outcomes:
        for person in people:
            await town.decide(person, {"ads": outcome})
    await drain(town)


async def test_a_folder_begins_with_what_holds_and_goes_on_with_each_event_once(
    town: Town, tmp_path: Path
) -> None:
    early = [await town.device() for _ in range(3)]
    await decide(town, early, GRANTED)
    crm = await new_consumer(town, NEWS)
    root = tmp_path / "warehouse"
    assert await export(town, root) == Written(people=3, events=0, files=1)
    late = await town.device()
    await decide(town, [*early[1:], late], REFUSED, GRANTED)
    assert early[0].subject is not None
    asked = Asked(reason=Reason.OBJECTION, asked_by=OPERATOR)
    async with town.context.database.writing() as connection:
        await restrict_subject(town.context, connection, early[0].subject, asked)
    await drain(town)
    done = await export(town, root)
    assert (done.people, done.events) == (0, 8)
    assert await export(town, root) == Written(people=0, events=0, files=0)
    assert [row["sequence"] for row in table(root, "events")] == list(range(1, 9))
    holds = Consumer(town=town, caller=crm.caller)
    await holds.begin_with_snapshot()
    assert believed(root) == plain(holds.believes)
    assert len(holds.believes) == 3
    why = min(table(root, "decisions"), key=lambda row: row["sequence"])  # whoever is told of first
    assert (why["granted"], why["refused"], why["here"]) == ([], ["ads"], True)
    days = {each.name for each in root.glob("events/day=*")}
    assert days == {f"day={row['time']:%Y-%m-%d}" for row in table(root, "events")}
    kept = msgspec.json.decode((root / MANIFEST).read_bytes())
    assert kept["sequence"] == 8
    for each in TABLES:
        found = parquet.ParquetFile(next(root.glob(f"{each.name}/*/*"))).schema_arrow
        assert found.names == list(kept["columns"][each.name])
        assert [found.field(name).nullable for name in found.names] == [
            column.is_optional for column in each.columns
        ]


class Steps:
    """Kills at one step of those that leave something on the disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: int = -1
        fsync, replace = os.fsync, Path.replace

        def counted_fsync(number: int) -> None:
            self._count()
            fsync(number)

        def counted_replace(path: Path, target: Path) -> Path:
            self._count()
            return replace(path, target)

        monkeypatch.setattr(os, "fsync", counted_fsync)
        monkeypatch.setattr(Path, "replace", counted_replace)

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise KilledError


async def test_whoever_is_killed_at_any_step_leaves_no_hole_and_nothing_twice(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [await town.device() for _ in range(2)]
    await decide(town, people, GRANTED)
    crm = await new_consumer(town, NEWS)
    steps = Steps(monkeypatch)
    root, killed = tmp_path / "warehouse", 0
    for step in range(1, 31):
        steps.left = step
        try:
            await export(town, root)
        except KilledError:
            killed += 1
        seen = [row["sequence"] for row in table(root, "events")]
        assert len(set(seen)) == len(seen)
        if step % 2:
            await decide(town, people, REFUSED, GRANTED)
    steps.left = -1
    await export(town, root)
    await crm.read()
    assert killed > 10
    written = table(root, "events")
    after = crm.seen[written[0]["sequence"] - 1 :]  # the snapshot, once it was whole, has the rest
    assert [row["id"] for row in written] == [each["id"] for each in after]
    holds = Consumer(town=town, caller=crm.caller)
    await holds.begin_with_snapshot()
    assert believed(root) == plain(holds.believes)


async def test_a_folder_is_one_clients_in_one_form_and_without_a_gap(
    town: Town, tmp_path: Path
) -> None:
    await new_consumer(town, NEWS)
    people = [await town.device()]
    root = tmp_path / "warehouse"
    await export(town, root)
    with pytest.raises(ConflictError, match="another format"):
        await export(town, root, "csv")
    with (
        opened_folder(root, client="crm", form="parquet", write=write_parquet),
        pytest.raises(ConflictError, match="another process"),
    ):
        await export(town, root)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConflictError, match="not empty"):
        await export(town, tmp_path)
    with pytest.raises(UnavailableError, match="Not a directory"):
        await export(town, tmp_path / "file" / "below")
    await decide(town, people, GRANTED, REFUSED)
    await town.change("DELETE FROM events WHERE seq = 1")
    with pytest.raises(ConflictError, match="begins with a snapshot"):
        await export(town, root)


async def test_a_spreadsheet_takes_nothing_for_a_formula(town: Town, tmp_path: Path) -> None:
    await new_consumer(town, NEWS)
    root = tmp_path / "sheets"
    await export(town, root, "csv")
    person = await town.device()
    await decide(town, [person], GRANTED)
    await export(town, root, "csv")
    (file,) = root.glob("effective/*/0*.csv")
    first, second = csv.DictReader(file.read_text().splitlines())
    assert (first["origin"], first["granted_before"]) == ("event", "")
    assert second["granted"].split(" ")[0] == "ads"
    wicked = ["=1+1", "+1", "-1", "@x", "\tx", "'x", "＝1", "x"]  # noqa: RUF001 - East Asian editions
    written = tmp_path / "wicked.csv"
    write_csv(written, TABLES[0], [(1, each, True, None, ["-a", "b"]) for each in wicked])
    _, *rows = csv.reader(io.StringIO(written.read_text(), newline=""))
    for (number, text, flag, nothing, list_), given in zip(rows, wicked, strict=True):
        assert text == (given if given == "x" else f"'{given}")
        assert (number, flag, nothing, list_) == ("1", "true", "", "'-a b")
