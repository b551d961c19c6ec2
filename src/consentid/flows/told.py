"""What was told of an account on a device: kept with the two, sealed under the account's key."""

from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.contradiction import Contradiction
from consentid.core.decision import SubjectId
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject, seal_for
from consentid.keyring import wrapping
from consentid.store import subjects

_TOLD: Final = b"told/1\0"


def open_told(
    account: OpenSubject, device: SubjectId, sealed: bytes | None
) -> tuple[Contradiction, ...]:
    """What was told before of an account on a device."""
    if sealed is None:
        return ()
    body = wrapping.open_sealed(account.key, sealed, aad=_label(account.id, device))
    return msgspec.json.decode(body, type=tuple[Contradiction, ...])


async def keep_told(
    context: Context,
    connection: AsyncConnection,
    account: OpenSubject,
    device: SubjectId,
    *,
    told: tuple[Contradiction, ...],
    new: tuple[Contradiction, ...],
) -> None:
    """Keep what is told now, in the place of what was told of the same purpose there before."""
    again = {(each.party, each.purpose) for each in new}
    others = (each for each in told if (each.party, each.purpose) not in again)
    await subjects.save_told(
        connection,
        account=account.id,
        device=device,
        sealed=seal_for(
            context,
            account.key,
            msgspec.json.encode((*others, *new)),
            aad=_label(account.id, device),
        ),
    )


def _label(account: SubjectId, device: SubjectId) -> bytes:
    return _TOLD + account.bytes + device.bytes
