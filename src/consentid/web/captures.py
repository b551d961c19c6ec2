"""``/v1/captures``: what somebody else says that a person said, elsewhere than on our pages."""

from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec import Meta

from consentid.brandbook.client import Scope
from consentid.cache.limits import Limit
from consentid.core.capture import Evidence, EvidenceKind
from consentid.core.decision import MAX_CHOICES, Channel, Choice
from consentid.core.party import Party, PartyKind, Slug
from consentid.core.purpose import PurposeId
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.new_capture import Captured, Claimed, NewCapture
from consentid.flows.record_capture import record_capture
from consentid.flows.resolve_capture import resolve_capture
from consentid.flows.show_captures import (
    CaptureOut,
    CapturesOut,
    show_capture,
    show_captures,
    tell_capture,
)
from consentid.flows.show_catalogue import NoticeRefOut
from consentid.kit.errors import MalformedError, NotFoundError
from consentid.kit.instants import Instant, from_datetime
from consentid.web.callers import wall_clock_s
from consentid.web.decisions import ChoiceIn, NoticeIn
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.requests import IdempotencyKey, repeatable_of
from consentid.web.responses import FOUND_PROBLEMS, READ_PROBLEMS, WRITE_PROBLEMS
from consentid.web.words import MAX_REFERENCE, REFERENCE, Digest

PATH: Final = "/v1/captures"
_CAPTURES: Final = Limit(name="captures", most=2_000, window_s=60)
"""Of one client: far beyond what is held, so that what an operator does in a rage is kept."""
_READS: Final = Limit(name="capture_reads", most=6_000, window_s=60)
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2200
_NO_STORE: Final = {"Cache-Control": "no-store"}

_Word: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
_PartyText: TypeAlias = Annotated[
    str, Meta(max_length=64, pattern="^(brand|partner)/[a-z][a-z0-9-]*$", examples=["brand/news"])
]


class CaptureChannel(StrEnum):
    """Where a person can say something to somebody else."""

    PHONE = "phone"
    SHOP = "shop"
    PAPER = "paper"
    WEB = "web"
    APP = "app"


class EvidenceIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shows that it was said; the recording or the paper itself stays with the caller."""

    kind: EvidenceKind
    version: _Word
    """Of the script or form."""
    reference: (
        Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")] | None
    ) = None
    """What the caller finds the recording or the paper by."""
    digest: Digest | None = None
    """SHA-256 of the recording or the paper."""


class CaptureIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person said to somebody else.  Whose it is, the access token says, or nobody yet."""

    notice: NoticeIn
    """What was read out or shown."""
    choices: Annotated[list[ChoiceIn], Meta(min_length=1, max_length=MAX_CHOICES)]
    channel: CaptureChannel
    operator: _Word
    """The caller's own opaque name for who keyed it in."""
    evidence: EvidenceIn
    asked: _PartyText | None = None
    """For whom: by default the caller's own brand or partner."""
    captured_at: Annotated[datetime, Meta(tz=True)] | None = None
    """When it was said, where that is not now.  RFC 3339."""


class ResolutionIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing: the access token says whose it is."""


@post(
    PATH,
    status_code=HTTPStatus.CREATED,
    guards=[bearer_guard],
    opt={SCOPE: Scope.CAPTURES_WRITE, QUERY: frozenset[str]()},
    tags=["Captures"],
    summary="Record what a person said elsewhere",
    description=(
        "With a token of the client's own nobody knows whose it is, and nothing follows from it. "
        "With a person's token (the portal resolved them) refusals count at once; grants wait for "
        "the person, unless the catalogue lets assisted ones count. The same capture sent again, "
        "by its key or by its evidence, is answered with the first one."
    ),
    responses={
        **WRITE_PROBLEMS,
        HTTPStatus.OK: ResponseSpec(
            CaptureOut, description="It was handed in before.", generate_examples=False
        ),
    },
)
async def post_capture(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[CaptureIn],
    idempotency_key: IdempotencyKey,
) -> Response[CaptureOut]:
    """Keep a capture: durable when answered, and once however often it is sent."""
    await context.limiter.check(_CAPTURES, caller.client.client_id, now_s=wall_clock_s())
    again = repeatable_of(request, context, caller, "captures", idempotency_key)
    captured = await record_capture(
        context, caller.client, caller.subject, _read(data, caller), key=again.key.key_hash
    )
    return _answer(context, captured)


@get(
    PATH,
    guards=[bearer_guard],
    opt={SCOPE: Scope.CAPTURES_WRITE, QUERY: frozenset({"cursor"})},
    tags=["Captures"],
    summary="What the client captured",
    responses=READ_PROBLEMS,
)
async def get_captures(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    cursor: Annotated[
        str | None, QueryParameter(max_length=MAX_REFERENCE, pattern=REFERENCE)
    ] = None,
) -> Response[CapturesOut]:
    """A page of the client's own captures, the newest first."""
    await context.limiter.check(_READS, caller.client.client_id, now_s=wall_clock_s())
    shown = await show_captures(context, caller.client, cursor=cursor)
    return Response(shown, headers=_NO_STORE)


