"""Webhooks as their receiver sees them: is it from the hub, is it fresh, was it here before.

For a site's or a partner's own server, with the base dependencies alone::

    receiver = Receiver("whsec_...")
    event = receiver.receive(request.headers, request.body)  # None: it was here before

The hub signs with the same module.  Spec: Standard Webhooks.
"""

from consentid.webhooks.receiver import Receiver, Seen
from consentid.webhooks.signature import BadWebhookError, sign

__all__ = ["BadWebhookError", "Receiver", "Seen", "sign"]
