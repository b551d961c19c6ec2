"""Whatever is changed at random of what the log covers, the audit finds."""

import random
from typing import Final

from tests.flows.tampering import tampering
from tests.flows.test_erasure import ask, live, shred
from tests.flows.test_sequence_ledger import drain
from tests.flows.test_verify_ledger import walk
from tests.flows.town import BRAND, GRANTED, REFUSED, Town

from consentid.flows.publish_status_lists import publish_status_lists
from consentid.flows.verify_issued import verify_issued
from consentid.flows.verify_projection import verify_projections
from consentid.store.engine import Database

ROUNDS: Final = 40
"""Every run draws the same."""


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
        await town.decide(device, {"ads": GRANTED, "content": GRANTED})
        await drain(town.context)
        await town.decide(device, {"ads": REFUSED}, BRAND)
    await drain(town.context)
    await publish_status_lists(town.context)
    await town.decide(await town.device(), {"ads": GRANTED})


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
    assert made > ROUNDS // 2
    assert missed == []
    assert await faults(town, erasing) == []
