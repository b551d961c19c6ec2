"""``/v1/verify``, ``/v1/verify/batch``, ``/v1/verify/forward``: may a consent token be acted on?

At this very instant.  Most requests never come here: ``quick_verify`` answers them in front of the
framework.  What is answered is the same.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, JSONBody
from msgspec import Meta

from consentid.brandbook.client import Scope
from consentid.core.decision import MAX_CHOICES
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.verify_batch import MAX_BATCH, verify_batch
from consentid.flows.verify_forwarded import verify_forwarded
from consentid.flows.verify_from_memory import Asked, Memory
from consentid.flows.verify_token import VerifyOut, verify_token
from consentid.kit.errors import ForbiddenError, MalformedError
from consentid.verify.middleware import find_token
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.peers import peer_is_in
from consentid.web.quick_verify import FORWARD_PATH
from consentid.web.responses import BODY_PROBLEMS, READ_PROBLEMS
from consentid.web.strict_bodies import BATCH_PATH, MAX_BATCH_BYTES
from consentid.web.words import PurposeText, Reference

_PURPOSE_LIST: Final = r"^[a-z0-9_.:*-]{1,64}([ ,]+[a-z0-9_.:*-]{1,64}){0,63}$"


class VerifyIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token, and what to look at."""

    token: Annotated[str, Meta(pattern=r"^[^\x00]*$")]
    audience: Annotated[str, Meta(max_length=512, pattern=r"^[\x21-\x7e]+$")] | None = None
    """Defaults to the caller's own; another's is refused."""
    purposes: Annotated[list[PurposeText], Meta(max_length=MAX_CHOICES)] = []
    """Where named, the answer says ``allow`` or ``deny`` for all of them together."""
    at_least: Reference | None = None
    """What a write answered as ``consistency``: the answer is not older than that."""


class VerifyOneIn(VerifyIn, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same, for whoever wants to hear little."""

    brief: bool = False
    """Answer ``active``, ``exp``, ``decision`` and what is granted of the purposes named only."""


@post(
    "/v1/verify",
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt={SCOPE: Scope.VERIFY, QUERY: frozenset[str]()},
    tags=["Verification"],
    summary="Verify a consent token",
    responses=BODY_PROBLEMS,
)
async def post_verify(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[VerifyOneIn],
) -> Response[VerifyOut]:
    """A bad token is an answer (``active: false``), never an error.

    A television's own access token is enough, from a registered origin too; with ``brief`` and the
    purposes that it is about, the answer has less than 300 bytes.
    """
    found = await verify_token(
        context,
        caller,
        data.token,
        audience=data.audience,
        purposes=data.purposes,
        at_least=data.at_least,
    )
    answer = _brief(found, data.purposes) if data.brief else found
    return Response(answer, headers={"Cache-Control": "no-store"})


def _brief(found: VerifyOut, purposes: Sequence[str]) -> VerifyOut:
    granted = found.granted
    if granted is not None and purposes:
        granted = tuple(each for each in granted if each in purposes)
    return VerifyOut(active=found.active, granted=granted, exp=found.exp, decision=found.decision)


@post(
    BATCH_PATH,
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt={SCOPE: Scope.VERIFY, QUERY: frozenset[str]()},
    tags=["Verification"],
    summary="Verify up to 500 consent tokens",
    responses=BODY_PROBLEMS,
    request_max_body_size=MAX_BATCH_BYTES,
)
async def post_verify_batch(
    context: NamedDependency[Context],
    memory: NamedDependency[Memory],
    caller: NamedDependency[Caller],
    data: JSONBody[list[VerifyIn]],
) -> Response[list[VerifyOut]]:
    """An array of what ``/v1/verify`` takes, answered by an array in the same order."""
    if len(data) > MAX_BATCH:
        raise MalformedError(
            "invalid_body", f"A batch has at most {MAX_BATCH} tokens.", where="body"
        )
    questions = [
        Asked(
            unverified_token=each.token,
            caller=caller,
            audience=each.audience,
            purposes=each.purposes,
            at_least=each.at_least,
        )
        for each in data
    ]
    answers = await verify_batch(context, memory, caller, questions)
    found: Any = b"[" + b",".join(answers) + b"]"
    return Response(found, media_type="application/json", headers={"Cache-Control": "no-store"})


@get(
    FORWARD_PATH,
    status_code=HTTPStatus.NO_CONTENT,
    opt={QUERY: frozenset[str]()},
    tags=["Verification"],
    summary="Whether a proxy may let a request pass",
    security=[{}],
    responses={
        **{code: READ_PROBLEMS[code] for code in (400, 403, 503)},
        401: ResponseSpec(None, description="It may not.", generate_examples=False),
    },
)
async def get_verify_forward(  # noqa: PLR0917 - the framework names them all
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    memory: NamedDependency[Memory],
    consent_audience: Annotated[
        str,
        HeaderParameter(
            name="Consent-Audience",
            max_length=512,
            pattern=r"^[\x21-\x7e]+$",
            description="Whose pages the proxy guards: the registered audience.",
        ),
    ],
    consent_purposes: Annotated[
        str | None,
        HeaderParameter(
            name="Consent-Purposes",
            pattern=_PURPOSE_LIST,
            description="What has to be allowed, separated by blanks.",
        ),
    ] = None,
    consent_cookie: Annotated[
        str | None,
        HeaderParameter(
            name="Consent-Cookie",
            max_length=128,
            pattern=r"^[A-Za-z0-9_.-]+$",
            description="The cookie that holds the token; without it, `Authorization` does.",
        ),
    ] = None,
) -> Response[None]:
    """204 or 401, for ``auth_request`` and its like; for the proxy's own address alone."""
    if not peer_is_in(request.scope, context.settings.forward_auth_proxies):
        raise ForbiddenError(
            "forward_not_allowed",
            "This address is for proxies that the setting forward_auth_proxies names.",
        )
    unverified_token = find_token(
        request.headers.get("authorization"), request.headers.get("cookie"), consent_cookie
    )
    may = await verify_forwarded(
        context,
        memory,
        audience=consent_audience,
        unverified_token=unverified_token,
        purposes=(consent_purposes or "").replace(",", " ").split(),
    )
    status = HTTPStatus.NO_CONTENT if may else HTTPStatus.UNAUTHORIZED
    nothing: Any = b""  # None would be told as JSON's null
    return Response(nothing, status_code=status, headers={"Cache-Control": "no-store"})
