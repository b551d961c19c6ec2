"""Hold checkpoints that somebody kept against the log, and demand witnesses of the last one."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.context import Context
from consentid.flows.ledger_copy import read_copy
from consentid.flows.open_log import root_at
from consentid.flows.verify_ledger import Fault
from consentid.keyring.ledger_key import load_ledger_key
from consentid.kit.errors import MalformedError, NotFoundError
from consentid.ledger import cosignature, note
from consentid.ledger.checkpoint import open_checkpoint
from consentid.ledger.cosignature import Policy
from consentid.store import ledger
from consentid.store.ledger import LogRow

_LOOKS: Final = 20
_LOOK_S: Final = 0.1


async def verify_heads(
    context: Context, kept: Mapping[str, bytes], *, policy: Policy | None = None
) -> list[Fault]:
    """Check notes by what they are called, beside the copy outside and the log's key.

    A policy is demanded of each note that was given, or else of the last checkpoint.

    Raises:
        UnavailableError: the database or the copy cannot be reached, or something is missing.
    """
    async with context.database.reading() as connection:
        logs = await ledger.every_log(connection)
        found = _key_faults(context, logs[-1]) if logs else []
        notes = dict(kept)
        if policy is not None and not notes and logs:
            published = await ledger.newest_checkpoint(connection, logs[-1].log_no)
            if published is not None:
                notes["the last checkpoint"] = published.note.encode()
        if policy is not None and not notes:
            found.append(_fault(None, None, "nothing was published that witnesses could sign"))
        for name, unverified in notes.items():
            found += await _faults(connection, logs, name, unverified, policy)
        if context.settings.ledger_copy is not None:
            copy = await read_copy(context.settings.ledger_copy)
            if copy is None:
                found.append(_fault(None, None, "the copy outside is not there"))
            else:
                found += await _faults(connection, logs, "the copy outside", copy, None)
    return [*found, *await _unpublished(context, logs)]


async def _unpublished(context: Context, logs: Sequence[LogRow]) -> list[Fault]:
    """The last size of the log that grows, where nobody publishes it: a worker would at once."""
    if not logs:
        return []
    size: int | None = None
    for _ in range(_LOOKS):
        async with context.database.reading() as connection:
            tree = await ledger.newest_tree(connection, logs[-1].log_no)
            published = await ledger.newest_checkpoint(connection, logs[-1].log_no)
        if tree is None or (published is not None and published.size >= (size or tree.size)):
            return []
        size = size or tree.size
        await asyncio.sleep(_LOOK_S)
    return [_fault(logs[-1].origin, size, "it is missing, and nobody publishes it")]


async def _faults(
    connection: AsyncConnection,
    logs: Sequence[LogRow],
    name: str,
    unverified: bytes,
    policy: Policy | None,
) -> list[Fault]:
    try:
        origin = note.parse_note(unverified).text.partition("\n")[0]
        log = next((each for each in logs if each.origin == origin), None)
        if log is None:
            return [_fault(None, None, f"{name} is of no log of ours ({origin})")]
        checkpoint, signed = open_checkpoint(
            unverified, origin=origin, keys=[note.parse_key(log.key)]
        )
        if policy is not None:
            cosignature.demand(signed, policy)
    except MalformedError as error:
        return [_fault(None, None, f"{name}: {error.message}")]
    tree = await ledger.newest_tree(connection, log.log_no)
    size = checkpoint.size
    if tree is None or size > tree.size:
        return [_fault(origin, size, f"{name} is of more entries than the log has")]
    if await root_at(connection, log.log_no, size) != checkpoint.root:
        return [_fault(origin, size, f"{name} says otherwise of the first {size} entries")]
    return []


def _key_faults(context: Context, log: LogRow) -> list[Fault]:
    try:
        key = load_ledger_key(context.settings.keys_dir)
        if note.parse_key(log.key).public == key.public:
            return []
    except NotFoundError:
        return []  # whoever audits need not have it
    except MalformedError as error:
        return [Fault(log=log.origin, kind="log", index=None, message=error.message)]
    return [Fault(log=log.origin, kind="log", index=None, message="its key is not ledger.key")]


def _fault(log: str | None, size: int | None, message: str) -> Fault:
    return Fault(log=log, kind="checkpoint", index=size, message=message)
