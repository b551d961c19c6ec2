"""The receipt of a decision made earlier, with the proof that it is in the log, once it is."""

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.decision import CatalogueVersion, Decision
from consentid.core.party import Party
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context, read_book
from consentid.flows.note_read import note_read
from consentid.flows.open_decision import Unreadable, try_decision
from consentid.flows.open_subject import OpenSubject
from consentid.flows.read_buffer import ReadKind
from consentid.flows.session import open_session
from consentid.flows.show_ledger import find_proof
from consentid.flows.show_state import public_decision_id
from consentid.flows.write_receipt import sign_receipt, write_receipt
from consentid.kit.errors import NotFoundError
from consentid.ledger import bundle
from consentid.store import clients, decisions, ledger
from consentid.tokens.receipt import Receipt


async def complete_receipt(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    subject: OpenSubject,
    decision: Decision,
    *,
    party: Party | None,
) -> Receipt:
    """Write, prove and sign a receipt again; ``party`` as for ``write_receipt``.

    Raises:
        UnavailableError: something of the log is missing.
    """
    leaves = await ledger.find_leaves(connection, [decision.id])
    proof = await find_proof(context, connection, decision.id)
    written = write_receipt(
        context,
        book,
        party,
        subject,
        decision,
        entry=leaves.get(decision.id),
        then=await read_book(connection, CatalogueVersion(decision.catalogue)),
    )
    return msgspec.structs.replace(
        sign_receipt(context, written), proof=None if proof is None else bundle.encode(proof)
    )


async def show_receipt(context: Context, caller: Caller, *, unverified_decision: str) -> Receipt:
    """The receipt of a decision that one of the caller's own clients handed in, completed.

    Raises:
        ForbiddenError: the caller's token names no subject.
        NotFoundError: it is no decision of this subject's that was recorded there.
        UnreadableError: its record cannot be read.
        UnauthenticatedError: the subject was erased.
        UnavailableError: something of the log is missing.
    """
    subject_id = caller.require_subject()
    party = caller.client.party
    async with context.database.reading() as connection:
        book = await context.book(connection)
        session = await open_session(context, connection, subject=subject_id, device=None)
        ids = await decisions.ids_of_subject(connection, subject_id)
        found = next(
            (id_ for id_ in ids if public_decision_id(context, party, id_) == unverified_decision),
            None,
        )
        row = None if found is None else await decisions.find(connection, subject_id, found)
        if row is None:
            raise _unknown()
        decision = try_decision(session.subject.key, subject_id, row)
        if isinstance(decision, Unreadable):
            raise decision.error(f"decision {unverified_decision}")  # as the caller knows it
        taker = await clients.find_ever(connection, decision.actor)
        if taker is None or taker.party != party:
            raise _unknown()  # the receipt tells all of a decision
        receipt = await complete_receipt(
            context, connection, book, session.subject, decision, party=party
        )
    note_read(context, subject_id, caller.client.client_id, ReadKind.HISTORY)
    return receipt


def _unknown() -> NotFoundError:
    return NotFoundError(
        "decision_unknown", "No client of yours handed in such a decision.", where="decision"
    )
