"""Recompute every projection from the full history, and compare it byte for byte.

Along the way each body is opened and its commitment recomputed, so a record that was changed,
exchanged or lost is found too, and so is a column beside it that says otherwise.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core import projection, projection_form
from consentid.core.capture import CaptureId
from consentid.core.decision import Decision, ServedId, Showing, SubjectId
from consentid.core.record import from_record
from consentid.flows.append_decisions import BODY
from consentid.flows.context import Context
from consentid.flows.open_aside import open_set_aside
from consentid.flows.open_subject import OpenSubject, unseal
from consentid.flows.stage_entry import open_own
from consentid.flows.verify_captures import Said, capture_faults
from consentid.flows.verify_links import link_faults
from consentid.keyring import wrapping
from consentid.kit.errors import UnreadableError
from consentid.store import (
    captures,
    decisions,
    entry_bodies,
    erasures,
    restricted,
    served,
    subject_audit,
    subjects,
)
from consentid.store.decisions import DecisionRow
from consentid.store.engine import Database
from consentid.store.entry_bodies import BodyRow
from consentid.store.served import ServedNotice
from consentid.store.subject_audit import LinkRow
from consentid.store.subjects import SubjectRow

PAGE: Final = 256
"""Subjects that are read at once: what is read of each takes a few statements for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found of one subject."""

    subject: SubjectId
    decisions: int
    faults: tuple[str, ...]
    """Empty where all is well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """What is stored of some subjects, at one moment."""

    rows: Mapping[SubjectId, SubjectRow]
    there: frozenset[SubjectId]
    decisions: Mapping[SubjectId, Sequence[DecisionRow]]
    in_clear: Mapping[UUID, Mapping[str, Any]]
    handed_out: Mapping[ServedId, ServedNotice]
    showings: Mapping[ServedId, Showing]
    bodies: Mapping[SubjectId, Sequence[BodyRow]]
    captures: Mapping[SubjectId, Sequence[CaptureId]]
    links: Mapping[SubjectId, Sequence[LinkRow]]


