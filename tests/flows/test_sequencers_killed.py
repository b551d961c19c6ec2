"""The short form of ``python -m tests.faults.sequencers``: a few kills, and one log."""

import random
from pathlib import Path

import msgspec
from tests.faults.killing import Site, campaign
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
