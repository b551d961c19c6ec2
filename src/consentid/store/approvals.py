"""Codes that are addressed to a person: which of them wait, and how many.

Several of one address lie behind each other: only the oldest few are shown, so that nobody can
bury a person in questions, and of each address the oldest first, so that no brand or partner buries
what another asks.  An address from which the person was wrongly called, as they said, is
heard no more for a day.  Spec: OpenID CIBA Core 1.0.
"""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.kit.instants import DAY, Instant
from consentid.store.device_codes import DeviceCode, DeviceCodeStatus, code_of
from consentid.store.tables import device_codes

QUIET_D: Final = 1
"""How long an address is heard no more that was reported.  Ended codes are kept as long."""


async def find_open(
    connection: AsyncConnection, addresses: Collection[bytes], *, now: Instant, most: int
) -> Sequence[DeviceCode]:
    """The oldest that wait at some addresses, in turns, none of those that were reported lately."""
    codes, reported = device_codes, device_codes.alias("reported")
    is_reported = (
        select(reported.c.device_code_hash)
        .where(
            reported.c.addressee == codes.c.addressee,
            reported.c.reported_at > Instant(now - QUIET_D * DAY),
        )
        .exists()
    )
    age = codes.c.created_at, codes.c.device_code_hash
    turn = func.row_number().over(partition_by=codes.c.addressee, order_by=age)
    rows = await connection.execute(
        select(codes)
        .where(
            codes.c.addressee.in_(addresses),
            codes.c.status == DeviceCodeStatus.PENDING,
            codes.c.expires_at > now,
            ~is_reported,
        )
        .order_by(turn, *age)
        .limit(most)
    )
    return [code_of(row) for row in rows]


async def asked_since(
    connection: AsyncConnection, addressee: bytes, *, since: Instant
) -> Sequence[DeviceCode]:
    """What was asked at an address since an instant, whatever came of it, the oldest first."""
    rows = await connection.execute(
        select(device_codes)
        .where(device_codes.c.addressee == addressee, device_codes.c.created_at > since)
        .order_by(device_codes.c.created_at)
    )
    return [code_of(row) for row in rows]
