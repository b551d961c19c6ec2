"""Televisions that go by a person's choices: families of tokens that came of device codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import LargeBinary, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.kit.instants import Instant
from consentid.store.tables import clients, refresh_tokens

_TV: Final = "tv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """One television that is connected with a person."""

    family: UUID
    client_id: str
    paired_at: Instant
    seen_at: Instant
    """When it last renewed its tokens."""
    sealed_name: bytes | None
    """What it calls itself, under the subject's key."""


async def of_subject(
    connection: AsyncConnection, subject: SubjectId, *, now: Instant
) -> Sequence[Pairing]:
    """The televisions that still go by a person's choices, the latest first."""
    tokens = refresh_tokens.c
    lives = tokens.used_at.is_(None) & tokens.revoked_at.is_(None) & (tokens.expires_at > now)
    paired_at = func.min(tokens.issued_at).label("paired_at")
    rows = await connection.execute(
        select(
            tokens.family,
            tokens.client_id,
            paired_at,
            func.max(tokens.issued_at).label("seen_at"),
            func.array_agg(tokens.sealed_name, type_=ARRAY(LargeBinary))
            .filter(lives)[1]
            .label("sealed_name"),
        )
        .join(clients, clients.c.client_id == tokens.client_id)
        .where(tokens.subject_id == subject, clients.c.surface == _TV)
        .group_by(tokens.family, tokens.client_id)
        .having(func.bool_or(lives))
        .order_by(paired_at.desc(), tokens.family)
    )
    return [
        Pairing(
            family=row.family,
            client_id=row.client_id,
            paired_at=row.paired_at,
            seen_at=row.seen_at,
            sealed_name=row.sealed_name,
        )
        for row in rows
    ]
