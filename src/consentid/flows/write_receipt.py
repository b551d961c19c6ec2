"""The subject's copy of a decision: what was recorded, with the opening of its commitment.

Whoever holds the receipt can recompute the commitment that the ledger carries.
Spec: ISO/IEC TS 27560 section 7 (receipt).
"""

from typing import Any, Final

import msgspec

from consentid.brandbook.book import Book
from consentid.core.decision import Decision, DecisionId
from consentid.core.party import Party
from consentid.core.record import to_record
from consentid.flows.context import Context
from consentid.flows.log_origin import log_origin
from consentid.flows.open_subject import OpenSubject
from consentid.flows.show_state import public_decision_id
from consentid.keyring import wrapping
from consentid.kit import canonical
from consentid.kit.instants import to_rfc3339
from consentid.tokens.pairwise import pairwise_decision_id

SCHEMA: Final = "consentid/receipt/1"
_OWN_SECTOR: Final = "hub"
"""No party's: theirs have a kind and a slash."""


class ReceiptOut(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt.  ``record`` is hashed as canonical JSON (RFC 8785)."""

    schema: str
    issuer: str
    decision: str
    """The decision's id in the caller's sector."""
    recorded_at: str
    controllers: list[dict[str, str]]
    """The legal entities that answer for those the notice named."""
    record: dict[str, Any]
    salt: str
    """Hexadecimal, 32 bytes."""
    commitment: str
    """SHA-256(tag || salt || record).  Hexadecimal, 32 bytes."""
    log: str
    """The transparency log in which the commitment is staged."""


def write_receipt(
    context: Context, book: Book, party: Party | None, subject: OpenSubject, decision: Decision
) -> ReceiptOut:
    """Write a receipt for whoever handed the decision in; None: for the person, at the hub."""
    record = to_record(decision)
    salt = wrapping.commitment_salt(subject.key, decision.id.bytes)
    return ReceiptOut(
        schema=SCHEMA,
        issuer=book.group.issuer,
        decision=own_decision_id(context, decision.id)
        if party is None
        else public_decision_id(context, party, decision.id),
        recorded_at=to_rfc3339(decision.recorded_at),
        controllers=_controllers(book, decision),
        record=record,
        salt=salt.hex(),
        commitment=wrapping.commitment(salt, canonical.encode(record)).hex(),
        log=log_origin(context, book),
    )


def own_decision_id(context: Context, decision: DecisionId) -> str:
    """A decision's id as the person knows it at the hub: no brand's and no partner's.

    22 characters.
    """
    return pairwise_decision_id(context.keyring.pairwise, _OWN_SECTOR, decision.bytes)


def _controllers(book: Book, decision: Decision) -> list[dict[str, str]]:
    named = () if decision.notice is None else sorted(decision.notice.names)
    controllers: list[dict[str, str]] = []
    for each in named:
        profile = book.find_profile(each.party)
        name = profile.entity.name if profile is not None else str(each.entity)
        controllers.append({"party": str(each.party), "legal_entity": name})
    return controllers
