"""The log says that an account was used on a device, once, and that the device was forgotten."""

from tests.flows.test_sequence_ledger import drain
from tests.flows.test_verify_ledger import walk
from tests.flows.town import Town
from tests.flows.visits import Visit

from consentid.flows.manage_devices import forget_device, show_places
from consentid.flows.preference_page import Coming


async def test_a_device_is_linked_once_and_unlinked_when_it_is_forgotten(town: Town) -> None:
    visit = Visit(town=town)
    await visit.consent()
    for _ in range(2):
        await visit.sign_in("customer")
    coming = Coming(browser=visit.browser, languages=("en",))
    (device,) = (await show_places(town.context, coming)).devices
    assert await forget_device(town.context, visit.browser, unverified_device=device.reference)
    await drain(town.context)
    kinds = [kind for (kind,) in await town.rows("SELECT kind FROM ledger_entries ORDER BY idx")]
    assert [kind for kind in kinds if "link" in kind] == ["link", "unlink"]
    assert (await walk(town))[1] == []
    assert await town.faults() == []
