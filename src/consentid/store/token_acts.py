"""What a token request leaves: the tokens handed out, and the link's code that they are for.

One statement, however many they are.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import Instant, to_datetime
from consentid.store import tables
from consentid.store.access_tokens import AccessToken
from consentid.store.arrays import fetch, parameters
from consentid.store.refresh_tokens import RefreshToken

_ACCESS: Final = (
    *("token_hash", "client_id", "subject_id", "device_id", "scopes", "family", "rests_on"),
    *("issued_at", "expires_at"),
)
_REFRESH: Final = (
    *("token_hash", "family", "client_id", "subject_id", "device_id", "session_id", "scopes"),
    *("resource", "auth_time", "acr", "details", "rests_on", "issued_at", "expires_at"),
    *("family_expires_at", "sealed_name"),
)
_USE: Final = """
UPDATE hand_offs SET used_at = clock_timestamp()
WHERE code_hash = ${first} AND used_at IS NULL RETURNING code_hash
"""


async def write(
    connection: AsyncConnection,
    access: AccessToken,
    refresh: RefreshToken | None = None,
    *,
    link_hash: bytes | None = None,
) -> bool:
    """Keep the hashes of new tokens, and use the code of a link up, once.

    False where somebody else did, or it has ended meanwhile: then the caller rolls back.  The
    instant kept of its use is that of this very statement: make it the transaction's last.
    """
    given = [*_access_row(access)]
    if refresh is not None:
        given += _refresh_row(refresh)
    if link_hash is not None:
        given.append(link_hash)
    statement = _statement(has_refresh=refresh is not None, has_link=link_hash is not None)
    used = await fetch(connection, statement, *given)
    return link_hash is None or len(used) == 1


@cache
def _statement(*, has_refresh: bool, has_link: bool) -> str:
    texts, first = [_insert(tables.access_tokens, _ACCESS, first=1)], 1 + len(_ACCESS)
    if has_refresh:
        texts.append(_insert(tables.refresh_tokens, _REFRESH, first=first))
        first += len(_REFRESH)
    if has_link:
        texts.append(_USE.format(first=first))
    *before, last = texts
    parts = ", ".join(f"part_{number} AS ({text})" for number, text in enumerate(before))
    return f"WITH {parts} {last}" if parts else last


def _insert(table: Table, columns: Sequence[str], *, first: int) -> str:
    given = parameters(table, columns, first=first)
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({given})"  # noqa: S608 - our own names


def _access_row(token: AccessToken) -> tuple[object, ...]:
    return (
        token.token_hash,
        token.client_id,
        token.subject,
        token.device,
        sorted(token.scopes),
        token.family,
        token.rests_on,
        to_datetime(token.issued_at),
        to_datetime(token.expires_at),
    )


def _refresh_row(token: RefreshToken) -> tuple[object, ...]:
    return (
        token.token_hash,
        token.family,
        token.client_id,
        token.subject,
        token.device,
        token.session_id,
        sorted(token.scopes),
        token.resource,
        _moment(token.auth_time),
        token.acr,
        token.details,
        token.rests_on,
        to_datetime(token.issued_at),
        to_datetime(token.expires_at),
        to_datetime(token.family_expires_at),
        token.sealed_name,
    )


def _moment(instant: Instant | None) -> object:
    return None if instant is None else to_datetime(instant)
