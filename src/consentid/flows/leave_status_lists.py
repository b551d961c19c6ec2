"""Leave status lists that are full and old, so that they number those who come, not all who came.

A year of customers fills lists whose places mostly belong to tokens that ended.  A list is left in
two steps: first its holders get places in newer lists, each with the next token; then, when every
token has expired that may point into it, its places are forgotten.
"""

from typing import Final

from consentid.flows.context import Context
from consentid.kit.instants import DAY, SECOND, Instant
from consentid.store import clock, retirement
from consentid.tokens.consent import MAX_LIFETIME_S
from consentid.tokens.status import TTL_S

KEPT: Final = (MAX_LIFETIME_S + TTL_S) * SECOND + DAY
"""A token's longest life, a fetched list's, and a day for clocks that are wrong."""


async def leave_status_lists(context: Context) -> int:
    """Take both steps where they are due; returns how many lists moved on."""
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        age = context.settings.status_list_days * DAY
        done = await retirement.begin_leaving(connection, opened_before=Instant(now - age), at=now)
    is_more = True
    while is_more:  # each in a transaction of its own: a list has a hundred thousand places
        async with context.database.writing() as connection:
            now = await clock.now(connection)
            is_more = await retirement.leave_next(
                connection, leaving_before=Instant(now - KEPT), at=now
            )
        done += is_more
    return done
