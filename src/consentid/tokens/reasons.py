"""Why a token is not active.

A reason tells an operator what to mend.  It is for the token's own client and for logs, never for
whoever presented the token.
"""

from enum import StrEnum

import msgspec


class Reason(StrEnum):
    """The closed list of reasons."""

    # The token's form: known before any key is looked up.
    TOO_LONG = "too_long"
    NOT_COMPACT = "not_compact"
    """Not three dot-separated parts."""
    BAD_ENCODING = "bad_encoding"
    """Not strict base64url, or not UTF-8 JSON."""
    BAD_HEADER = "bad_header"
    """A header member missing, too many, of the wrong type, or twice."""
    WRONG_ALGORITHM = "wrong_algorithm"
    WRONG_TYPE = "wrong_type"
    BAD_CLAIMS = "bad_claims"
    """A claim missing or of the wrong type."""
    DUPLICATE_CLAIMS = "duplicate_claims"
    # Who signed it.
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    # What it says, under a signature that holds.
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    LIFETIME_TOO_LONG = "lifetime_too_long"
    # What became of it since.
    SUPERSEDED = "superseded"
    """Its bit in the status list is set, or it has none there: renew it."""
    FOREIGN_STATUS_LIST = "foreign_status_list"
    """It points to a status list that is not its issuer's."""
    WRONG_STATUS_LIST = "wrong_status_list"
    """What was served as its status list is another list."""
    # We cannot tell, so the answer is no.
    KEYS_UNAVAILABLE = "keys_unavailable"
    STATUS_UNAVAILABLE = "status_unavailable"


class Inactive(msgspec.Struct, frozen=True, gc=False):
    """A token that is not to be relied on, and why."""

    reason: Reason
