"""Record what a person chose: judged by the core, durable, then spoken of under signature.

In one transaction: the idempotency row, the decision (and what its signals and its lifts add), the
projection, the subject's version, the staged ledger entries, the outbox rows, the token rows.
Decisions of different subjects that come at the same time share the transaction (see
``record_together``); what is answered is the same.
"""

from functools import partial

import msgspec

from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.idempotency import Repeatable
from consentid.flows.issue_token import PreparedToken, sign_token
from consentid.flows.judge_answer import Answer, Withdrawal
from consentid.flows.note_read import note_read
from consentid.flows.read_buffer import ReadKind
from consentid.flows.record_together import Recording, record_together
from consentid.flows.show_state import PurposeState
from consentid.flows.write_receipt import sign_receipt
from consentid.telemetry.tracing import step
from consentid.tokens.receipt import Receipt


class DecisionOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a decision."""

    decision: str
    """Its id in the caller's sector.  22 characters."""
    recorded_at: str
    state: tuple[PurposeState, ...]
    ask: tuple[str, ...]
    """What is missing still at the caller's brand or partner."""
    receipt: Receipt
    consistency: str
    consent_token: str | None = None


@step("record_decision")
async def record_decision(
    context: Context, caller: Caller, answer: Answer, request: Repeatable
) -> DecisionOut:
    """Record an answer to a notice.

    Raises:
        MalformedError, ForbiddenError, ConflictError: see ``core.admission.admit``; and the
            served-notice id, the notice or the idempotency key is not what it should be.
        UnauthenticatedError: the subject was erased.
        UnavailableError: the database cannot be reached.
    """
    return await _record(context, caller, answer, request)


@step("withdraw")
async def withdraw(
    context: Context, caller: Caller, withdrawal: Withdrawal, request: Repeatable
) -> DecisionOut:
    """Record a withdrawal: a refusal that answers no notice.

    Raises:
        MalformedError, ForbiddenError: see ``core.admission.admit``.
        UnauthenticatedError: the subject was erased.
        UnavailableError: the database cannot be reached.
    """
    return await _record(context, caller, withdrawal, request)


async def _record(
    context: Context, caller: Caller, asked: Answer | Withdrawal, request: Repeatable
) -> DecisionOut:
    subject = caller.require_subject()
    kept = await context.recording.join(
        Recording(caller=caller, subject=subject, asked=asked, request=request),
        partial(record_together, context),
        alone=partial(record_together, context, is_patient=True),
        apart=(subject, request.key),
    )
    # Committed: only now may it be signed and spoken of; and whoever is told of it has read it.
    told = ReadKind.STATE if kept.claims is None else ReadKind.TOKEN
    note_read(context, subject, caller.client.client_id, told)
    return DecisionOut(
        decision=kept.decision,
        recorded_at=kept.recorded_at,
        state=kept.state,
        ask=kept.ask,
        receipt=sign_receipt(context, kept.receipt),
        consistency=kept.consistency,
        consent_token=None
        if kept.claims is None
        else sign_token(context, PreparedToken(claims=kept.claims)),
    )
