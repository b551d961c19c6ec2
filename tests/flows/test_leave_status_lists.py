"""Lists that are full and old are left: who comes back gets a place elsewhere, the rest expires."""

import pytest
from sqlalchemy.exc import DBAPIError
from tests.flows.town import GRANTED, Town

from consentid.flows.authenticate import Caller
from consentid.flows.leave_status_lists import KEPT, leave_status_lists
from consentid.flows.publish_status_lists import publish_status_lists, show_status_list
from consentid.flows.verify_issued import verify_issued
from consentid.flows.verify_token import verify_token
from consentid.flows.watch_revocations import RevocationWatch
from consentid.kit.instants import DAY, SECOND
from consentid.store.revocations import looking
from consentid.store.statuses import StatusIndex

NEWS = "https://news.halcyon.example"


async def granted(town: Town, news: Caller) -> tuple[str, StatusIndex]:
    """A token issued now, and where it points."""
    told = await town.decide(news, {"ads": GRANTED})
    assert told.consent_token is not None
    place = town.claims(told.consent_token, NEWS).status.status_list
    return told.consent_token, StatusIndex(list_no=int(place.uri.rpartition("/")[2]), idx=place.idx)


async def grow_old(town: Town) -> None:
    """What is open now is full, and older than lists may become."""
    days = town.context.settings.status_list_days
    await town.change(
        "UPDATE status_lists SET is_open = false, created_at = created_at - :age * interval '1 s'",
        age=(days * DAY + DAY) // SECOND,
    )


async def let_tokens_expire(town: Town) -> None:
    await town.change(
        "UPDATE status_lists SET leaving_at = leaving_at - :age * interval '1 s'",
        age=KEPT // SECOND + 1,
    )


async def is_active(town: Town, news: Caller, token: str) -> bool:
    found = await verify_token(town.context, news, token, audience=None, purposes=(), at_least=None)
    return found.active


async def faults(town: Town) -> list[str]:
    return [fault async for each in verify_issued(town.context) for fault in each.faults]


async def test_who_comes_back_gets_a_place_elsewhere_and_a_withdrawal_ends_both(
    town: Town,
) -> None:
    news, asleep = await town.device(), await town.device()
    earlier, old = await granted(town, news)
    await granted(town, asleep)
    await grow_old(town)
    assert await leave_status_lists(town.context) == 1
    assert await leave_status_lists(town.context) == 0

    later, new = await granted(town, news)
    again, same = await granted(town, news)
    assert old.list_no == 1 < new.list_no == same.list_no
    assert new == same
    for token in (earlier, later, again):
        assert await is_active(town, news, token)
    assert await faults(town) == []

    await town.withdraw(news)
    for token in (earlier, later):
        assert not await is_active(town, news, token)
    assert await publish_status_lists(town.context) == 2
    for place in (old, new):
        [(shown,)] = await town.rows(
            f"SELECT bits FROM status_lists WHERE list_no = {place.list_no}"
        )
        assert shown[place.idx >> 3] >> (place.idx & 7) & 1


async def test_a_list_is_forgotten_when_no_token_can_point_there_any_more(town: Town) -> None:
    asleep = await town.device()
    _, old = await granted(town, asleep)
    await publish_status_lists(town.context)
    watch = RevocationWatch(town.context)
    async with looking(town.context.database) as look:
        await watch.look(look)
        assert watch.has_ended(old.list_no, old.idx) is False
        await grow_old(town)
        await leave_status_lists(town.context)
        assert await show_status_list(town.context, old.list_no) is not None
        await let_tokens_expire(town)
        assert await leave_status_lists(town.context) == 1
        await watch.look(look)
    assert watch.has_ended(old.list_no, old.idx) is None
    assert await show_status_list(town.context, old.list_no) is None
    assert await town.rows("SELECT idx FROM status_indices") == []
    assert await publish_status_lists(town.context) == 0
    assert await faults(town) == []

    # Whoever slept meanwhile is served as ever, and can take it back.
    token, new = await granted(town, asleep)
    assert new.list_no > old.list_no
    assert await is_active(town, asleep, token)
    await town.withdraw(asleep)
    assert not await is_active(town, asleep, token)


async def test_an_open_list_is_never_left_however_old(town: Town) -> None:
    _, place = await granted(town, await town.device())
    await grow_old(town)
    await town.change("UPDATE status_lists SET is_open = true")
    assert await leave_status_lists(town.context) == 0
    _, same = await granted(town, await town.device())
    assert same.list_no == place.list_no


async def test_no_place_is_forgotten_while_its_list_is_there(town: Town) -> None:
    await granted(town, await town.device())
    with pytest.raises(DBAPIError, match="a place goes with its list only"):
        async with town.context.database.writing() as connection:
            await connection.exec_driver_sql("DELETE FROM status_indices")
