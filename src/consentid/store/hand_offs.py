"""Hand-off codes in links between brands: 60 seconds, one use, stored hashed.

Redeeming is one statement, so that of any number at once one wins.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.core.party import Slug
from consentid.kit.instants import Instant
from consentid.store.tables import hand_offs


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """What a code stands for."""

    code_hash: bytes
    client_id: str
    """Whose page made it."""
    subject: SubjectId
    origin: str
    """The page that made it, and that has to be the one the visitor comes from."""
    target: str
    """The origin that it is for."""
    target_brand: Slug
    """Whose withdrawal ends it; for the hub as target, the brand whose page it was."""
    family: UUID
    """What tokens that come of this code have in common."""
    session_id: UUID | None = None
    """The hub session that an account is handed on in; None for a device."""
    issued_at: Instant
    expires_at: Instant
    used_at: Instant | None = None


def _hand_off(row: Row[Any]) -> HandOff:
    return HandOff(
        code_hash=row.code_hash,
        client_id=row.client_id,
        subject=SubjectId(row.subject_id),
        origin=row.origin,
        target=row.target,
        target_brand=Slug(row.target_brand),
        family=row.family,
        session_id=row.session_id,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )


async def add(connection: AsyncConnection, code: HandOff) -> None:
    """Keep a new code's hash."""
    await connection.execute(
        insert(hand_offs).values(
            code_hash=code.code_hash,
            client_id=code.client_id,
            subject_id=code.subject,
            origin=code.origin,
            target=code.target,
            target_brand=code.target_brand,
            family=code.family,
            session_id=code.session_id,
            issued_at=code.issued_at,
            expires_at=code.expires_at,
        )
    )


async def find(connection: AsyncConnection, code_hash: bytes) -> HandOff | None:
    """The code with this hash, used and expired ones too."""
    row = (
        await connection.execute(select(hand_offs).where(hand_offs.c.code_hash == code_hash))
    ).one_or_none()
    return None if row is None else _hand_off(row)


async def use(connection: AsyncConnection, code_hash: bytes) -> bool:
    """Use a code up, once; false where somebody else did, or it has ended meanwhile.

    The instant kept is that of this very statement: make it the transaction's last.
    """
    used = await connection.execute(
        update(hand_offs)
        .where(
            hand_offs.c.code_hash == code_hash,
            hand_offs.c.used_at.is_(None),
        )
        .values(used_at=func.clock_timestamp())
    )
    return used.rowcount == 1


async def delete_expired(connection: AsyncConnection, *, before: Instant) -> int:
    """Forget codes that ended before an instant; returns how many.

    Until then a used code that comes again is recognised.
    """
    gone = await connection.execute(delete(hand_offs).where(hand_offs.c.expires_at < before))
    return gone.rowcount