async def verify_projections(
    context: Context, *, apart: Database | None = None
) -> AsyncIterator[Checked]:
    """Check every subject that is not erased, a page of them in one snapshot.

    ``apart`` is the database as a role that may look at whoever was set aside: of them no
    projection is kept, and the bodies are checked.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    async with context.database.reading() as connection:
        everyone = await subjects.every_id(connection)
    if apart is not None:
        async with context.database.reading() as connection:
            waiting = {each.subject for each in await erasures.pending(connection)}
        async with apart.reading() as beside:
            everyone += sorted(waiting.union(await restricted.every_id(beside)))
    for first in range(0, len(everyone), PAGE):
        ids = everyone[first : first + PAGE]
        async with context.database.reading() as connection:
            page = await _read(connection, ids)
            found = [await _check(context, connection, page, each, apart) for each in ids]
        for checked in found:
            if checked is not None:
                yield checked


async def _read(connection: AsyncConnection, ids: Sequence[SubjectId]) -> _Page:
    return _Page(
        rows=await subjects.by_ids(connection, ids),
        there=await subject_audit.those_there(connection, ids),
        decisions=await decisions.of_subjects(connection, ids),
        in_clear=await subject_audit.in_clear(connection, ids),
        handed_out=await served.of_subjects(connection, ids),
        showings=await served.showings_of_subjects(connection, ids),
        bodies=await entry_bodies.of_subjects(connection, ids),
        captures=await captures.ids_of_subjects(connection, ids),
        links=await subject_audit.links(connection, ids),
    )


async def _check(
    context: Context,
    connection: AsyncConnection,
    page: _Page,
    id_: SubjectId,
    apart: Database | None,
) -> Checked | None:
    try:
        row = page.rows.get(id_)
        subject = await open_set_aside(context, id_, apart) if row is None else unseal(context, row)
    except UnreadableError as error:
        fault = f"the stored projection cannot be opened: {error.message}"
        return Checked(subject=id_, decisions=0, faults=(fault,))
    if subject is None:
        if id_ in page.there:
            fault = "its key or its projection is gone, and nobody asked for its erasure"
        elif apart is not None and await _is_waiting(context, id_):
            fault = "it is set aside for proof, and its key is gone before the time"
        else:
            return None  # set aside or destroyed since it was listed
        return Checked(subject=id_, decisions=0, faults=(fault,))
    history, faults = _open_history(page, subject)
    said, more = _open_bodies(page, subject)
    faults += more
    faults += await capture_faults(
        context, connection, subject, said, stored=page.captures.get(id_, [])
    )
    if id_ not in page.there:
        return Checked(subject=id_, decisions=len(history), faults=tuple(faults))
    faults += await link_faults(connection, subject, said, page.links.get(id_, []))
    recomputed = projection_form.encode(projection.project(history))
    if recomputed != projection_form.encode(subject.projection):
        faults.append("the stored projection is not that of the history")
    count = len(page.decisions.get(id_, []))
    if subject.version != count:
        faults.append(f"version {subject.version} after {count} decisions")
    return Checked(subject=id_, decisions=count, faults=tuple(faults))


async def _is_waiting(context: Context, id_: SubjectId) -> bool:
    """Whether somebody waits to be destroyed, in a snapshot of its own: it may be done by now."""
    async with context.database.reading() as connection:
        return await erasures.find_of(connection, id_) is not None


def _open_history(page: _Page, subject: OpenSubject) -> tuple[list[Decision], list[str]]:
    """The history as far as it can be opened, and what is wrong with it."""
    faults: list[str] = []
    history: list[Decision] = []
    for row in page.decisions.get(subject.id, []):
        found = _open(subject, row)
        if isinstance(found, str):
            faults.append(f"decision {row.id}: {found}")
            continue
        history.append(found)
        of_notice = (_served_fault(found, page.handed_out), _showing_fault(found, page.showings))
        faults += [f"decision {row.id}: {fault}" for fault in of_notice if fault is not None]
        if others := _others(page.in_clear[row.id], found):
            faults.append(f"decision {row.id}: {others} beside its body is not what the body says")
    return history, faults


def _open_bodies(page: _Page, subject: OpenSubject) -> tuple[list[Said], list[str]]:
    """What else is sealed, and what is wrong with it."""
    faults: list[str] = []
    said: list[Said] = []
    for body in page.bodies.get(subject.id, []):
        try:
            said.append(Said(kind=body.kind, body=msgspec.json.decode(open_own(subject.key, body))))
        except UnreadableError as error:
            faults.append(f"{body.kind} {body.event_id}: {error.message}")
    return said, faults


def _open(subject: OpenSubject, row: DecisionRow) -> Decision | str:
    try:
        body = wrapping.open_sealed(subject.key, row.sealed, aad=BODY + row.id.bytes)
    except UnreadableError as error:
        return f"its body cannot be opened: {error.message}"
    salt = wrapping.commitment_salt(subject.key, row.id.bytes)
    if wrapping.commitment(salt, body) != row.commitment:
        return "its body is not what was committed to"
    try:
        return from_record(msgspec.json.decode(body), subject=subject.id)
    except (ValueError, LookupError, TypeError):
        return "its body is in a form that this release cannot read"


def _served_fault(decision: Decision, handed_out: Mapping[ServedId, ServedNotice]) -> str | None:
    """In what the text that was handed out is another than the record says."""
    said = decision.notice
    if decision.served is None or said is None:
        return None
    row = handed_out.get(decision.served)
    if row is None:
        return "the notice that was served is not there"
    stored = (row.notice_id, row.version, row.language, row.digest, row.catalogue)
    if stored != (said.id, said.version, said.language, said.digest, decision.catalogue):
        return "the notice that was served is not what the record says"
    return None


def _showing_fault(decision: Decision, showings: Mapping[ServedId, Showing]) -> str | None:
    """In what it was shown otherwise than the record says; it may be told after the answer."""
    if decision.served is None or decision.showing is None:
        return None
    if decision.served not in showings:
        return "how the notice was shown is not there"
    if showings[decision.served] != decision.showing:
        return "how the notice was shown is not what the record says"
    return None


def _others(in_clear: Mapping[str, Any], decision: Decision) -> str:
    """The columns that say otherwise than the record."""
    said = {
        "recorded_at": decision.recorded_at,
        "early": decision.interval.early,
        "late": decision.interval.late,
        "clock_unproven": decision.clock_unproven,
        "catalogue": decision.catalogue,
        "client_id": decision.actor,
        "assurance": decision.assurance,
        "channel": decision.channel,
        "served": decision.served,
        "signal": decision.signal,
        "adopted_from": decision.adopted_from,
    }
    return ", ".join(name for name, value in said.items() if in_clear[name] != value)
