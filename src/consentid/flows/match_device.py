"""A person names a device's code, compares, and then either goes on to decide or says no.

What a code leads to is found anew at each step: nothing of it is believed that a browser sends
back.  Spec: RFC 8628 sections 3.3 and 5.4; RFC 10027 (the person is told who asks, and compares).
"""

from dataclasses import dataclass

from consentid.brandbook.book import Book
from consentid.flows.context import Context
from consentid.flows.device_name import open_waiting
from consentid.flows.hub_session import Browser, hash_browser
from consentid.flows.interaction_state import DeviceTask, InteractionState, begin_interaction
from consentid.flows.request_device_code import hash_user_code
from consentid.kit.errors import ForbiddenError, NotFoundError
from consentid.oidc import authorization_details
from consentid.oidc.user_code import read_user_code
from consentid.store import clients, clock, device_codes
from consentid.store.clients import Client
from consentid.store.device_codes import DeviceCode


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingDevice:
    """A device that waits for a person."""

    client: Client
    book: Book
    user_code: str
    """Eight letters, as they were read."""
    code: DeviceCode
    device_name: str | None
    """What it calls itself: its own word."""


async def find_waiting_device(context: Context, unverified_user_code: str) -> WaitingDevice:
    """The device that waits under a code; typing is forgiven, guessing is not told apart.

    Raises:
        NotFoundError: no device waits under it: mistyped, expired, answered, or never given.
    """
    user_code = read_user_code(unverified_user_code)
    if user_code is None:
        raise _unknown()
    async with context.database.reading() as connection:
        now = await clock.now(connection)
        code = await device_codes.find_waiting(
            connection, hash_user_code(context, user_code), now=now
        )
        client = None if code is None else await clients.find(connection, code.client_id)
        book = await context.book(connection)
    if code is None or client is None or client.party not in book.catalogue.parties:
        raise _unknown()
    return WaitingDevice(
        client=client,
        book=book,
        user_code=user_code,
        code=code,
        device_name=None
        if code.sealed_name is None
        else open_waiting(context, code.sealed_name, device_code_hash=code.device_code_hash),
    )


async def confirm_match(context: Context, waiting: WaitingDevice, browser: Browser) -> str:
    """Begin the decision of a person who says that the codes match; returns its id.

    Raises:
        ForbiddenError: the browser presents no secret of its own.
    """
    browser_hash = hash_browser(browser)
    if browser_hash is None:
        raise ForbiddenError("browser_unknown", "This browser keeps no cookies of ours.")
    details = waiting.code.details
    task = DeviceTask(
        device_code_hash=waiting.code.device_code_hash,
        purposes=()
        if details is None
        else authorization_details.purposes_of(authorization_details.decode(details)),
    )
    async with context.database.writing() as connection:
        return await begin_interaction(
            context,
            connection,
            client=waiting.client,
            state=InteractionState(task=task),
            browser_hash=browser_hash,
            at=await clock.now(connection),
        )


async def deny_match(context: Context, waiting: WaitingDevice) -> bool:
    """Tell the device no; false where it was answered or expired meanwhile."""
    named = waiting.code.device_code_hash
    async with context.database.writing() as connection:
        context.database.after_commit(connection, lambda: context.polls.forget(named))
        return await device_codes.deny(connection, named, now=await clock.now(connection))


def _unknown() -> NotFoundError:
    return NotFoundError("user_code_unknown", "No device waits under this code.")
