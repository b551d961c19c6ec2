"""The tables.  Alembic's migrations are their history; a test holds both equal."""

from typing import Final

from consentid.store.tables.captures import captures
from consentid.store.tables.choices import (
    decisions,
    projections,
    served_events,
    served_notices,
    signals_seen,
)
from consentid.store.tables.configuration import (
    catalogues,
    client_secrets,
    clients,
    record_forms,
    revoked_keys,
)
from consentid.store.tables.connectors import connectors
from consentid.store.tables.erasure import erased_decisions, erasures, restricted_subjects
from consentid.store.tables.events import (
    event_streams,
    events,
    outbox_drained,
    ssf_streams,
    webhook_deliveries,
    webhook_endpoints,
    webhook_secrets,
)
from consentid.store.tables.field import field_bundles, field_devices, field_entries
from consentid.store.tables.issued import (
    access_tokens,
    audience_states,
    status_indices,
    status_lists,
    used_tokens,
)
from consentid.store.tables.journal import idempotency_keys, outbox, staged_entries
from consentid.store.tables.ledger import (
    entry_bodies,
    ledger_checkpoints,
    ledger_entries,
    ledger_logs,
    ledger_tiles,
    ledger_trees,
)
from consentid.store.tables.mails import mails
from consentid.store.tables.metadata import InstantType, metadata
from consentid.store.tables.people import (
    account_devices,
    devices,
    known_subjects,
    subject_keys,
    subjects,
)
from consentid.store.tables.pictures import notice_pictures
from consentid.store.tables.propagation import (
    event_confirmations,
    event_marks,
    late_systems,
    operator_codes,
    operator_sessions,
)
from consentid.store.tables.reads import reads
from consentid.store.tables.sign_in import (
    authorization_codes,
    device_codes,
    hand_offs,
    hub_sessions,
    interactions,
    logout_notices,
    portal_logins,
    pushed_requests,
    refresh_tokens,
    session_clients,
)
from consentid.store.tables.staff import staff_members, staff_sessions
from consentid.store.tables.support import support_codes

APPEND_ONLY: Final = (
    *("catalogues", "decisions", "entry_bodies", "erased_decisions"),
    *("served_notices", "served_events", "notice_pictures"),
    *("ledger_logs", "ledger_entries", "ledger_tiles", "ledger_trees", "ledger_checkpoints"),
    "revoked_keys",
)
"""Tables that the serving role may read and insert into, and that triggers keep from changing."""

__all__ = [
    "APPEND_ONLY",
    "InstantType",
    "access_tokens",
    "account_devices",
    "audience_states",
    "authorization_codes",
    "captures",
    "catalogues",
    "client_secrets",
    "clients",
    "connectors",
    "decisions",
    "device_codes",
    "devices",
    "entry_bodies",
    "erased_decisions",
    "erasures",
    "event_confirmations",
    "event_marks",
    "event_streams",
    "events",
    "field_bundles",
    "field_devices",
    "field_entries",
    "hand_offs",
    "hub_sessions",
    "idempotency_keys",
    "interactions",
    "known_subjects",
    "late_systems",
    "ledger_checkpoints",
    "ledger_entries",
    "ledger_logs",
    "ledger_tiles",
    "ledger_trees",
    "logout_notices",
    "mails",
    "metadata",
    "notice_pictures",
    "operator_codes",
    "operator_sessions",
    "outbox",
    "outbox_drained",
    "portal_logins",
    "projections",
    "pushed_requests",
    "reads",
    "record_forms",
    "refresh_tokens",
    "restricted_subjects",
    "revoked_keys",
    "served_events",
    "served_notices",
    "session_clients",
    "signals_seen",
    "ssf_streams",
    "staff_members",
    "staff_sessions",
    "staged_entries",
    "status_indices",
    "status_lists",
    "subject_keys",
    "subjects",
    "support_codes",
    "used_tokens",
    "webhook_deliveries",
    "webhook_endpoints",
    "webhook_secrets",
]
