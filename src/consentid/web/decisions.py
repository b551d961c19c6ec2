"""``/v1/decisions`` and ``/v1/withdrawals``: what a person chose."""

from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from litestar.middleware import DefineMiddleware
from litestar.params import JSONBody
from msgspec import Meta

from consentid.brandbook.client import Scope
from consentid.cache.limits import Limit
from consentid.core.decision import MAX_CHOICES, Choice, Outcome, SignalSource
from consentid.core.party import ReachKind
from consentid.core.purpose import PurposeId
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.idempotency import Repeatable
from consentid.flows.judge_answer import Answer, Withdrawal
from consentid.flows.note_signals import note_signals
from consentid.flows.record_decision import DecisionOut, record_decision, withdraw
from consentid.flows.show_catalogue import NoticeRefOut
from consentid.kit.errors import MalformedError
from consentid.web.callers import wall_clock_s
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.quick_decisions import QuickDecisions
from consentid.web.requests import (
    IdempotencyKey,
    is_global_privacy_control,
    repeatable_of,
)
from consentid.web.responses import WRITE_PROBLEMS
from consentid.web.words import Digest, PurposeText, Reference

_WRITES: Final = Limit(name="writes", most=6_000, window_s=60)
"""Of one subject: nobody chooses a hundred times a second."""


class ChoiceIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A purpose and an outcome."""

    purpose: PurposeText
    outcome: Outcome


class NoticeIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The notice that was shown, as ``/v1/catalogue`` named it."""

    id: Annotated[str, Meta(max_length=64, pattern="^[a-z0-9-]+$")]
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    language: Annotated[str, Meta(max_length=16, pattern="^[A-Za-z][A-Za-z0-9-]+$")]
    digest: Digest


class DecisionIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person chose on a notice."""

    served: Reference
    notice: NoticeIn
    reach: ReachKind
    choices: Annotated[list[ChoiceIn], Meta(min_length=1, max_length=MAX_CHOICES)]
    signals: dict[SignalSource, bool] = {}
    """Signals that the browser sends now (true), or sends no longer (false)."""
    told_of_signal: bool = False
    """Whether the person was told that a signal is honoured, before granting."""
    prompted_by: Annotated[str, Meta(max_length=64, pattern=r"^[^\x00]*$")] | None = None


class WithdrawalIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person takes back: name purposes, or say ``"all": true``."""

    reach: ReachKind
    purposes: Annotated[list[PurposeText], Meta(max_length=MAX_CHOICES)] = []
    all: bool = False


async def _record(
    context: Context, caller: Caller, data: DecisionIn, request: Repeatable, *, gpc: bool = False
) -> DecisionOut:
    signals = dict(data.signals)
    if gpc:
        signals.setdefault(SignalSource.GPC, True)
    await context.limiter.check(_WRITES, str(caller.subject), now_s=wall_clock_s())
    return await record_decision(
        context,
        caller,
        Answer(
            served=data.served,
            notice=NoticeRefOut(
                id=data.notice.id,
                version=data.notice.version,
                language=data.notice.language,
                digest=data.notice.digest,
            ),
            reach=data.reach,
            choices=tuple(
                Choice(purpose=PurposeId(choice.purpose), outcome=choice.outcome)
                for choice in data.choices
            ),
            signals=signals,
            told_of_signal=data.told_of_signal,
            prompted_by=data.prompted_by,
        ),
        request,
    )


@post(
    "/v1/decisions",
    status_code=HTTPStatus.CREATED,
    guards=[bearer_guard],
    middleware=[DefineMiddleware(QuickDecisions, body=DecisionIn, record=_record)],
    opt={SCOPE: Scope.DECISIONS_WRITE, QUERY: frozenset[str]()},
    tags=["Decisions"],
    summary="Record what a person chose",
    responses=WRITE_PROBLEMS,
)
async def post_decision(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[DecisionIn],
    idempotency_key: IdempotencyKey,
) -> DecisionOut:
    """Record an answer to a notice: durable when answered, and once however often it is sent."""
    return await _record(
        context,
        caller,
        data,
        repeatable_of(request, context, caller, "decisions", idempotency_key),
        gpc=is_global_privacy_control(request),
    )


@post(
    "/v1/withdrawals",
    status_code=HTTPStatus.CREATED,
    guards=[bearer_guard],
    opt={SCOPE: Scope.DECISIONS_WRITE, QUERY: frozenset[str]()},
    tags=["Decisions"],
    summary="Withdraw purposes, or all",
    responses=WRITE_PROBLEMS,
)
async def post_withdrawal(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[WithdrawalIn],
    idempotency_key: IdempotencyKey,
) -> DecisionOut:
    """Withdraw for a reach.  A withdrawal is never refused for want of a notice."""
    if data.all == bool(data.purposes):
        raise MalformedError(
            "purposes_or_all", 'Name purposes, or say "all": true, not both.', where="purposes"
        )
    await context.limiter.check(_WRITES, str(caller.subject), now_s=wall_clock_s())
    if is_global_privacy_control(request):
        await note_signals(context, caller, [SignalSource.GPC])
    return await withdraw(
        context,
        caller,
        Withdrawal(
            reach=data.reach, purposes=tuple(PurposeId(purpose) for purpose in data.purposes)
        ),
        repeatable_of(request, context, caller, "withdrawals", idempotency_key),
    )
