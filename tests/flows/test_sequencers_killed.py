"""The short form of ``python -m tests.faults.sequencers``: kills, full disks, and one log."""

import random
from pathlib import Path

import msgspec
from tests.faults.killing import Site, campaign
from tests.faults.sequencers import fill_disks
from tests.flows.town import Town


async def test_whoever_sequences_is_killed_and_the_log_is_one_log(
    town: Town, tmp_path: Path
) -> None:
    copy = tmp_path / "outside" / "checkpoint"
    copy.parent.mkdir()
    settings = msgspec.structs.replace(town.context.settings, ledger_copy=copy)
    draw = random.Random(5)  # noqa: S311 a test's dice
    report = await campaign(Site(urls=town.urls, settings=settings), kills=12, draw=draw)
    assert report.violations == []
    assert report.kills >= 12
    assert report.sizes_seen > 0


def test_whoever_sequences_meets_a_full_disk_and_goes_on_by_itself() -> None:
    draw = random.Random(5)  # noqa: S311 a test's dice
    report = fill_disks(1, draw)
    if report is None:
        print("left out: nothing can be mounted here")  # noqa: T201 no skip: CI has none
        return
    assert report.violations == []
    assert report.by_disk == {"both": 1}
    assert report.refused > 0
    assert report.entries > 0
