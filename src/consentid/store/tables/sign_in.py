"""The doors of OpenID Connect: sessions, interactions, codes, refresh tokens, signing out."""

from typing import Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from consentid.store.tables.metadata import InstantType, metadata

hub_sessions: Final = Table(
    "hub_sessions",
    metadata,
    # The cookie's hash; the cookie changes at each sign-in, so a fixed one is worth nothing.
    Column("session_hash", LargeBinary, primary_key=True),
    # What clients know it by; stays when the same person proves anew who they are.
    Column("session_id", Uuid, nullable=False),
    Column("device_id", Uuid, ForeignKey("subjects.id")),
    Column("account_id", Uuid, ForeignKey("subjects.id")),
    Column("auth_time", InstantType),
    Column("acr", Text),
    # HMACs of the portal's session and subject, for its back-channel logout.
    Column("portal_sid_hash", LargeBinary),
    Column("identity_hash", LargeBinary),
    Column("created_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
    # Expired, and tokens of it may still be renewed: so that a sign-out reaches them.
    Column("held_until", InstantType),
    Index("hub_sessions_due_ix", text("greatest(expires_at, held_until)")),
    Index(None, "session_id"),
    Index(None, "account_id"),
    Index(None, "device_id"),
    Index(None, "portal_sid_hash"),
    Index(None, "identity_hash"),
    Index(None, "expires_at"),
)

interactions: Final = Table(
    "interactions",
    metadata,
    # Something a person is to decide on a page of the hub, bound to one browser.
    Column("interaction_hash", LargeBinary, primary_key=True),
    Column("browser_hash", LargeBinary, nullable=False),
    Column("client_id", Text, ForeignKey("clients.client_id"), nullable=False),
    Column("kind", Text, nullable=False),  # authorize | device | approval
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
    Column("finished_at", InstantType),
    Index(None, "expires_at"),
)

portal_logins: Final = Table(
    "portal_logins",
    metadata,
    # A hand-over to the portal under way: state, bound to one browser.
    Column("state_hash", LargeBinary, primary_key=True),
    Column("browser_hash", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
    Column("used_at", InstantType),
    Index(None, "expires_at"),
)

pushed_requests: Final = Table(
    "pushed_requests",
    metadata,
    Column("request_hash", LargeBinary, primary_key=True),
    Column("client_id", Text, ForeignKey("clients.client_id"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
    Column("used_at", InstantType),
    Index(None, "expires_at"),
)

authorization_codes: Final = Table(
    "authorization_codes",
    metadata,
    Column("code_hash", LargeBinary, primary_key=True),
    Column("client_id", Text, ForeignKey("clients.client_id"), nullable=False),
    Column("subject_id", Uuid, ForeignKey("subjects.id"), nullable=False),
    Column("device_id", Uuid, ForeignKey("subjects.id")),
    Column("session_id", Uuid),
    # What tokens that come of this code have in common, for ending them together.
    Column("family", Uuid, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("code_challenge", Text, nullable=False),
    Column("nonce", Text),
    Column("resource", Text),
    Column("auth_time", InstantType),
    Column("acr", Text),
    Column("details", LargeBinary),  # authorization details asked for, JSON
    # The purposes granted of these details: without one of them the family ends.
    Column("rests_on", ARRAY(Text)),
    Column("issued_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
    Column("used_at", InstantType),
    Index(None, "expires_at"),
    Index(None, "subject_id"),
    Index(None, "device_id"),
)

refresh_tokens: Final = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("family", Uuid, nullable=False),
    Column("client_id", Text, ForeignKey("clients.client_id"), nullable=False),
    Column("subject_id", Uuid, ForeignKey("subjects.id"), nullable=False),
    Column("device_id", Uuid, ForeignKey("subjects.id")),
    Column("session_id", Uuid),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("resource", Text),
    Column("auth_time", InstantType),
    Column("acr", Text),
    Column("details", LargeBinary),
    Column("rests_on", ARRAY(Text)),
    Column("issued_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
    Column("family_expires_at", InstantType, nullable=False),
    Column("used_at", InstantType),
    Column("revoked_at", InstantType),
    Column("successor_hash", LargeBinary),  # what the latest use gave
    Column("used_key_hash", LargeBinary),  # what its client calls that request
    # Ended because its predecessor came again: whoever asked had never seen it.
    Column("was_superseded", Boolean, server_default=false(), nullable=False),
    Column("sealed_name", LargeBinary),  # of a television, under the subject's key
    Index(None, "family"),
    Index(None, "subject_id"),
    Index(None, "device_id"),
    Index(None, "expires_at"),
)

hand_offs: Final = Table(
    "hand_offs",
    metadata,
    # A link from one brand's page to another's, which takes a device along, or an account.
    Column("code_hash", LargeBinary, primary_key=True),
    Column("client_id", Text, ForeignKey("clients.client_id"), nullable=False),
    Column("subject_id", Uuid, ForeignKey("subjects.id"), nullable=False),
    Column("origin", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("target_brand", Text, nullable=False),
    Column("family", Uuid, nullable=False),
    Column("session_id", Uuid),  # of an account: what comes of the code ends with it
    Column("issued_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
    Column("used_at", InstantType),
    Index(None, "expires_at"),
    Index(None, "subject_id"),
)

device_codes: Final = Table(
    "device_codes",
    metadata,
    Column("device_code_hash", LargeBinary, primary_key=True),
    # What a person types; None where the question is addressed to them (``addressee``).
    Column("user_code_hash", LargeBinary, unique=True),
    Column("client_id", Text, ForeignKey("clients.client_id"), nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("resource", Text),
    Column("details", LargeBinary),
    Column("rests_on", ARRAY(Text)),
    # What the device calls itself: sealed under a key of the hub until somebody approves, then
    # under theirs.
    Column("sealed_name", LargeBinary),
    Column("status", Text, nullable=False),  # pending | approved | denied | consumed
    Column("subject_id", Uuid, ForeignKey("subjects.id")),
    Column("auth_time", InstantType),
    Column("acr", Text),
    Column("interval_s", Integer, nullable=False),
    Column("polled_at", InstantType),
    Column("created_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
    # HMAC of a client's party and its name for a person: whether there is such a person is not
    # known before they come and look.
    Column("addressee", LargeBinary),
    # What they are shown, under a key of the hub; gone once it was answered.
    Column("sealed_request", LargeBinary),
    # When they said that it was none of theirs.
    Column("reported_at", InstantType),
    CheckConstraint("(user_code_hash IS NULL) <> (addressee IS NULL)", name="device_codes_reached"),
    Index(None, "expires_at"),
    Index(None, "subject_id"),
    Index("device_codes_addressee_ix", "addressee", postgresql_where="addressee IS NOT NULL"),
)

session_clients: Final = Table(
    "session_clients",
    metadata,
    # Who got a code in a session, or redeemed a link's, and so is told when it ends.
    Column("session_id", Uuid, primary_key=True),
    Column("client_id", Text, ForeignKey("clients.client_id"), primary_key=True),
    Column("sid", Text),  # what the client calls the session
    Index(None, "sid"),
)

logout_notices: Final = Table(
    "logout_notices",
    metadata,
    # What a client is still to be told: that a session ended.
    Column("id", Uuid, primary_key=True),
    Column("client_id", Text, ForeignKey("clients.client_id"), nullable=False),
    Column("session_id", Uuid, nullable=False),
    Column("subject_id", Uuid, ForeignKey("subjects.id"), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("queued_at", InstantType, nullable=False),
    # Not before: it waits after a failure, and for whoever is sending it now.
    Column("due_at", InstantType, nullable=False),
    Index(None, "due_at"),
    Index(None, "subject_id"),
)
