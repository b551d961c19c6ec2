"""Recompute every projection from the full history, and compare it byte for byte.

Along the way each body is opened and its commitment recomputed, so a record that was changed,
exchanged or lost is found too.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core import projection
from consentid.core.decision import Decision, SubjectId
from consentid.core.record import from_record
from consentid.flows.append_decisions import BODY
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject, open_subject
from consentid.keyring import wrapping
from consentid.kit.errors import MalformedError
from consentid.store import decisions, subjects


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found of one subject."""

    subject: SubjectId
    decisions: int
    faults: tuple[str, ...]
    """Empty where all is well."""


async def verify_projections(context: Context) -> AsyncIterator[Checked]:
    """Check every subject that is not erased, each in a snapshot of its own.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with context.database.reading() as connection:
        everyone = await subjects.every_id(connection)
    for subject_id in everyone:
        async with context.database.reading() as connection:
            checked = await _check(context, connection, subject_id)
        if checked is not None:
            yield checked


async def _check(
    context: Context, connection: AsyncConnection, subject_id: SubjectId
) -> Checked | None:
    try:
        subject = await open_subject(context, connection, subject_id)
    except MalformedError as error:
        return Checked(
            subject=subject_id,
            decisions=0,
            faults=(f"the stored projection cannot be opened: {error.message}",),
        )
    if subject is None:
        if await subjects.find_version(connection, subject_id) is None:
            return None  # set aside since it was listed
        fault = "its key is gone, and nobody asked for its erasure"
        return Checked(subject=subject_id, decisions=0, faults=(fault,))
    faults: list[str] = []
    history: list[Decision] = []
    rows = await decisions.of_subject(connection, subject_id)
    for row in rows:
        found = _open(subject, row)
        if isinstance(found, str):
            faults.append(f"decision {row.id}: {found}")
        else:
            history.append(found)
    recomputed = projection.encode(projection.project(history))
    if recomputed != projection.encode(subject.projection):
        faults.append("the stored projection is not that of the history")
    if subject.version != len(rows):
        faults.append(f"version {subject.version} after {len(rows)} decisions")
    return Checked(subject=subject_id, decisions=len(rows), faults=tuple(faults))


def _open(subject: OpenSubject, row: decisions.DecisionRow) -> Decision | str:
    try:
        body = wrapping.open_sealed(subject.key, row.sealed, aad=BODY + row.id.bytes)
    except MalformedError as error:
        return f"its body cannot be opened: {error.message}"
    salt = wrapping.commitment_salt(subject.key, row.id.bytes)
    if wrapping.commitment(salt, body) != row.commitment:
        return "its body is not what was committed to"
    return from_record(msgspec.json.decode(body), subject=subject.id)
