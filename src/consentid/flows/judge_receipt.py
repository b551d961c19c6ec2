"""Check a receipt that somebody shows, with the keys that are ours; nothing of it is kept."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.decision import Decision, SubjectId
from consentid.core.record import from_record
from consentid.flows.context import Context
from consentid.flows.show_ledger import find_proof
from consentid.ledger import bundle, note
from consentid.store import ledger
from consentid.tokens.receipt import Receipt
from consentid.verify.receipts import Findings, Outcome, Trusted, check_receipt

_NOBODY = SubjectId(UUID(int=0))
"""A record names no subject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedReceipt:
    """How the checks went, and what the receipt speaks of where it holds."""

    book: Book
    findings: Findings
    decision: Decision | None


async def judge_receipt(context: Context, unverified: bytes) -> JudgedReceipt:
    """Check a receipt; where it has no proof yet, with the log's own.

    Raises:
        UnavailableError: the database cannot be reached, or something of the log is missing.
    """
    async with context.database.reading() as connection:
        book = await context.book(connection)
        trusted = Trusted(
            issuer=book.group.issuer,
            keys=context.keyring.verifying_keys(),
            logs=[note.parse_key(log.key) for log in await ledger.every_log(connection)],
        )
        found = check_receipt(unverified, trusted)
        if found.receipt is not None and found.proven is None and found.verdict is Outcome.HOLDS:
            proof = await _proof_of(context, connection, found.receipt)
            found = check_receipt(unverified, trusted, proof=proof)
    return JudgedReceipt(book=book, findings=found, decision=_decision(found))


async def _proof_of(context: Context, connection: AsyncConnection, receipt: Receipt) -> str | None:
    proof = await find_proof(context, connection, UUID(receipt.record["id"]))
    return None if proof is None else bundle.encode(proof)


def _decision(found: Findings) -> Decision | None:
    """What was decided, told of receipts only that we vouch for."""
    if found.receipt is None or found.verdict is not Outcome.HOLDS:
        return None
    try:
        return from_record(found.receipt.record, subject=_NOBODY)
    except ValueError:
        return None  # of a later release
