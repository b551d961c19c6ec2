"""The tables.  Alembic's migrations are their history; a test holds both equal.

Instants are ``timestamptz``; ``InstantType`` carries them as microseconds.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlalchemy.engine import Dialect
from typing_extensions import override

from consentid.kit.instants import Instant, from_datetime, to_datetime


class InstantType(TypeDecorator[Instant]):
    """``timestamptz`` in the database, an ``Instant`` in Python."""

    impl = TIMESTAMP(timezone=True)  # pyright: ignore[reportUnannotatedClassAttribute] SQLAlchemy's own name
    cache_ok = True  # pyright: ignore[reportUnannotatedClassAttribute] SQLAlchemy's own name

    @override
    def process_bind_param(self, value: Instant | None, dialect: Dialect) -> datetime | None:
        return None if value is None else to_datetime(value)

    @override
    def process_result_value(self, value: datetime | None, dialect: Dialect) -> Instant | None:
        return None if value is None else from_datetime(value)


metadata: Final = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_ix",
        "uq": "%(table_name)s_%(column_0_N_name)s_uq",
        "fk": "%(table_name)s_%(column_0_N_name)s_fk",
        "pk": "%(table_name)s_pk",
    }
)

catalogues: Final = Table(
    "catalogues",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("applied_at", InstantType, nullable=False),
)

clients: Final = Table(
    "clients",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("party_kind", Text, nullable=False),
    Column("party_slug", Text, nullable=False),
    Column("source", Text, nullable=False),  # files | command
    Column("auth_method", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("collects", Text, nullable=False),  # group | own
    Column("surface", Text, nullable=False),  # web | app | tv
    Column("token_class", Text, nullable=False),  # web | tv | partner
    # How the client behaves at the OAuth endpoints, as JSON: redirect addresses and the like.
    Column("registration", LargeBinary, nullable=False, server_default="{}"),
    Column("created_at", InstantType, nullable=False),
    Column("disabled_at", InstantType),
)

client_secrets: Final = Table(
    "client_secrets",
    metadata,
    Column("client_id", Text, ForeignKey("clients.client_id"), nullable=False),
    Column("secret_hash", LargeBinary, primary_key=True),
    Column("created_at", InstantType, nullable=False),
    Column("expires_at", InstantType),
    Index(None, "client_id"),
)

subjects: Final = Table(
    "subjects",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),  # known | device
    Column("created_at", InstantType, nullable=False),
    Column("erased_at", InstantType),
)

known_subjects: Final = Table(
    "known_subjects",
    metadata,
    # HMAC of (issuer, sub) of the portal: the portal's own identifiers are not kept.
    Column("identity_hash", LargeBinary, primary_key=True),
    Column("subject_id", Uuid, ForeignKey("subjects.id"), nullable=False, unique=True),
    Column("adult", Boolean, nullable=False),
)

devices: Final = Table(
    "devices",
    metadata,
    Column("subject_id", Uuid, ForeignKey("subjects.id"), primary_key=True),
    Column("credential_hash", LargeBinary, nullable=False, unique=True),
    Column("client_id", Text, nullable=False),
    Column("origin", Text),
    Column("created_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
)

account_devices: Final = Table(
    "account_devices",
    metadata,
    Column("account_id", Uuid, ForeignKey("subjects.id"), primary_key=True),
    Column("device_id", Uuid, ForeignKey("subjects.id"), primary_key=True),
    Column("first_seen_at", InstantType, nullable=False),
    # The contradictions that the person was told of, sealed under the account's key.
    Column("sealed_told", LargeBinary),
)

subject_keys: Final = Table(
    "subject_keys",
    metadata,
    Column("subject_id", Uuid, ForeignKey("subjects.id"), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
)

projections: Final = Table(
    "projections",
    metadata,
    Column("subject_id", Uuid, ForeignKey("subjects.id"), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

decisions: Final = Table(
    "decisions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("subject_id", Uuid, ForeignKey("subjects.id"), nullable=False),
    Column("recorded_at", InstantType, nullable=False),
    Column("early", InstantType, nullable=False),
    Column("late", InstantType, nullable=False),
    Column("clock_unproven", Boolean, nullable=False),
    Column("catalogue", Integer, ForeignKey("catalogues.version"), nullable=False),
    Column("client_id", Text, nullable=False),
    Column("assurance", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("served", Uuid),
    Column("signal", Text),
    Column("adopted_from", Uuid),
    Column("sealed", LargeBinary, nullable=False),
    Column("commitment", LargeBinary, nullable=False),
    Index(None, "subject_id", "recorded_at", "id"),
)

signals_seen: Final = Table(
    "signals_seen",
    metadata,
    Column("subject_id", Uuid, ForeignKey("subjects.id"), primary_key=True),
    # The device on which it was seen; the subject itself where none is known.
    Column("device_id", Uuid, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("is_on", Boolean, nullable=False),
)

served_notices: Final = Table(
    "served_notices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("notice_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("language", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("catalogue", Integer, nullable=False),
    Column("minted_at", InstantType, nullable=False),
)

served_events: Final = Table(
    "served_events",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("served", Uuid, ForeignKey("served_notices.id"), nullable=False),
    Column("event", Text, nullable=False),  # shown | dismissed
    Column("layout", LargeBinary),
    Column("at", InstantType, nullable=False),
    UniqueConstraint("served", "event"),
)

access_tokens: Final = Table(
    "access_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("client_id", Text, ForeignKey("clients.client_id"), nullable=False),
    Column("subject_id", Uuid, ForeignKey("subjects.id")),
    Column("device_id", Uuid, ForeignKey("subjects.id")),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("family", Uuid),
    Column("issued_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
    Index(None, "expires_at"),
    Index(None, "family"),
    Index(None, "subject_id"),
)

used_tokens: Final = Table(
    "used_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("expires_at", InstantType, nullable=False),
    Index(None, "expires_at"),
)

audience_states: Final = Table(
    "audience_states",
    metadata,
    Column("subject_id", Uuid, ForeignKey("subjects.id"), primary_key=True),
    Column("audience", Text, primary_key=True),
    Column("rev", BigInteger, nullable=False),
    # The yes and no lists that tokens of this revision carry, sealed under the subject's key.
    Column("sealed", LargeBinary, nullable=False),
    Column("list_no", Integer, nullable=False),
    Column("idx", Integer, nullable=False),
    # The version that the row was last brought in step with; an older one is work to do.
    Column("catalogue", Integer, nullable=False),
    Index(None, "catalogue", "subject_id"),
)

status_lists: Final = Table(
    "status_lists",
    metadata,
    Column("list_no", Integer, Identity(always=True), primary_key=True),
    Column("is_open", Boolean, nullable=False),
    Column("bits", LargeBinary, nullable=False),
    Column("token", Text),
    Column("signed_at", InstantType),
    Column("created_at", InstantType, nullable=False),
)

status_indices: Final = Table(
    "status_indices",
    metadata,
    Column("list_no", Integer, ForeignKey("status_lists.list_no"), primary_key=True),
    Column("idx", Integer, primary_key=True),
    # No subject: a decoy, which is never allocated.
    Column("subject_id", Uuid, ForeignKey("subjects.id")),
    Column("audience", Text),
    Column("revoked_at", InstantType),
    Column("is_published", Boolean, nullable=False),
    Index(
        "status_indices_unpublished_ix",
        "list_no",
        postgresql_where="revoked_at IS NOT NULL AND NOT is_published",
    ),
    Index(None, "subject_id"),
)

idempotency_keys: Final = Table(
    "idempotency_keys",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("key_hash", LargeBinary, primary_key=True),
    Column("request_digest", LargeBinary, nullable=False),
    Column("subject_id", Uuid, ForeignKey("subjects.id")),
    Column("sealed_answer", LargeBinary),
    Column("created_at", InstantType, nullable=False),
    Index(None, "created_at"),
    Index(None, "subject_id"),
)

staged_entries: Final = Table(
    "staged_entries",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("staged_at", InstantType, nullable=False),
)

outbox: Final = Table(
    "outbox",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject_id", Uuid),
    Column("subject_version", BigInteger),
    Column("created_at", InstantType, nullable=False),
)

hub_sessions: Final = Table(
    "hub_sessions",
    metadata,
    # The cookie's hash; the cookie changes at each sign-in, so a fixed one is worth nothing.
    Column("session_hash", LargeBinary, primary_key=True),
    Column("device_id", Uuid, ForeignKey("subjects.id")),
    Column("account_id", Uuid, ForeignKey("subjects.id")),
    Column("auth_time", InstantType),
    Column("acr", Text),
    # HMACs of the portal's session and subject, for its back-channel logout.
    Column("portal_sid_hash", LargeBinary),
    Column("identity_hash", LargeBinary),
    Column("created_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
    Index(None, "account_id"),
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
    Column("kind", Text, nullable=False),  # authorize | device
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
    Column("session_hash", LargeBinary),
    # What tokens that come of this code have in common, for ending them together.
    Column("family", Uuid, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("code_challenge", Text, nullable=False),
    Column("nonce", Text),
    Column("resource", Text),
    Column("auth_time", InstantType),
    Column("acr", Text),
    Column("details", LargeBinary),  # granted authorization details, JSON
    Column("issued_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
    Column("used_at", InstantType),
    Index(None, "expires_at"),
    Index(None, "subject_id"),
)

refresh_tokens: Final = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("family", Uuid, nullable=False),
    Column("client_id", Text, ForeignKey("clients.client_id"), nullable=False),
    Column("subject_id", Uuid, ForeignKey("subjects.id"), nullable=False),
    Column("device_id", Uuid, ForeignKey("subjects.id")),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("resource", Text),
    Column("auth_time", InstantType),
    Column("acr", Text),
    Column("details", LargeBinary),
    Column("issued_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
    Column("family_expires_at", InstantType, nullable=False),
    Column("used_at", InstantType),
    Column("revoked_at", InstantType),
    Index(None, "family"),
    Index(None, "subject_id"),
    Index(None, "expires_at"),
)

device_codes: Final = Table(
    "device_codes",
    metadata,
    Column("device_code_hash", LargeBinary, primary_key=True),
    Column("user_code_hash", LargeBinary, nullable=False, unique=True),
    Column("client_id", Text, ForeignKey("clients.client_id"), nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("resource", Text),
    Column("details", LargeBinary),
    Column("device_name", Text),
    Column("status", Text, nullable=False),  # pending | approved | denied | consumed
    Column("subject_id", Uuid, ForeignKey("subjects.id")),
    Column("auth_time", InstantType),
    Column("acr", Text),
    Column("interval_s", Integer, nullable=False),
    Column("polled_at", InstantType),
    Column("created_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
    Index(None, "expires_at"),
    Index(None, "subject_id"),
)

APPEND_ONLY: Final = ("catalogues", "decisions", "staged_entries", "outbox", "served_events")
"""Tables that the serving role may read and insert into, and that triggers keep from changing."""
