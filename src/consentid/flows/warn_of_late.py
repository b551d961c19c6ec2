"""Wake somebody where a system has not confirmed, in time, what takes something away.

Of all workers one says so, once when it begins and once when it is over; the metrics say it all the
while.  No line names a person.
"""

import logging
from typing import Final

from consentid.flows.context import Context
from consentid.flows.show_propagation import deadline
from consentid.store import clock, late_systems, systems

_log: Final = logging.getLogger("consentid.propagation")


async def warn_of_late(context: Context) -> int:
    """Compare with what was said before; how many systems are late for the first time.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        found = await systems.every(connection, before=deadline(context.settings, now))
        late = {each.name: each for each in found if each.late}
        change = await late_systems.note(connection, late.keys())
    for name in sorted(change.begun):
        system = late[name]
        _log.critical(
            "UNCONFIRMED WITHDRAWALS: %s (%s of %s) has not confirmed %d within %d s: "
            "consentid propagation, or /operations",
            *(name, system.client_id, system.party, system.late),
            context.settings.confirm_within_s,
        )
    for name in sorted(change.ended):
        _log.warning("%s has confirmed every withdrawal again, or is removed", name)
    return len(change.begun)
