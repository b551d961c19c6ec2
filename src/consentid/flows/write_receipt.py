"""The subject's copy of a decision: what was recorded, with the opening of its commitment.

Whoever holds the receipt can recompute the commitment that the ledger carries, and check who
signed it.  Spec: ISO/IEC TS 27560 section 7 (receipt).
"""

from typing import Any, Final

import msgspec

from consentid.brandbook.book import Book
from consentid.core.catalogue import Purpose, Terms, find_terms
from consentid.core.decision import Choice, Decision, DecisionId, Outcome
from consentid.core.party import Party, Reach
from consentid.core.purpose import LegalBasis, PurposeId
from consentid.core.record import to_record
from consentid.core.resolution import State
from consentid.flows.append_decisions import encode_entry
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject
from consentid.flows.show_state import public_decision_id
from consentid.keyring import wrapping
from consentid.kit import canonical
from consentid.kit.instants import to_rfc3339
from consentid.store.acts import NewDecision
from consentid.tokens import receipt
from consentid.tokens.pairwise import pairwise_decision_id
from consentid.tokens.receipt import SCHEMA, Receipt

_OWN_SECTOR: Final = "hub"
"""No party's: theirs have a kind and a slash."""


def write_receipt(
    context: Context,
    book: Book,
    party: Party | None,
    subject: OpenSubject,
    decision: Decision,
    *,
    entry: bytes | None = None,
    then: Book | None = None,
    new: NewDecision | None = None,
) -> Receipt:
    """Write a receipt for whoever handed the decision in; None: for the person, at the hub.

    ``entry`` is the leaf as it was staged and ``then`` the configuration that was in force, where
    that was earlier; ``new`` is what is just being written of it, where that is now.  It is
    unsigned: the transaction may not have committed yet.
    """
    if new is not None:
        record, salt, commitment, entry = new.record, new.salt, new.commitment, new.leaf
    else:
        record = to_record(decision)
        salt = wrapping.commitment_salt(subject.key, decision.id.bytes)
        commitment = wrapping.commitment(salt, canonical.encode(record))
    leaf: dict[str, Any] = msgspec.json.decode(
        entry or encode_entry(context, book, decision, commitment)
    )
    return Receipt(
        schema=SCHEMA,
        issuer=book.group.issuer,
        decision=own_decision_id(context, decision.id)
        if party is None
        else public_decision_id(context, party, decision.id),
        recorded_at=to_rfc3339(decision.recorded_at),
        controllers=_controllers(then or book, decision),
        purposes=[_meaning(then or book, decision, choice) for choice in decision.choices],
        record=record,
        salt=salt.hex(),
        commitment=commitment.hex(),
        log=leaf["origin"],
        leaf=leaf,
    )


def sign_receipt(context: Context, written: Receipt) -> Receipt:
    """Sign what was written.  Call it after the commit, never before."""
    key = context.keyring.active("consent")
    signing_input = receipt.unsigned(written, key.kid)
    signature = receipt.assemble(signing_input, key.sign(signing_input))
    return msgspec.structs.replace(written, signature=signature)


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


def _meaning(book: Book, decision: Decision, choice: Choice) -> dict[str, str]:
    basis = _basis(book, decision.reach, choice.purpose)
    meaning: dict[str, str] = {"purpose": choice.purpose}
    if basis is not None:
        meaning["basis"] = basis
    if basis in {None, LegalBasis.CONSENT}:  # of all at once, too, there is no consent any more
        meaning["status"] = _status(decision, choice)
    return meaning


def _basis(book: Book, reach: Reach, purpose: PurposeId) -> LegalBasis | None:
    held: Terms | Purpose | None = (
        book.catalogue.purposes.get(purpose)
        if reach is None
        else find_terms(book.catalogue, reach, purpose)
    )
    return None if held is None else held.basis


def _status(decision: Decision, choice: Choice) -> State:
    if choice.outcome is Outcome.GRANTED:
        return State.GIVEN
    # Nobody was asked anything, and no browser spoke: the person came to take it back.
    is_withdrawal = decision.notice is None and decision.signal is None
    return State.WITHDRAWN if is_withdrawal else State.REFUSED
