"""Who of the staff is signed in, and what they are called: names are sealed."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant
from consentid.store.tables import staff_members, staff_sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffSessionRow:
    """One session."""

    hash: bytes
    who: bytes
    roles: frozenset[str]
    created_at: Instant
    expires_at: Instant


async def note_member(
    connection: AsyncConnection, who: bytes, sealed_name: bytes | None, *, at: Instant
) -> None:
    """Remember what somebody is called, as of now."""
    values = {"sealed_name": sealed_name, "seen_at": at}
    await connection.execute(
        upsert(staff_members)
        .values(who=who, **values)
        .on_conflict_do_update(index_elements=["who"], set_=values)
    )


async def names(connection: AsyncConnection) -> Mapping[bytes, bytes]:
    """Everybody's sealed name, by who they are."""
    statement = select(staff_members).where(staff_members.c.sealed_name.is_not(None))
    return {row.who: row.sealed_name for row in await connection.execute(statement)}


async def add_session(connection: AsyncConnection, row: StaffSessionRow) -> None:
    """Begin a session that ends at an instant, whatever is done in it."""
    await connection.execute(
        insert(staff_sessions).values(
            hash=row.hash,
            who=row.who,
            roles=sorted(row.roles),
            created_at=row.created_at,
            expires_at=row.expires_at,
        )
    )


async def find_session(
    connection: AsyncConnection, session_hash: bytes, *, at: Instant
) -> tuple[StaffSessionRow, bytes | None] | None:
    """A session that goes on, and the sealed name of whose it is."""
    statement = (
        select(staff_sessions, staff_members.c.sealed_name)
        .join_from(
            staff_sessions,
            staff_members,
            staff_members.c.who == staff_sessions.c.who,
            isouter=True,
        )
        .where(staff_sessions.c.hash == session_hash, staff_sessions.c.expires_at > at)
    )
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return None
    session = StaffSessionRow(
        hash=row.hash,
        who=row.who,
        roles=frozenset(row.roles),
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
    return session, row.sealed_name


async def end_session(connection: AsyncConnection, session_hash: bytes) -> None:
    """End a session now."""
    await connection.execute(delete(staff_sessions).where(staff_sessions.c.hash == session_hash))


async def delete_expired(
    connection: AsyncConnection, *, before: Instant, seen_before: Instant
) -> int:
    """Remove sessions that have ended, and names of who was not seen for long; how many rows."""
    sessions = delete(staff_sessions).where(staff_sessions.c.expires_at <= before)
    members = delete(staff_members).where(staff_members.c.seen_at <= seen_before)
    return sum([(await connection.execute(each)).rowcount for each in (sessions, members)])
