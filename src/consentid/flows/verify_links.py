"""Hold which devices an account is said to be used on against what the log says of it.

Who is signed in on a device is asked what the account decided there, so a link that nobody made
would let one person answer for another.
"""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.flows.open_subject import OpenSubject
from consentid.flows.told import open_told
from consentid.flows.verify_captures import Said
from consentid.kit.errors import UnreadableError
from consentid.kit.ids import made_at
from consentid.kit.instants import Instant
from consentid.ledger.leaf import Kind
from consentid.store import ledger_audit, subject_audit
from consentid.store.subject_audit import LinkRow

_SAID_WITH_LINKS: Final = (Kind.LINK, Kind.KEY)
"""What releases that say links say; keys within a minute of the first one's start."""


async def link_faults(
    connection: AsyncConnection,
    account: OpenSubject,
    said: Iterable[Said],
    stored: Sequence[LinkRow],
) -> list[str]:
    """What is wrong with an account's links that are ``stored``.

    ``said`` is all that the log says, oldest first.
    """
    linked: dict[SubjectId, Instant] = {}
    for each in said:
        if each.kind == Kind.LINK:
            linked[SubjectId(UUID(each.body["device"]))] = each.body["at"]
        elif each.kind == Kind.UNLINK:
            linked.pop(SubjectId(UUID(each.body["device"])), None)
    faults: list[str] = []
    for row in stored:
        since = linked.get(row.device)
        if since is None and await _is_older(connection, account, row):
            since = row.since
        fault = _fault(account, row, since)
        if fault is not None:
            faults.append(f"device {row.device}: {fault}")
    # A device that is forgotten takes its links along, and its own entry says so.
    missing = await subject_audit.those_there(
        connection, linked.keys() - {row.device for row in stored}
    )
    return [*faults, *(f"device {id_}: its link is missing" for id_ in sorted(missing))]


async def _is_older(connection: AsyncConnection, account: OpenSubject, row: LinkRow) -> bool:
    """Whether the log said nothing of links yet: the first release linked, and it did not."""
    began = await ledger_audit.first_time(connection, _SAID_WITH_LINKS)
    return began is None or made_at(account.id) <= row.since < began


def _fault(account: OpenSubject, row: LinkRow, since: Instant | None) -> str | None:
    if since is None:
        return "it is linked, and the log does not say so"
    if row.since != since:
        return "it is linked since another time than the log says"
    try:
        open_told(account, row.device, row.sealed_told)
    except UnreadableError as error:
        return f"what was told there cannot be opened: {error.message}"
    return None
