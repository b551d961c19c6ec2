"""All that proves a decision to an outsider: what a court or an authority is handed.

Each file stands for itself, in the very bytes that were hashed, so whoever checks it needs no
canonical form and no word of ours.  What is told goes no further than the subject's own decisions.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import CatalogueVersion, Decision, DecisionId, ServedId, SubjectId
from consentid.core.record import to_record
from consentid.flows.complete_receipt import complete_receipt
from consentid.flows.context import Context, read_book
from consentid.flows.note_export import Taker, note_proof
from consentid.flows.open_aside import open_anyhow
from consentid.flows.open_decision import Unreadable, try_decision
from consentid.flows.open_subject import OpenSubject
from consentid.flows.portal_identity import identity_hash
from consentid.flows.show_ledger import find_proof
from consentid.keyring import wrapping
from consentid.kit import canonical
from consentid.kit.errors import GoneError, NotFoundError, UnavailableError
from consentid.kit.instants import to_rfc3339
from consentid.ledger import bundle
from consentid.store import (
    catalogues,
    decisions,
    entry_bodies,
    ledger,
    pictures,
    restricted,
    served,
    subjects,
)
from consentid.store.engine import Database
from consentid.tokens import receipt_context

_NOBODY: Final = SubjectId(UUID(int=0))
PORTAL: Final = "portal:"
"""Before a person's ``sub`` at the customer portal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Files that belong together."""

    folder: str
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What is to be proven: some decisions of one subject, oldest first."""

    subject: SubjectId
    decisions: tuple[DecisionId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What cannot be proven, since its record cannot be read."""

    decision: str
    why: str


class _EventOut(msgspec.Struct, frozen=True, kw_only=True):
    event: str
    at: str
    layout: str | None


class _ServedOut(msgspec.Struct, frozen=True, kw_only=True):
    """How a notice was shown; ``layout`` is the SHA-256 of how it was laid out."""

    served: str
    client: str
    notice: str
    version: int
    language: str
    digest: str
    catalogue: int
    events: list[_EventOut]


async def find_named(
    context: Context, unverified_name: str, *, apart: Database | None = None
) -> Named:
    """A decision or a subject by its id, or a person by ``portal:`` and their ``sub`` there.

    ``apart`` is the database as a role that may look at whoever was set aside.

    Raises:
        NotFoundError: there is none, or nothing was decided.
        UnavailableError: the database cannot be reached.
    """
    async with context.database.reading() as connection:
        subject, decision = await _resolve(context, connection, unverified_name, apart)
        # Of nobody, too: how long it takes tells nothing.
        ids = await decisions.ids_of_subject(connection, subject or _NOBODY)
    if decision is not None and subject is not None:
        return Named(subject=subject, decisions=(decision,))
    if subject is None or not ids:
        raise NotFoundError("nothing_named", "no decision and no subject has this name")
    return Named(subject=subject, decisions=tuple(reversed(ids)))


async def find_whose(context: Context, unverified_name: str, *, apart: Database | None) -> Named:
    """The same for who may not even learn who there was: whoever is gone was never there.

    Raises:
        NotFoundError: there is none, nothing was decided, or nobody may look at it here.
        UnavailableError: the database cannot be reached.
    """
    try:
        named = await find_named(context, unverified_name, apart=apart)
    except NotFoundError:
        named = Named(subject=_NOBODY, decisions=())
    async with context.database.reading() as connection:
        whose = await open_anyhow(context, connection, named.subject, apart)
    if whose is None:
        raise NotFoundError(
            "evidence_unknown",
            "There is no such decision, subject or person here: names are exact.",
            where="name",
        )
    return named


async def prove_decisions(
    context: Context, named: Named, *, taker: Taker, apart: Database | None = None
) -> AsyncIterator[Evidence | Missing]:
    """Decision by decision, each catalogue version and each picture once, and the keys.

    ``apart`` as above; that ``taker`` took it is noted before anything is told.  One that cannot be
    read is named, and the others are proven all the same.

    Raises:
        GoneError: the subject was erased, or set aside and we may not look at it.
        UnreadableError: none of them can be read.
        UnavailableError: a decision is not in the log yet, or something is missing.
    """
    async with context.database.reading() as connection:
        whose = await open_anyhow(context, connection, named.subject, apart)
        late = await ledger.unpublished(connection, named.decisions)
    if whose is None:
        raise _gone()
    if late:
        raise _waiting(f"decision {late[0]}")
    await note_proof(context, whose, named.decisions, taker)
    told = set[int]()
    shown = set[bytes]()
    unreadable = list[Unreadable]()
    for id_ in named.decisions:
        async with context.database.reading() as connection:
            subject = await open_anyhow(context, connection, named.subject, apart)
            row = await decisions.find(connection, named.subject, id_)
            if subject is None or row is None:
                raise _gone()
            decision = try_decision(subject.key, subject.id, row)
            if isinstance(decision, Unreadable):
                unreadable.append(decision)
                yield Missing(decision=str(decision.id), why=decision.why)
                continue
            if decision.catalogue not in told:
                told.add(decision.catalogue)
                yield await _catalogue(context, connection, CatalogueVersion(decision.catalogue))
            yield await _decision(context, connection, subject, decision)
            if decision.notice is not None and decision.notice.digest not in shown:
                shown.add(decision.notice.digest)
                async for picture in _pictures(context, connection, decision.notice.digest):
                    yield picture
    if len(unreadable) == len(named.decisions):
        raise unreadable[0].error()
    async with context.database.reading() as connection:
        logs = await ledger.every_log(connection)
        book = await context.book(connection)
    meaning = msgspec.json.encode(receipt_context.context(book.group.issuer, book.brands))
    yield Evidence(
        folder="meaning", files={"receipt.jsonld": msgspec.json.format(meaning, indent=2)}
    )
    yield Evidence(
        folder="keys",
        files={
            "log-keys.txt": "".join(f"{log.key}\n" for log in reversed(logs)).encode(),
            "jwks.json": msgspec.json.encode(context.keyring.public_jwks()),
        },
    )


