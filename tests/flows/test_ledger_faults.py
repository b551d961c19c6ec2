"""The disk is full, the clock goes back: the log neither forks nor loses anything."""

import pytest
from sqlalchemy.engine import make_url
from tests.flows.conftest import Founded
from tests.flows.test_sequence_ledger import check_whole, drain, published
from tests.flows.test_verify_ledger import walk
from tests.flows.town import GRANTED, Town, open_node

from consentid.flows.show_state import show_state
from consentid.kit.errors import UnavailableError

# What PostgreSQL says where it cannot write, said where it would write this table.
FULL = """
CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$
"""
# Found before the real one, once the search path says so.
BACK = """
CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
$$ SELECT pg_catalog.clock_timestamp() - interval '3 days' $$
"""


@pytest.mark.parametrize("table", ["ledger_trees", "ledger_entries", "ledger_checkpoints"])
async def test_a_full_disk_costs_nothing_but_time(town: Town, table: str) -> None:
    device = await town.device()
    await town.decide(device, {"ads": GRANTED})
    before = await drain(town.context)
    await town.change(FULL)
    await town.change(f"CREATE TRIGGER no_room BEFORE INSERT ON {table} EXECUTE FUNCTION no_room()")
    await town.withdraw(device)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            await drain(town.context)
    assert (await published(town.context)).size == before
    await town.change(f"DROP TRIGGER no_room ON {table}")
    assert await drain(town.context) == before + 1
    assert await check_whole(town.context) == before + 1
    assert (await walk(town))[1] == []


async def test_a_clock_that_goes_back_takes_nothing_back(town: Town, founded: Founded) -> None:
    device = await town.device()
    await town.decide(device, {"ads": GRANTED})
    before = await drain(town.context)
    name = make_url(town.urls.owner).database
    await town.change(BACK)
    await town.change(f"ALTER DATABASE {name} SET search_path = public, pg_catalog")
    late = open_node(town.urls, founded.keys)  # connections opened from now on
    slow = Town(
        urls=town.urls,
        context=late.context,
        owner=town.owner,
        secrets=town.secrets,
        portal=town.portal,
    )
    ((gap,),) = await town.rows("SELECT pg_catalog.clock_timestamp() - public.clock_timestamp()")
    assert gap.days >= 2
    await slow.withdraw(device)
    assert not any(
        each.permitted
        for each in (await show_state(slow.context, device, at_least=None)).purposes
        if each.basis == "consent"
    )
    assert await drain(slow.context) == before + 1
    assert await check_whole(slow.context) == before + 1
    assert (await walk(slow))[1] == []
    assert await slow.faults() == []
    await late.close()
