"""What operators apply: catalogues, clients, which keys are revoked, what a release may write."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from consentid.store.tables.metadata import InstantType, metadata

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

revoked_keys: Final = Table(
    "revoked_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    # From then on somebody else may have signed with it.
    Column("stolen_at", InstantType, nullable=False),
    Column("revoked_at", InstantType, nullable=False),
)

record_forms: Final = Table(
    "record_forms",
    metadata,
    # Every release that may run reads it; see ``core.record``.
    Column("form", SmallInteger, primary_key=True, autoincrement=False),
)
