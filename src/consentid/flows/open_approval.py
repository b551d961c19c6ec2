"""A person picks what waits for them: to look and answer, or to say that it is none of theirs.

Who reports has denied, and hears of that brand or partner in this way no more for a day: whoever
was not on the telephone was called upon by a stranger, or by an agent who tries.  What was captured
of them is disputed by that.
"""

import contextlib
import logging
from typing import Final
from uuid import UUID

from consentid.core.capture import CaptureId
from consentid.flows.approval import gone
from consentid.flows.context import Context
from consentid.flows.find_approvals import Approvals, WaitingApproval, find_approvals
from consentid.flows.hub_session import Browser, hash_browser
from consentid.flows.interaction_state import InteractionState, begin_interaction
from consentid.flows.refuse_capture import dispute_capture
from consentid.kit.errors import ConflictError, ForbiddenError, GoneError, NotFoundError
from consentid.store import device_codes

_log: Final = logging.getLogger("consentid.flows")


async def look_at(context: Context, unverified_name: str, browser: Browser) -> str:
    """Begin the decision of a person who wants to answer; returns its id.

    The caller has made sure that the form came from our own page in this browser.

    Raises:
        ForbiddenError: the browser presents no secret of its own.
        GoneError: nothing of that name waits for whoever is signed in here.
    """
    browser_hash = hash_browser(browser)
    if browser_hash is None:
        raise ForbiddenError("browser_unknown", "This browser keeps no cookies of ours.")
    async with context.database.writing() as connection:
        found = await find_approvals(context, connection, browser)
        chosen = _chosen(found, unverified_name)
        return await begin_interaction(
            context,
            connection,
            client=chosen.client,
            state=InteractionState(task=chosen.task),
            browser_hash=browser_hash,
            at=found.now,
        )


async def report(context: Context, unverified_name: str, browser: Browser) -> None:
    """Deny what the person says is none of theirs.  The caller has checked the form, as above.

    Raises:
        GoneError: nothing of that name waits for whoever is signed in here.
    """
    async with context.database.writing() as connection:
        found = await find_approvals(context, connection, browser, lock=True)
        chosen, session = _chosen(found, unverified_name), found.visitor.session
        is_denied = await device_codes.deny(
            connection,
            chosen.task.code_hash,
            now=found.now,
            subject=None if session is None else session.subject.id,
            is_reported=True,
        )
        if not is_denied:
            raise gone()
        if session is not None and chosen.task.capture is not None:
            capture = CaptureId(UUID(bytes=chosen.task.capture))
            with contextlib.suppress(ConflictError, GoneError, NotFoundError):  # it is over
                await dispute_capture(context, connection, found.book, session.subject, capture)
    context.counts.reported_approvals.add((chosen.client.client_id,))
    _log.warning(
        "a person reported a question of client %s as none of theirs", chosen.client.client_id
    )


def _chosen(found: Approvals, unverified_name: str) -> WaitingApproval:
    chosen = found.find(unverified_name)
    if chosen is None:
        raise gone()
    return chosen
