"""Which tables ``consentid ledger verify`` answers for, and which not: every table is in one list.

In a table that it answers for, whatever a superuser of the database changes, adds or removes is
found and named, but for when the database did something (what a table calls its own instants), for
what was served and answered by nobody, for how it was shown where the record does not say so, for
what somebody was told of a link once, and for the checkpoint of the empty log, which says nothing.
"""

from collections.abc import Mapping
from typing import Final

COVERED: Final = (
    *("ledger_logs", "ledger_entries", "ledger_tiles", "ledger_trees", "ledger_checkpoints"),
    *("staged_entries", "decisions", "entry_bodies", "projections", "subject_keys", "catalogues"),
    *("erasures", "erased_decisions", "audience_states", "status_indices"),
    *("account_devices", "captures", "served_notices", "served_events", "notice_pictures"),
)
"""What ``consentid ledger verify`` answers for."""
BESIDE: Final[Mapping[str, tuple[str, ...]]] = {
    "who somebody is, and on what": (
        *("subjects", "known_subjects", "devices", "restricted_subjects"),
    ),
    "secrets, codes and sessions, which end": (
        *("access_tokens", "refresh_tokens", "used_tokens", "authorization_codes", "device_codes"),
        *("pushed_requests", "hand_offs", "idempotency_keys", "interactions", "portal_logins"),
        *("hub_sessions", "session_clients", "client_secrets", "webhook_secrets"),
        *("operator_codes", "operator_sessions", "staff_sessions", "staff_members"),
        "support_codes",
    ),
    "what is carried on, and how far": (
        *("outbox", "outbox_drained", "event_streams", "events", "event_marks"),
        *("event_confirmations", "late_systems", "webhook_endpoints", "webhook_deliveries"),
        *("ssf_streams", "connectors", "logout_notices", "mails"),
    ),
    "registrations: what each was is in the log, and what it is now is no history": ("clients",),
    "when a key was in wrong hands: append-only, and the act is in the log": ("revoked_keys",),
    "what a release may write": ("record_forms",),
    "a list that is signed anew from the places it has": ("status_lists",),
    "what came of a bundle is captures": ("field_devices", "field_bundles", "field_entries"),
    "what clients told of themselves": ("signals_seen", "reads"),
}
"""What no record of anybody's decision rests on, by the reason why."""
