"""What a site or a partner installs: verify consent tokens without asking anybody about a person.

``Verifier`` fetches the issuer's keys and status lists; ``OfflineVerifier`` reads them from files.
Needs the base dependencies only.  May import tokens and kit.

Invariants: status is always checked, and a verifier cannot be built without a source for it; on
any error the answer is no, with a reason; nothing is fetched but from the issuer's own address,
with a limit on bytes and time; a list is used for 300 s from its signing and no longer, in strict
mode also for 60 s from its fetch and no longer.
"""

from consentid.tokens.reasons import Inactive, Reason
from consentid.verify.answer import Active
from consentid.verify.localhost import LocalhostTransport
from consentid.verify.offline import OfflineVerifier
from consentid.verify.online import Verifier

__all__ = ["Active", "Inactive", "LocalhostTransport", "OfflineVerifier", "Reason", "Verifier"]
