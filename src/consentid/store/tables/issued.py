"""What was issued: access tokens and the standing of consent tokens."""

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
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from consentid.store.tables.metadata import InstantType, metadata

access_tokens: Final = Table(
    "access_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("client_id", Text, ForeignKey("clients.client_id"), nullable=False),
    Column("subject_id", Uuid, ForeignKey("subjects.id")),
    Column("device_id", Uuid, ForeignKey("subjects.id")),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("family", Uuid),
    # The purposes of its authorization details: without one of them it ends.
    Column("rests_on", ARRAY(Text)),
    Column("issued_at", InstantType, nullable=False),
    Column("expires_at", InstantType, nullable=False),
    Index(None, "expires_at"),
    Index(None, "family"),
    Index(None, "subject_id"),
    Index(None, "device_id"),
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
    # Where tokens still point that were issued before the row moved to another list.
    Column("former_list_no", Integer),
    Column("former_idx", Integer),
    # The version that the row was last brought in step with; an older one is work to do.
    Column("catalogue", Integer, nullable=False),
    Index(None, "catalogue", "subject_id"),
    # Whom a brand or partner has met, in an order of its own that tells nothing of another's.
    Index(
        "audience_states_met_ix",
        text("split_part(audience, ' ', 1)"),
        text("(md5(split_part(audience, ' ', 1) || subject_id::text)::uuid)"),
        "subject_id",
    ),
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
    # From then on no token is issued that points into it; later none does that still lives.
    Column("leaving_at", InstantType),
    Column("left_at", InstantType),
    Index(
        "status_lists_leaving_ix",
        "list_no",
        postgresql_where="leaving_at IS NOT NULL",
    ),
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
