"""How a notice was shown stands in the record, and so the log commits to it."""

import asyncio
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest
from tests.cli.running import Command
from tests.flows.conftest import Founded
from tests.flows.test_sequence_ledger import drain
from tests.flows.test_verify_ledger import walk
from tests.flows.town import GRANTED, REFUSED, Town
from tests.flows.visits import LAYOUT, Visit

from consentid.core.decision import Decision, Showing
from consentid.flows.complete_receipt import show_receipt
from consentid.flows.history import show_history
from consentid.flows.judge_receipt import judge_receipt
from consentid.flows.note_served import note_served
from consentid.kit.errors import NotFoundError
from consentid.store import tables
from consentid.verify.receipts import Outcome

BANNER = b"\1" * 32


def shown_by(decision: Decision) -> bytes | None:
    return None if decision.showing is None else decision.showing.layout


async def test_what_a_page_told_before_the_answer_is_in_the_record(town: Town) -> None:
    device = await town.device()
    told = await town.decide(device, {"ads": GRANTED}, layout=BANNER)
    untold = await town.decide(device, {"ads": REFUSED})
    ((at,),) = await town.rows(
        "SELECT CAST(extract(epoch FROM at) * 1000000 AS bigint) FROM served_events"
    )
    notice = told.receipt.record["notice"]
    assert notice["shown"] == {"at": at, "layout": BANNER.hex()}
    assert at < told.receipt.record["early"]
    assert (untold.receipt.record["v"], "shown" in untold.receipt.record["notice"]) == (1, False)
    assert await town.faults() == []


async def test_what_is_told_after_the_answer_is_no_fault_and_in_no_record(town: Town) -> None:
    device = await town.device()
    answer = await town.answer(device, {"ads": GRANTED})
    told = await town.record(device, answer)
    for event in ("shown", "dismissed"):
        await note_served(
            town.context, device, unverified_served=answer.served, event=event, layout=BANNER
        )
    again = await town.record(device, answer)
    assert "shown" not in told.receipt.record["notice"]
    assert again.receipt.record["notice"]["shown"]["layout"] == BANNER.hex()
    assert await town.faults() == []


async def test_how_a_page_of_the_hub_is_laid_out_is_in_the_record(town: Town) -> None:
    visit = Visit(town=town)
    await visit.sign_in("ada")
    await visit.consent()
    ((subject,),) = await town.rows("SELECT subject_id FROM known_subjects")
    (decision,) = await town.history(subject)
    assert decision.showing == Showing(at=decision.recorded_at, layout=LAYOUT)
    assert await town.faults() == []


async def test_what_an_account_takes_over_was_shown_as_it_was_on_the_device(town: Town) -> None:
    credential = await town.new_device()
    device = await town.on_device(credential)
    await town.decide(device, {"ads": GRANTED}, layout=BANNER)
    account, _ = await town.sign_in("ada", device=credential)
    (source,) = await town.history(device.subject)
    (adopted,) = await town.history(account.subject)
    assert adopted.adopted_from == source.id
    assert adopted.showing == source.showing is not None
    assert await town.faults() == []


async def test_no_other_brand_is_told_in_which_layout_somebody_answered(town: Town) -> None:
    at_news, _ = await town.sign_in("ada")
    await town.decide(at_news, {"ads": GRANTED}, layout=BANNER)
    at_shop, _ = await town.sign_in("ada", client="shop-web")
    seen = await show_history(town.context, at_shop, cursor=None, limit=10)
    assert [(each.here, each.notice) for each in seen.decisions] == [(False, None)]
    with pytest.raises(NotFoundError):
        await show_receipt(town.context, at_shop, unverified_decision=seen.decisions[0].decision)
    assert BANNER.hex().encode() not in msgspec.json.encode(seen)
    in_clear = [
        name
        for name in tables.metadata.tables
        for (row,) in await town.rows(f"SELECT CAST(t AS text) FROM {name} t")
        if BANNER.hex() in row
    ]
    assert in_clear == ["served_events"]


CHANGES = {
    "UPDATE served_events SET layout = sha256('x')": "is not what the record says",
    "UPDATE served_events SET layout = NULL": "is not what the record says",
    "UPDATE served_events SET at = at + interval '1 microsecond'": "is not what the record says",
    "UPDATE served_events SET event = 'dismissed'": "is not there",
    "DELETE FROM served_events": "is not there",
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_layout_that_was_changed_or_lost_is_found(town: Town, change: str) -> None:
    told = await town.decide(await town.device(), {"ads": GRANTED}, layout=BANNER)
    await town.change("ALTER TABLE served_events DISABLE TRIGGER USER")
    await town.change(change)
    id_ = told.receipt.record["id"]
    assert await town.faults() == [f"decision {id_}: how the notice was shown {CHANGES[change]}"]


@pytest.fixture
def consentid(
    town: Town,
    founded: Founded,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    command = Command(capsys, monkeypatch)
    command.set("DATABASE_URL", town.urls.serving)
    command.set("KEYS_DIR", founded.keys)
    return command


def told_of(out: str, *decisions: str) -> list[str]:
    """What the verifier printed of each."""
    parts = out.split("\nholds     ")
    return [next(part for part in parts if part.startswith(f"decision {id_}")) for id_ in decisions]


def check(bundle: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 our own program
        [sys.executable, bundle / "verify.py"], capture_output=True, text=True, check=False
    )


async def test_evidence_says_whether_the_log_vouches_for_the_layout(
    town: Town, consentid: Command, tmp_path: Path
) -> None:
    device = await town.device()
    await town.change("DELETE FROM record_forms")  # as where the release before may run still
    old = await town.decide(device, {"ads": GRANTED}, layout=BANNER)
    await town.change("INSERT INTO record_forms VALUES (2)")
    new = await town.decide(device, {"ads": REFUSED}, layout=BANNER)
    await drain(town.context)
    assert old.receipt.record["v"] == 1
    assert "shown" not in old.receipt.record["notice"]
    judged = await judge_receipt(town.context, msgspec.json.encode(old.receipt))
    assert judged.findings.verdict is Outcome.HOLDS
    assert (await walk(town))[1] == []
    assert await town.faults() == []
    path = tmp_path / "evidence.zip"
    subject = str(device.subject)
    ended = await asyncio.to_thread(consentid, "ledger", "prove", subject, "--output", path)
    assert ended.code == 0, ended
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    bundle = tmp_path / "evidence"
    done = await asyncio.to_thread(check, bundle)
    assert done.returncode == 0, done
    of_old, of_new = told_of(done.stdout, old.receipt.record["id"], new.receipt.record["id"])
    assert "stands in shown.json alone, which no log vouches for" in of_old
    assert f"laid out as {BANNER.hex()}" in of_new
    assert "no log vouches for" not in of_new
    told = bundle / "decisions" / new.receipt.record["id"] / "shown.json"
    kept = told.read_text()
    for changed in (kept.replace("01" * 32, "02" * 32), kept.replace('"shown"', '"dismissed"')):
        told.write_text(changed)
        done = await asyncio.to_thread(check, bundle)
        assert done.returncode == 1
        assert "shown.json is not what the record says of it" in done.stdout
    told.write_text(kept.replace('"language": "en"', '"language": "fr"'))
    done = await asyncio.to_thread(check, bundle)
    assert "shown.json is of another text than the record says" in done.stdout
