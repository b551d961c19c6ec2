"""Whatever is changed at random of what the log covers, the audit finds."""

import os
import random
from typing import Final

from tests.flows.capturing import Centre, Customer, evidence
from tests.flows.tampering import tampering
from tests.flows.test_erasure import ask, live, shred
from tests.flows.test_sequence_ledger import drain
from tests.flows.test_verify_ledger import walk
from tests.flows.town import BRAND, GRANTED, REFUSED, Town

from consentid.flows.publish_status_lists import publish_status_lists
from consentid.flows.verify_issued import verify_issued
from consentid.flows.verify_projection import verify_projections
from consentid.store import tables
from consentid.store.audited import BESIDE, COVERED
from consentid.store.engine import Database

ROUNDS: Final = int(os.environ.get("TAMPERING_ROUNDS", "40"))
"""Every run of so many draws the same."""


async def faults(town: Town, erasing: Database) -> list[str]:
    _, log = await walk(town)
    found = [f"{each.kind} {each.index}: {each.message}" for each in log]
    checked = verify_projections(town.context, apart=erasing)
    found += [fault async for each in checked for fault in each.faults]
    return found + [fault async for each in verify_issued(town.context) for fault in each.faults]


async def inhabit(town: Town, erasing: Database) -> None:
    """Somebody erased, somebody set aside, some who stay; one of them waits for the log."""
    subject, _ = await live(town)
    await ask(town, subject)
    await shred(town, erasing)
    waiting = await town.device()
    await town.decide(waiting, {"ads": GRANTED})
    await drain(town.context)
    await ask(town, waiting.subject, at_once=False)
    for _ in range(3):
        device = await town.device()
        await town.decide(device, {"ads": GRANTED, "content": GRANTED}, layout=b"\1" * 32)
        await drain(town.context)
        await town.decide(device, {"ads": REFUSED}, BRAND)
    await capture(town)
    for _ in range(2):
        await town.sign_in("ada", device=await town.new_device())
    await town.sign_in("ben", device=await town.new_device())
    await drain(town.context)
    await publish_status_lists(town.context)
    await town.decide(await town.device(), {"ads": GRANTED})


async def capture(town: Town) -> None:
    """What others say that people said; of whom nobody knows, the log says nothing."""
    calls, ada, ben = (
        Centre(town=town),
        await Customer.of(town, "ada"),
        await Customer.of(town, "ben"),
    )
    said = {"ads": GRANTED, "content": REFUSED}
    stranger = await calls.capture(said, shown=evidence("call-1", digest=b"\7" * 32))
    await ada.confirm(stranger)
    await ben.decline(await calls.capture({"ads.personalised": GRANTED}, sub="ben"))
    await ben.dispute(await calls.capture(said, sub="ben", operator="agent-8"))
    await calls.capture({"ads": GRANTED}, sub="ben")


def test_of_every_table_it_is_known_whether_the_audit_answers_for_it() -> None:
    beside = [table for tables_ in BESIDE.values() for table in tables_]
    assert sorted([*COVERED, *beside]) == sorted(tables.metadata.tables)


async def test_whatever_is_changed_at_random_is_found(town: Town, erasing: Database) -> None:
    await inhabit(town, erasing)
    assert await faults(town, erasing) == []
    chance = random.Random(ROUNDS)  # noqa: S311 - any changes will do
    missed: list[str] = []
    made = 0
    async with tampering(town.urls) as tamper:
        for _ in range(ROUNDS):
            change = tamper.draw(chance)
            async with tamper.done(change) as is_done:
                made += is_done
                if is_done and not await faults(town, erasing):
                    missed.append(change.statement)
    assert made > ROUNDS // 3
    assert missed == []
    assert await faults(town, erasing) == []
