"""Tables that nobody may change, or that serving does not write: what holds of it, for the doctor.

What stands here is what the migrations leave behind; a test holds a new database against it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

GUARDED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "catalogues": "",
        "decisions": "INSERT",
        "entry_bodies": "INSERT",
        "erased_decisions": "",
        "erasures": "INSERT",
        "ledger_checkpoints": "INSERT",
        "ledger_entries": "INSERT",
        "ledger_logs": "INSERT",
        "ledger_tiles": "INSERT",
        "ledger_trees": "INSERT",
        "notice_pictures": "INSERT",
        "outbox": "INSERT DELETE",
        "revoked_keys": "",
        "served_events": "INSERT",
        "served_notices": "INSERT",
        "staged_entries": "INSERT DELETE",
    }
)
"""Tables with the trigger ``append_only``, and what the serving role may do beside reading."""
UNGUARDED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "alembic_version": "",
        "client_secrets": "",
        "clients": "",
        "devices": "INSERT UPDATE",
        "known_subjects": "INSERT UPDATE",
        "operator_codes": "DELETE",
        "record_forms": "",
        "subject_keys": "INSERT",
        "subjects": "INSERT UPDATE",
    }
)
"""The same of tables that the owner alone writes, or that rows never leave but by an erasure."""

_HELD: Final = text(
    """
    SELECT name, NOT is_guarded OR tgenabled IS NOT NULL AS is_there,
           NOT is_guarded OR coalesce(
             tgenabled = 'A'
               OR tgenabled = 'O' AND current_setting('session_replication_role') <> 'replica',
             false) AS is_on,
           array(SELECT privilege
                   FROM unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER'])
                          AS privilege
                  WHERE privilege <> ALL (string_to_array(granted, ' '))
                    AND CASE WHEN privilege IN ('INSERT', 'UPDATE')
                             THEN has_any_column_privilege(pg_class.oid, privilege)
                             ELSE has_table_privilege(pg_class.oid, privilege) END) AS may
      FROM unnest(CAST(:names AS text[]), CAST(:granted AS text[]), CAST(:guarded AS boolean[]))
             AS told (name, granted, is_guarded)
      JOIN pg_class ON relname = name AND relnamespace = current_schema()::regnamespace
      LEFT JOIN pg_trigger ON tgrelid = pg_class.oid AND tgname = 'append_only'
     ORDER BY name
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A table that nobody may change, or that only some may write to."""

    table: str
    is_there: bool
    is_on: bool
    """Whether its trigger keeps this connection from changing it, where it is to have one."""
    may: Sequence[str]
    """What the role that asks is let do all the same."""


async def guards(connection: AsyncConnection) -> Sequence[Guard]:
    """Every such table, as it holds for the role of this connection."""
    told = [*GUARDED.items(), *UNGUARDED.items()]
    given = {
        "names": [name for name, _ in told],
        "granted": [granted for _, granted in told],
        "guarded": [name in GUARDED for name, _ in told],
    }
    return [
        Guard(table=row.name, is_there=row.is_there, is_on=row.is_on, may=row.may)
        for row in await connection.execute(_HELD, given)
    ]
