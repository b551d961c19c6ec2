"""A page that says one thing: an error that cannot go back to a client, or that something is done.

The reasons are ours, a closed list with words in every language; nothing that a request carried is
ever shown.
"""

from dataclasses import dataclass
from enum import StrEnum

from consentid.web.pages.frame import Frame


class Message(StrEnum):
    """What is said."""

    CLIENT_UNKNOWN = "client_unknown"
    REDIRECT_UNKNOWN = "redirect_unknown"
    REQUEST_MALFORMED = "request_malformed"
    EXPIRED = "expired"
    FINISHED = "finished"
    STALE = "stale"
    OTHER_BROWSER = "other_browser"
    FORM_FOREIGN = "form_foreign"
    NOT_FOUND = "not_found"
    NOT_ALLOWED = "not_allowed"
    TOO_MANY = "too_many"
    UNAVAILABLE = "unavailable"
    RECORD_UNREADABLE = "record_unreadable"
    INTERNAL = "internal"
    SIGNED_OUT = "signed_out"
    SIGN_IN_FAILED = "sign_in_failed"
    DEVICE_APPROVED = "device_approved"
    DEVICE_DENIED = "device_denied"
    DEVICE_EXPIRED = "device_expired"
    APPROVAL_GIVEN = "approval_given"
    APPROVAL_DENIED = "approval_denied"
    APPROVAL_REPORTED = "approval_reported"
    APPROVAL_GONE = "approval_gone"
    LINK_ACCEPTED = "link_accepted"
    LINK_REFUSED = "link_refused"
    LINK_OVERTAKEN = "link_overtaken"
    LINK_USED = "link_used"
    LINK_EXPIRED = "link_expired"
    LINK_OUTDATED = "link_outdated"
    LINK_DAMAGED = "link_damaged"
    LINK_NOT_GENUINE = "link_not_genuine"
    LINK_OTHER_PERSON = "link_other_person"
    STAFF_SIGNED_IN = "staff_signed_in"
    STAFF_NO_ROLE = "staff_no_role"
    ROLE_MISSING = "role_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """All that such a page shows."""

    frame: Frame
    message: Message
    is_good: bool = False
    """Whether something was done, rather than refused."""
    reference: str | None = None
    """A stable code or the log's id, for whoever is asked for help."""
    detail: str | None = None
    """What exactly is wrong, in English, for the same."""
    next_path: str | None = None
    """Where to go from here, on the hub or at a client that is registered; None for nowhere."""
    next_name: str | None = None
    """Whose address that is; None for the same page again."""
    minutes: int | None = None
    """How long to wait, where waiting helps."""
