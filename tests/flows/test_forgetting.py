"""Nothing is forgotten while the database's clock and the worker's disagree."""

import time

import pytest
from tests.flows.town import GRANTED, Town

from consentid.flows.context import Context
from consentid.flows.reap import reap
from consentid.kit.errors import UnavailableError
from consentid.worker.forgetting import APART_S, carefully


async def test_nothing_is_forgotten_by_a_clock_that_is_far_from_ours(town: Town) -> None:
    news = await town.device()
    await town.decide(news, {"ads": GRANTED})
    await town.change("UPDATE devices SET expires_at = now() - interval '2 years'")
    for ahead_s in (-2 * APART_S, 2 * APART_S, 11 * 365 * 86_400):
        with pytest.raises(UnavailableError, match="nothing is forgotten"):
            await carefully(reap, lambda: time.time() - ahead_s)(town.context)  # noqa: B023 called here
    assert await town.rows("SELECT 1 FROM erasures") == []
    assert await carefully(reap)(town.context) > 0
    assert len(await town.rows("SELECT 1 FROM erasures")) == 1


async def test_what_is_done_carefully_is_done_while_clocks_agree(town: Town) -> None:
    async def count(context: Context) -> int:
        assert context is town.context
        return 7

    assert await carefully(count, lambda: time.time() + APART_S / 2)(town.context) == 7
