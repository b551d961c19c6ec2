"""A brand's page shows the person what its device chose: by a code, for half an hour.

A device that was made in a page, or came by a link, is unknown to the hub's own pages.  The page
sends its visitor there with a hand-off code in the fragment; the preference centre then speaks of
that device, to that browser alone.  The hub's own cookies stay as they are: nobody can plant a
device here that answers for somebody else later.
"""

from typing import Final

from consentid.flows.authenticate import hash_token
from consentid.flows.context import Context
from consentid.flows.hand_off import hub_origin
from consentid.flows.hub_session import Browser, seal_visit
from consentid.store import clock, hand_offs

_MAX_CODE: Final = 128


async def visit_from_page(
    context: Context, browser: Browser, *, unverified_code: str, unverified_referrer: str
) -> str | None:
    """The visit cookie's value for a code; None where the code is not good here.

    As with links between brands, a code that comes to the wrong place is used up.
    """
    if len(unverified_code) > _MAX_CODE:
        return None
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        book = await context.book(connection)
        code = await hand_offs.find(connection, hash_token(unverified_code))
        if code is None:
            return None
        is_fresh = await hand_offs.use(connection, code.code_hash) and now < code.expires_at
        if not is_fresh or (code.target, code.origin) != (hub_origin(book), unverified_referrer):
            return None
        return seal_visit(context, browser, code.subject, at=now)
