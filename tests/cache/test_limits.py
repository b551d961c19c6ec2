import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest

from consentid.cache.limits import Limit, Limiter, connect
from consentid.kit.errors import RateLimitedError

NOW_S = 1_000.0


@pytest.fixture(params=["valkey", "process", "gone"])
async def limiter(request: pytest.FixtureRequest, valkey_url: str) -> AsyncIterator[Limiter]:
    """Counting in Valkey, in the process, and with a Valkey that is not there."""
    url = {"valkey": valkey_url, "process": None, "gone": "redis://127.0.0.1:9"}[request.param]
    connection = connect(url)
    yield Limiter(connection)
    if connection is not None:
        await connection.aclose()


@pytest.fixture
def limit() -> Limit:
    return Limit(name=secrets.token_hex(4), most=3, window_s=60)


async def test_one_act_too_many_is_refused_with_the_seconds_to_wait(
    limiter: Limiter, limit: Limit
) -> None:
    for _ in range(3):
        await limiter.check(limit, "ada", now_s=NOW_S)
    with pytest.raises(RateLimitedError) as refused:
        await limiter.check(limit, "ada", now_s=NOW_S)
    assert 0 < refused.value.retry_after_s <= 61
    await limiter.check(limit, "grace", now_s=NOW_S)


async def test_acts_at_once_are_counted_each(limiter: Limiter, limit: Limit) -> None:
    ended = await asyncio.gather(
        *(limiter.check(limit, "ada", now_s=NOW_S) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(each, RateLimitedError) for each in ended) == 7


async def test_a_new_window_starts_anew(limit: Limit) -> None:
    limiter = Limiter(None)
    for second in (0, 1, 2, 60, 61, 62):
        await limiter.check(limit, "ada", now_s=NOW_S + second)
    with pytest.raises(RateLimitedError):
        await limiter.check(limit, "ada", now_s=NOW_S + 63)


async def test_without_valkey_it_counts_on_and_says_so(
    limit: Limit, caplog: pytest.LogCaptureFixture
) -> None:
    connection = connect("redis://127.0.0.1:9")
    assert connection is not None
    limiter = Limiter(connection)
    for _ in range(3):
        await limiter.check(limit, "ada", now_s=NOW_S)
    assert limiter.is_degraded
    assert caplog.text.count("valkey is gone") == 1
    with pytest.raises(RateLimitedError):
        await limiter.check(limit, "ada", now_s=NOW_S)
    await connection.aclose()


async def test_what_is_kept_of_a_caller_is_a_hash(limit: Limit, valkey_url: str) -> None:
    connection = connect(valkey_url)
    assert connection is not None
    await Limiter(connection).check(limit, "192.0.2.7", now_s=NOW_S)
    keys = [
        str(key)  # pyright: ignore[reportUnknownArgumentType] untyped in valkey-py
        async for key in connection.scan_iter(f"limit:{limit.name}:*")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] untyped in valkey-py
    ]
    assert len(keys) == 1
    assert "192.0.2.7" not in keys[0]
    await connection.aclose()


async def test_what_is_given_back_was_never_counted(limiter: Limiter, limit: Limit) -> None:
    for _ in range(9):
        await limiter.check(limit, "ada", now_s=NOW_S)
        await limiter.give_back(limit, "ada")
    await limiter.give_back(limit, "ada")
    for _ in range(3):
        await limiter.check(limit, "ada", now_s=NOW_S)
    with pytest.raises(RateLimitedError):
        await limiter.check(limit, "ada", now_s=NOW_S)