@get(
    PATH + "/{capture:str}",
    guards=[bearer_guard],
    opt={SCOPE: Scope.CAPTURES_WRITE, QUERY: frozenset[str]()},
    tags=["Captures"],
    summary="One capture",
    responses=FOUND_PROBLEMS,
)
async def get_capture(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    capture: Annotated[str, PathParameter(max_length=36)],
) -> Response[CaptureOut]:
    """One of the client's own captures, and how far it has come."""
    await context.limiter.check(_READS, caller.client.client_id, now_s=wall_clock_s())
    shown = await show_capture(context, caller.client, _id(capture))
    return Response(shown, headers=_NO_STORE)


@post(
    PATH + "/{capture:str}/resolution",
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt={SCOPE: Scope.CAPTURES_WRITE, QUERY: frozenset[str]()},
    tags=["Captures"],
    summary="Say whose a capture is",
    description="With a person's token: the portal has resolved them. What may count does then.",
    responses={**WRITE_PROBLEMS, **FOUND_PROBLEMS},
)
async def post_resolution(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[ResolutionIn],
    capture: Annotated[str, PathParameter(max_length=36)],
) -> Response[CaptureOut]:
    """Make a capture the person's whom the access token names; a second time changes nothing."""
    del data  # read as strictly as any body, and empty
    await context.limiter.check(_CAPTURES, caller.client.client_id, now_s=wall_clock_s())
    subject = caller.require_subject()
    captured = await resolve_capture(context, caller.client, subject, _id(capture))
    return _answer(context, captured, status=HTTPStatus.OK)


def _answer(
    context: Context, captured: Captured, *, status: HTTPStatus | None = None
) -> Response[CaptureOut]:
    made = HTTPStatus.CREATED if captured.is_new else HTTPStatus.OK
    return Response(
        tell_capture(context, captured),
        status_code=status or made,
        headers=_NO_STORE,
    )


def _read(data: CaptureIn, caller: Caller) -> NewCapture:
    evidence = data.evidence
    return NewCapture(
        asked=caller.client.party if data.asked is None else _party(data.asked),
        notice=NoticeRefOut(
            id=data.notice.id,
            version=data.notice.version,
            language=data.notice.language,
            digest=data.notice.digest,
        ),
        choices=tuple(
            Choice(purpose=PurposeId(choice.purpose), outcome=choice.outcome)
            for choice in data.choices
        ),
        channel=Channel(data.channel),
        operator=data.operator,
        evidence=Evidence(
            kind=evidence.kind,
            version=evidence.version,
            reference=evidence.reference,
            digest=None if evidence.digest is None else bytes.fromhex(evidence.digest),
        ),
        claimed=None if data.captured_at is None else Claimed(at=_instant(data.captured_at)),
    )


def _party(text: str) -> Party:
    kind, _, slug = text.partition("/")
    return Party(kind=PartyKind(kind), slug=Slug(slug))


def _instant(moment: datetime) -> Instant:
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise MalformedError(
            "captured_at_wrong", "Nobody captured anything then.", where="captured_at"
        )
    return from_datetime(moment)


def _id(unverified: str) -> UUID:
    try:
        return UUID(unverified)
    except ValueError as error:
        raise NotFoundError("capture_unknown", "You captured nothing of this name.") from error
