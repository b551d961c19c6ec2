"""An endpoint is tried from a process that serves: by a page's button, or by a program."""

from consentid.flows.context import Context
from consentid.flows.manage_webhooks import Office, try_webhook
from consentid.net.guarded import make_endpoint_transport
from consentid.net.webhook_sender import Delivered
from consentid.settings import Settings


def office_of(context: Context, by: str) -> Office:
    """Where endpoints are managed, by somebody as the log knows them."""
    return Office(
        database=context.database,
        master=context.keyring.master,
        randomness=context.randomness,
        ledger_origin=context.settings.ledger_origin,
        by=by,
    )


async def try_now(office: Office, chosen: Settings, number: int, *, issuer: str) -> Delivered:
    """Send an event that says nothing, now, on a connection of its own.

    Raises:
        ConflictError: it is a Shared Signals stream.
        NotFoundError: there is no such endpoint.
    """
    way = make_endpoint_transport(localhost_hosts=chosen.localhost_hosts, kept=0)
    async with way as transport:
        return await try_webhook(office, transport, number, issuer=issuer)