async def _resolve(
    context: Context, connection: AsyncConnection, unverified_name: str, apart: Database | None
) -> tuple[SubjectId | None, DecisionId | None]:
    if unverified_name.startswith(PORTAL):
        portal = (await context.book(connection)).group.portal
        sub = unverified_name.removeprefix(PORTAL)
        hash_ = identity_hash(context, issuer=portal.issuer, sub=sub)
        found = await subjects.find_known(connection, hash_)
        if found is None and apart is not None:
            async with apart.reading() as beside:
                found = await restricted.find_known(beside, hash_)
        return found, None
    try:
        id_ = UUID(unverified_name)
    except ValueError:
        return None, None
    subject = await decisions.find_subject(connection, id_)
    return (SubjectId(id_), None) if subject is None else (subject, DecisionId(id_))


async def _decision(
    context: Context,
    connection: AsyncConnection,
    subject: OpenSubject,
    decision: Decision,
) -> Evidence:
    id_ = decision.id
    book = await read_book(connection, CatalogueVersion(decision.catalogue))
    receipt = await complete_receipt(
        context, connection, await context.book(connection), subject, decision, party=None
    )
    leaves = await ledger.find_leaves(connection, [id_])
    if receipt.proof is None or id_ not in leaves:
        raise _waiting(f"decision {id_}")
    files = {
        "record.json": canonical.encode(to_record(decision)),
        "salt.txt": f"{wrapping.commitment_salt(subject.key, id_.bytes).hex()}\n".encode(),
        "leaf.json": leaves[id_],
        "proof.txt": receipt.proof.encode(),
        "receipt.json": msgspec.json.format(msgspec.json.encode(receipt), indent=2),
    }
    if decision.notice is not None:
        for (slug, language), notice in book.notices.items():
            if slug == decision.notice.id:
                files[f"notice/{language}.json"] = canonical.encode(notice.canonical_text())
    if decision.served is not None:
        shown = await _shown(connection, decision.served)
        if shown is not None:
            files["shown.json"] = msgspec.json.format(msgspec.json.encode(shown), indent=2)
    return Evidence(folder=f"decisions/{id_}", files=files)


async def _shown(connection: AsyncConnection, served_id: ServedId) -> _ServedOut | None:
    found = await served.find(connection, served_id)
    if found is None:
        return None
    return _ServedOut(
        served=str(found.id),
        client=found.client_id,
        notice=found.notice_id,
        version=found.version,
        language=found.language,
        digest=found.digest.hex(),
        catalogue=found.catalogue,
        events=[
            _EventOut(
                event=each.event,
                at=to_rfc3339(each.at),
                layout=None if each.layout is None else each.layout.hex(),
            )
            for each in await served.events_of(connection, served_id)
        ],
    )


async def _pictures(
    context: Context, connection: AsyncConnection, notice: bytes
) -> AsyncIterator[Evidence]:
    """The pictures of a text, where there are any, each with its entry."""
    for row in await pictures.of_notice(connection, notice):
        what = f"picture {row.event_id}"
        leaves = await ledger.find_leaves(connection, [row.event_id])
        bodies = await entry_bodies.by_ids(connection, [row.event_id])
        proof = await find_proof(context, connection, row.event_id)
        if proof is None or not leaves or not bodies:
            raise _waiting(what)
        yield Evidence(
            folder=f"pictures/{row.event_id}",
            files={
                "picture.png": row.image,
                "body.json": bodies[0].body,
                "leaf.json": leaves[row.event_id],
                "proof.txt": bundle.encode(proof).encode(),
            },
        )


async def _catalogue(
    context: Context, connection: AsyncConnection, version: CatalogueVersion
) -> Evidence:
    what = f"catalogue version {version}"
    row = await catalogues.find(connection, version)
    if row is None:
        raise UnavailableError("catalogue_missing", f"{what} is missing", retry_after_s=60)
    entry = await ledger.find_catalogue(connection, row.digest)
    proof = None if entry is None else await find_proof(context, connection, entry[0])
    if entry is None or proof is None:
        raise _waiting(what)
    return Evidence(
        folder=f"catalogues/{version}",
        files={
            "catalogue.json": row.body,
            "leaf.json": entry[1],
            "proof.txt": bundle.encode(proof).encode(),
        },
    )


def _gone() -> GoneError:
    return GoneError(
        "subject_erased", "the subject was erased, or is set aside where this role does not reach"
    )


def _waiting(what: str) -> UnavailableError:
    return UnavailableError(
        "entry_waiting",
        f"{what} is not in the published log yet: does a worker run?",
        retry_after_s=1,
    )
