"""What the portal must not forget: sessions, codes, access tokens, and sign-outs still to be told.

It keeps a schema of its own in the demo's PostgreSQL, apart from the hub's tables.  Whatever a
browser or a client holds lies here as a hash.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Table,
    Text,
    delete,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

_SCHEMA: Final = "halcyon_id"
_metadata: Final = MetaData(schema=_SCHEMA)

_sessions: Final = Table(
    "sessions",
    _metadata,
    Column("sid", Text, primary_key=True),
    Column("cookie_hash", LargeBinary, nullable=False, unique=True),
    Column("sub", Text, nullable=False),
    Column("auth_time", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
_visited: Final = Table(
    "visited",
    _metadata,
    Column("sid", Text, ForeignKey(_sessions.c.sid, ondelete="CASCADE"), primary_key=True),
    Column("client_id", Text, primary_key=True),
)
_codes: Final = Table(
    "codes",
    _metadata,
    Column("code_hash", LargeBinary, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("code_challenge", Text, nullable=False),
    Column("nonce", Text),
    Column("sub", Text, nullable=False),
    Column("sid", Text, nullable=False),
    Column("auth_time", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
_accesses: Final = Table(
    "accesses",
    _metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("sub", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
_farewells: Final = Table(
    "farewells",
    _metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("sub", Text, nullable=False),
    Column("sid", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalSession:
    """Somebody is signed in, in one browser.  Times in Unix seconds."""

    sid: str
    sub: str
    auth_time: int
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalCode:
    """What an authorization code stands for."""

    client_id: str
    redirect_uri: str
    code_challenge: str
    nonce: str | None
    sub: str
    sid: str
    auth_time: int
    expires_at: int

    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        """As Authlib asks for it."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """As Authlib asks for it: there is one scope."""
        return "openid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Farewell:
    """A client is to be told that a session has ended."""

    id: int
    client_id: str
    sub: str
    sid: str
    attempts: int


async def found_store(owner_url: str, *, serving_role: str) -> None:
    """Make schema and tables where they are missing, and let the serving role use them."""
    engine = create_async_engine(owner_url)
    role = serving_role.replace('"', '""')
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {_SCHEMA}"))
            await connection.run_sync(_metadata.create_all)
            await connection.execute(text(f'GRANT USAGE ON SCHEMA {_SCHEMA} TO "{role}"'))
            rights = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES"
            await connection.execute(text(f'GRANT {rights} IN SCHEMA {_SCHEMA} TO "{role}"'))
    finally:
        await engine.dispose()


def hashed(secret: str) -> bytes:
    """How what others hold is kept.  It has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


async def open_session(connection: AsyncConnection, session: PortalSession, cookie: str) -> None:
    """Begin a session."""
    await connection.execute(
        insert(_sessions).values(
            sid=session.sid,
            cookie_hash=hashed(cookie),
            sub=session.sub,
            auth_time=session.auth_time,
            expires_at=session.expires_at,
        )
    )


async def find_session(
    connection: AsyncConnection, cookie: str | None, *, now_s: int
) -> PortalSession | None:
    """The session that a cookie opens."""
    if cookie is None:
        return None
    row = (
        await connection.execute(
            select(_sessions).where(
                _sessions.c.cookie_hash == hashed(cookie), _sessions.c.expires_at > now_s
            )
        )
    ).one_or_none()
    return None if row is None else _session(row)


async def end_session(connection: AsyncConnection, sid: str, *, now_s: int) -> None:
    """End a session, its codes too, and remember whom to tell."""
    await connection.execute(delete(_codes).where(_codes.c.sid == sid))
    visited = await connection.execute(
        select(_sessions.c.sub, _visited.c.client_id)
        .join(_visited, _visited.c.sid == _sessions.c.sid)
        .where(_sessions.c.sid == sid)
    )
    for row in visited.all():
        await connection.execute(
            insert(_farewells).values(
                client_id=row.client_id, sub=row.sub, sid=sid, attempts=0, due_at=now_s
            )
        )
    await connection.execute(delete(_sessions).where(_sessions.c.sid == sid))


async def add_code(connection: AsyncConnection, code: str, meant: PortalCode) -> None:
    """Keep a new code, and that its client has seen the session."""
    await connection.execute(
        insert(_codes).values(
            code_hash=hashed(code),
            client_id=meant.client_id,
            redirect_uri=meant.redirect_uri,
            code_challenge=meant.code_challenge,
            nonce=meant.nonce,
            sub=meant.sub,
            sid=meant.sid,
            auth_time=meant.auth_time,
            expires_at=meant.expires_at,
        )
    )
    await connection.execute(
        insert(_visited).values(sid=meant.sid, client_id=meant.client_id).on_conflict_do_nothing()
    )


async def take_code(
    connection: AsyncConnection, code: str, *, client_id: str, now_s: int
) -> PortalCode | None:
    """Use a code up; another client's stays."""
    statement = (
        delete(_codes)
        .where(_codes.c.code_hash == hashed(code), _codes.c.client_id == client_id)
        .returning(_codes)
    )
    row = (await connection.execute(statement)).one_or_none()
    if row is None or row.expires_at <= now_s:
        return None
    return PortalCode(
        client_id=row.client_id,
        redirect_uri=row.redirect_uri,
        code_challenge=row.code_challenge,
        nonce=row.nonce,
        sub=row.sub,
        sid=row.sid,
        auth_time=row.auth_time,
        expires_at=row.expires_at,
    )


async def add_access(connection: AsyncConnection, token: str, *, sub: str, expires_at: int) -> None:
    """Keep an access token."""
    await connection.execute(
        insert(_accesses).values(token_hash=hashed(token), sub=sub, expires_at=expires_at)
    )


async def find_access(connection: AsyncConnection, token: str, *, now_s: int) -> str | None:
    """The ``sub`` that an access token speaks for."""
    return await connection.scalar(
        select(_accesses.c.sub).where(
            _accesses.c.token_hash == hashed(token), _accesses.c.expires_at > now_s
        )
    )


async def due_farewells(connection: AsyncConnection, *, now_s: int) -> list[Farewell]:
    """Whom to tell now.  The caller holds the rows until it has said how it went."""
    rows = await connection.execute(
        select(_farewells)
        .where(_farewells.c.due_at <= now_s)
        .order_by(_farewells.c.id)
        .limit(20)
        .with_for_update(skip_locked=True)
    )
    return [
        Farewell(
            id=row.id, client_id=row.client_id, sub=row.sub, sid=row.sid, attempts=row.attempts
        )
        for row in rows
    ]


async def forget_farewell(connection: AsyncConnection, farewell: Farewell) -> None:
    """It was heard, or there is no use in saying it again."""
    await connection.execute(delete(_farewells).where(_farewells.c.id == farewell.id))


async def postpone_farewell(
    connection: AsyncConnection, farewell: Farewell, *, due_at: int
) -> None:
    """It was not heard: say it again later."""
    await connection.execute(
        update(_farewells)
        .where(_farewells.c.id == farewell.id)
        .values(attempts=farewell.attempts + 1, due_at=due_at)
    )


async def forget_expired(connection: AsyncConnection, *, now_s: int) -> None:
    """Remove what is past its time."""
    for table in (_sessions, _codes, _accesses):
        await connection.execute(delete(table).where(table.c.expires_at <= now_s))


def _session(row: Row[Any]) -> PortalSession:
    return PortalSession(
        sid=row.sid, sub=row.sub, auth_time=row.auth_time, expires_at=row.expires_at
    )
