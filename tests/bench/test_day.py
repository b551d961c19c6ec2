"""The short form of ``python -m tests.bench.day``: everybody once, then seconds of a day."""

import json
import random

from tests.bench.day import telling
from tests.bench.day.extrapolating import Assumed, extrapolate
from tests.bench.day.measuring import Given, measure
from tests.bench.day.proportions import PER_THOUSAND


async def test_a_day_is_run_and_nothing_fails() -> None:
    draw = random.Random(7)  # noqa: S311 a test's dice
    told = await measure(Given(people=12, seconds=2.0, rate=8.0, draw=draw))
    # On a machine with too much to do some are told to come again.
    assert [
        each for each in told["failed"] if "unavailable" not in each and "503" not in each
    ] == []
    # There, everybody who might come may be at a page already, too.
    assert sum(told["left_out"].values()) < sum(told["visits"].values())
    assert {"web 1", "web 2", "worker", "PostgreSQL", "Valkey"} == set(told["processes"])
    assert told["filling"]["wal_bytes_a_decision"] > 0
    things = told["bytes_of_things"]
    assert {"person", "decision", "audience", "read", "event", "token"} <= set(things)

    told |= {"machine": "any", "load_average_before_and_after": [0, 0]}
    told["groups"] = [extrapolate(told, many, Assumed()) for many in (10**6, 5 * 10**7)]
    one, fifty = told["groups"]
    assert fifty["database_gb"] > 20 * one["database_gb"]
    json.dumps(told)
    assert "POST /v1/verify" in telling.text_of(told)


def test_the_proportions_are_of_a_thousand() -> None:
    assert sum(PER_THOUSAND.values()) == 1_000
