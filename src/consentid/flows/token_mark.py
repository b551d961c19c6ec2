"""The mark that our consent tokens bear: a ``jti`` that no thief of a signing key can make.

It is a UUIDv7 whose random bits are a code over all else that the token says, under a key that is
derived from the master key and signs nothing that anybody verifies.  So of any token, years later
and without a list of them, it can be told whether it was issued here; whoever has the master key
too can make it, and can read every decision.  Spec: RFC 9562 section 5.7, RFC 2104.
"""

from typing import Final
from uuid import UUID

import msgspec

from consentid.keyring.deriving import Job, derived_key
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant
from consentid.kit.mac import Mac
from consentid.tokens.consent import ConsentClaims

_MILLISECOND: Final = 1_000
_encoder: Final = msgspec.json.Encoder()


def marked(master: bytes, claims: ConsentClaims, *, at: Instant) -> ConsentClaims:
    """The claims with the ``jti`` that is theirs.  32 characters."""
    return msgspec.structs.replace(claims, jti=_mark(master, claims, at).hex)


def is_marked(master: bytes, claims: ConsentClaims) -> bool:
    """Whether we issued just this."""
    try:
        borne = UUID(hex=claims.jti)
    except ValueError:
        return False
    at = Instant((borne.int >> 80) * _MILLISECOND)
    return borne.hex == claims.jti and borne == _mark(master, claims, at)


def _mark(master: bytes, claims: ConsentClaims, at: Instant) -> UUID:
    bare = msgspec.structs.replace(claims, jti=str(at // _MILLISECOND))
    code = Mac(derived_key(master, Job.TOKEN)).digest(_encoder.encode(bare))
    return uuid7(at, code[:RANDOM_BYTES])
