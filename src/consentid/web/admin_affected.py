"""``POST /v1/admin/keys/affected``: what was issued and forged while it was stolen.

By a process that was given the owner's database: a long look takes no connection from those who
serve.
"""

import asyncio
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from consentid.cache.limits import Limit
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.find_affected import AffectedOut, Listing, find_affected
from consentid.flows.own_database import owned
from consentid.flows.staff import SCOPE_OF, Verb
from consentid.flows.stage_act import noting, noting_of
from consentid.kit.errors import UnavailableError
from consentid.tokens.status import MAX_TOKEN_LENGTH
from consentid.web.admin_clients import WHERE
from consentid.web.admin_keys import Kid, Time, counted, read_time
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.responses import BODY_PROBLEMS, FOUND_PROBLEMS
from consentid.web.strict_bodies import AFFECTED_PATH, MAX_BATCH_BYTES

_NO_STORE: Final = {"Cache-Control": "no-store"}
_QUESTIONS: Final = Limit(name="key_questions", most=60, window_s=3_600)
_MOST_JUDGED: Final = 50
_MOST_LISTED: Final = 1_000
_ANSWERED_WITHIN_S: Final = 25.0


class AffectedIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key, and what was met."""

    kid: Kid
    since: Time | None = None
    """From when; null: as it was revoked."""
    until: Time | None = None
    """Until when; null: until it was revoked, or now."""
    signed: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=MAX_TOKEN_LENGTH)]],
        Meta(max_length=_MOST_JUDGED),
    ] = []
    """Tokens and status lists, as they were met."""
    list: bool = False
    """Name each client, hour and pairwise identifier: whoever is named sees that."""
    skip: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    """Of those, how many are known already."""


@post(
    AFFECTED_PATH,
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt={SCOPE: SCOPE_OF[Verb.JUDGE_KEYS], QUERY: frozenset[str]()},
    tags=["Administration"],
    summary="What was issued while a key was in wrong hands, and what was forged",
    description=(
        f"{WHERE}Judges at most {_MOST_JUDGED} tokens and status lists, in a body of at most "
        f"1 MiB, and names at most {_MOST_LISTED} issued tokens. 404 `key_not_revoked` where "
        f"`since` is not said. At most {_QUESTIONS.most} an hour."
    ),
    responses={**BODY_PROBLEMS, **FOUND_PROBLEMS},
    request_max_body_size=MAX_BATCH_BYTES,
)
async def post_admin_affected(
    context: NamedDependency[Context], caller: NamedDependency[Caller], data: JSONBody[AffectedIn]
) -> Response[AffectedOut]:
    """As ``keys affected`` does; that it was asked is in the log."""
    begin, end = read_time(data.since, "since"), read_time(data.until, "until")
    async with owned(context) as database:
        noted = noting_of(context, await counted(context, caller, _QUESTIONS))
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN_S), database.reading() as connection:
                found = await find_affected(
                    context,
                    connection,
                    data.kid,
                    begin=begin,
                    end=end,
                    unverified=data.signed,
                    listing=Listing(skip=data.skip, most=_MOST_LISTED) if data.list else None,
                )
        except TimeoutError as error:
            raise UnavailableError(
                "too_much_issued",
                f"More was issued than is counted in {_ANSWERED_WITHIN_S:.0f} s: narrow since and "
                "until, or use `consentid keys affected`.",
                retry_after_s=1,
            ) from error
    async with noting(context.database, noted) as about:
        about.update(act="keys/affected", kid=data.kid, listed=len(found.tokens))
    return Response(found, headers=_NO_STORE)
