"""What a site or a partner installs: verify consent tokens without asking anybody about a person.

``Verifier`` fetches the issuer's keys and status lists, ``AsyncVerifier`` does so for asyncio;
``OfflineVerifier`` reads them from files.  ``ConsentAsgi`` and ``ConsentWsgi`` put the answer into
every request; ``receipts.check_receipt`` checks what a person or a client was given.  Needs the
base dependencies only.  May import tokens, ledger and kit.

    from consentid.verify import Verifier

    verifier = Verifier(issuer="https://consent.example", audience="https://shop.example")
    if verifier.allows(token, "ads.personalised"):
        ...

    from consentid.verify import AsyncVerifier, ConsentAsgi

    app = ConsentAsgi(app, AsyncVerifier(issuer=..., audience=...), cookie="consent")
    # in a handler: scope["consentid"] is Active or Inactive

Invariants: status is always checked, and a verifier cannot be built without a source for it; on
any error the answer is no, with a reason; nothing is fetched but from the issuer's own address,
with a limit on bytes and time, and no call waits longer than its time limit; a list is used for
300 s from its signing and no longer, in strict mode also for 60 s from its fetch and no longer;
what is remembered of a token outlives neither its expiry, nor its key, nor its bit in the list.
"""

from consentid.tokens.reasons import Inactive, Reason
from consentid.verify.answer import Active
from consentid.verify.localhost import LocalhostTransport
from consentid.verify.middleware import ConsentAsgi, ConsentWsgi
from consentid.verify.offline import OfflineVerifier
from consentid.verify.online import AsyncVerifier, Verifier

__all__ = [
    "Active",
    "AsyncVerifier",
    "ConsentAsgi",
    "ConsentWsgi",
    "Inactive",
    "LocalhostTransport",
    "OfflineVerifier",
    "Reason",
    "Verifier",
]
