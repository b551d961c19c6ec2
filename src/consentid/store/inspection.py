"""What a database says of itself and of the role that asks: for who looks whether it is safe."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.store.turns import Duty

_SERVER: Final = text(
    """
    SELECT current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'
             AS is_durable,
           pg_is_in_recovery() AS is_standby,
           extract(epoch FROM clock_timestamp()) AS now_s
    """
)
_ROLE: Final = text(
    """
    SELECT rolname AS name, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,
           array(SELECT other.rolname::text FROM pg_roles AS other
                  WHERE other.rolname <> current_user
                    AND pg_has_role(current_user, other.oid, 'MEMBER')
                    AND other.rolname NOT IN ('pg_monitor', 'pg_read_all_settings',
                                              'pg_read_all_stats', 'pg_stat_scan_tables')
                    AND NOT own.rolsuper ORDER BY 1) AS member_of,
           has_database_privilege(current_database(), 'CREATE')
             OR has_schema_privilege(current_schema(), 'CREATE') AS may_create,
           array(SELECT relname::text FROM pg_class
                  WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
                    AND relowner = own.oid ORDER BY 1) AS owned
      FROM pg_roles AS own WHERE rolname = current_user
    """
)
_REPLICAS: Final = text(
    """
    SELECT coalesce(nullif(application_name, ''), 'pid ' || pid) AS name, state,
           -- One that says nothing any more is as late as its last word is old.
           extract(epoch FROM CASE WHEN late_bytes > 0
                                   THEN greatest(replay_lag, clock_timestamp() - reply_time)
                                   ELSE replay_lag END) AS late_s,
           late_bytes
      FROM pg_stat_replication,
           LATERAL (SELECT CASE WHEN NOT pg_is_in_recovery()
                                THEN pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)
                           END AS late_bytes) AS counted
     ORDER BY 1
    """
)
_IDLE_SLOTS: Final = text("SELECT slot_name::text FROM pg_replication_slots WHERE NOT active")
_HOLDER: Final = text(
    """
    SELECT EXISTS (
      SELECT FROM pg_locks
       WHERE locktype = 'advisory' AND granted AND objsubid = 1
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND (classid::bigint << 32) | objid::bigint = hashtext(:lock)::bigint)
    """
)
_OLDEST_LIST: Final = text(
    """
    SELECT extract(epoch FROM clock_timestamp() - min(coalesce(signed_at, created_at)))
      FROM status_lists WHERE left_at IS NULL
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The server as a whole."""

    is_durable: bool
    is_standby: bool
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Who asks, and what they may."""

    name: str
    powers: Sequence[str]
    """Attributes that reach beyond one database's tables."""
    member_of: Sequence[str]
    may_create: bool
    owned: Sequence[str]
    """Tables that are the role's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A server that follows this one."""

    name: str
    is_hidden: bool
    """Whether the role that asks may not see how far it has come."""
    late_s: float | None
    """None where it is idle, or does not say."""
    late_bytes: int | None


async def server(connection: AsyncConnection) -> Server:
    """The server, now."""
    row = (await connection.execute(_SERVER)).one()
    return Server(is_durable=row.is_durable, is_standby=row.is_standby, now_s=float(row.now_s))


async def role(connection: AsyncConnection) -> Role:
    """The role of this connection."""
    row = (await connection.execute(_ROLE)).one()
    powers = {
        "SUPERUSER": row.rolsuper,
        "CREATEROLE": row.rolcreaterole,
        "CREATEDB": row.rolcreatedb,
        "REPLICATION": row.rolreplication,
        "BYPASSRLS": row.rolbypassrls,
    }
    return Role(
        name=row.name,
        powers=[name for name, has in powers.items() if has],
        member_of=row.member_of,
        may_create=row.may_create,
        owned=row.owned,
    )


async def replicas(connection: AsyncConnection) -> Sequence[Replica]:
    """Who follows this server."""
    return [
        Replica(
            name=row.name,
            is_hidden=row.state is None,
            late_s=None if row.late_s is None else float(row.late_s),
            late_bytes=None if row.late_bytes is None else int(row.late_bytes),
        )
        for row in await connection.execute(_REPLICAS)
    ]


async def idle_slots(connection: AsyncConnection) -> Sequence[str]:
    """Replication slots that nobody reads: the server keeps everything for them."""
    return list(await connection.scalars(_IDLE_SLOTS))


async def is_done_by_somebody(connection: AsyncConnection, duty: Duty) -> bool:
    """Whether some worker has its turn at a duty."""
    return bool(await connection.scalar(_HOLDER, {"lock": duty.lock}))


async def oldest_list_s(connection: AsyncConnection) -> float | None:
    """How long ago the status list was signed that waits longest; None: there is none."""
    found = await connection.scalar(_OLDEST_LIST)
    return None if found is None else float(found)
