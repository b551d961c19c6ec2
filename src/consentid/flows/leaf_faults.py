"""Hold a leaf of the log against its form, and against what it speaks of."""

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.encoding import decode
from consentid.core.decision import CatalogueVersion
from consentid.flows.open_log import continuation_commitment
from consentid.flows.restrict_subject import request_commitment
from consentid.kit.instants import Instant
from consentid.ledger.leaf import VERSION, Kind, encode_leaf, origin_of
from consentid.store import catalogues, entry_bodies, erasure_audit, ledger_audit
from consentid.store.ledger import EntryRow, LogRow
from consentid.store.ledger_audit import CommittedRow

_HASH: Final = 32


class _Leaf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    v: int
    kind: Kind
    id: UUID
    time: int
    origin: str
    commitment: str


_leaf_decoder: Final = msgspec.json.Decoder(_Leaf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What leaves are held against, beside what each speaks of by its id."""

    origins: frozenset[str] | None
    """The logs' names, and those that were to be: what is staged before a log's first worker comes
    bears the name of then.  None where any will do.
    """
    catalogues: Mapping[bytes, Instant]
    """When each was applied, by its digest."""
    continued: frozenset[bytes]
    brought: set[bytes] = field(default_factory=set)
    """The catalogues that leaves were found to speak of."""


async def read_known(connection: AsyncConnection, logs: Sequence[LogRow]) -> Known:
    """What the leaves of these logs are held against."""
    return Known(
        origins=frozenset(each.origin for each in logs) | await _named(connection),
        catalogues=await ledger_audit.catalogue_times(connection),
        continued=frozenset(
            continuation_commitment(each.continues) for each in logs if each.continues
        ),
    )


async def _named(connection: AsyncConnection) -> frozenset[str]:
    """What each version of the configuration would have the log called."""
    newest = await catalogues.newest_version(connection) or 0
    found: set[str] = set()
    for number in range(1, newest + 1):
        row = await catalogues.find(connection, CatalogueVersion(number))
        with contextlib.suppress(ValueError):  # another check tells of what cannot be read
            if row is not None:
                found.add(origin_of(decode(row.body).group.issuer))
    return frozenset(found)


async def spoken_of(
    connection: AsyncConnection, ids: Sequence[UUID]
) -> Mapping[UUID, CommittedRow]:
    """What these events committed to: decisions, erasures and requests for them, other bodies."""
    found = dict(await ledger_audit.committed(connection, ids))
    for body in await entry_bodies.by_ids(connection, ids):
        found[body.event_id] = CommittedRow(
            commitment=body.commitment, recorded_at=body.recorded_at, kind=body.kind
        )
    for each in await erasure_audit.requested(connection, ids):
        found[each.id] = CommittedRow(
            commitment=request_commitment(each), recorded_at=each.restricted_at, kind=Kind.REQUEST
        )
    for done in await erasure_audit.shredded_by(connection, ids):
        found[done.event_id] = CommittedRow(
            commitment=hashlib.sha256(done.record).digest(),
            recorded_at=done.shredded_at,
            kind=Kind.ERASE,
        )
    return found


def leaf_fault(entry: EntryRow, committed: CommittedRow | None, known: Known) -> str | None:
    """What is wrong with a leaf, or with what it is about."""
    try:
        leaf = _leaf_decoder.decode(entry.leaf)
        commitment = bytes.fromhex(leaf.commitment)
        again = encode_leaf(
            kind=leaf.kind,
            event_id=leaf.id,
            at=Instant(leaf.time),
            origin=leaf.origin,
            commitment=commitment,
        )
    except ValueError:
        return "it is no leaf"
    if leaf.v != VERSION or again != entry.leaf or len(commitment) != _HASH:
        return "it is no leaf in canonical form"
    if (leaf.id, leaf.kind) != (entry.event_id, entry.kind):
        return "it is stored as another event's"
    if known.origins is not None and leaf.origin not in known.origins:
        return f"it is of another log ({leaf.origin})"
    return _subject_fault(leaf, commitment, committed, known)


def _subject_fault(
    leaf: _Leaf, commitment: bytes, committed: CommittedRow | None, known: Known
) -> str | None:
    match leaf.kind:
        case Kind.DECISION | Kind.SIGNAL | Kind.CLAIM:
            return _record_fault(leaf, "decision", commitment, committed)
        case Kind.REQUEST | Kind.ERASE:
            return _record_fault(leaf, "erasure", commitment, committed)
        case Kind.CATALOGUE:
            return _catalogue_fault(leaf, commitment, known)
        case Kind.ADMIN if commitment in known.continued:
            return None
        case _:
            return _record_fault(leaf, "body", commitment, committed)


def _catalogue_fault(leaf: _Leaf, commitment: bytes, known: Known) -> str | None:
    applied_at = known.catalogues.get(commitment)
    if applied_at is None:
        return "its catalogue is not there"
    known.brought.add(commitment)
    return None if applied_at == leaf.time else "its catalogue is of another time"


def _record_fault(
    leaf: _Leaf, what: str, commitment: bytes, row: CommittedRow | None
) -> str | None:
    if row is None:
        return f"its {what} {leaf.id} is not there"
    if row.commitment != commitment:
        return f"{what} {leaf.id} is not what was committed to"
    if (leaf.kind, leaf.time) != (row.kind, row.recorded_at):
        return f"{what} {leaf.id} is of another kind or time"
    return None
