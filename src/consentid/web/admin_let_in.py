"""``POST /v1/admin/operations/let-in``: a code for an operator, by who has the owner's database."""

from http import HTTPStatus
from typing import Final

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from consentid.cache.limits import Limit
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.let_in import CODE_MIN, SESSION_H, check_codes_count, make_code
from consentid.flows.own_database import owned
from consentid.flows.staff import SCOPE_OF, Verb
from consentid.flows.stage_act import by_client, noting_of
from consentid.kit.instants import to_rfc3339
from consentid.web.admin_clients import WHERE
from consentid.web.administration import NothingIn
from consentid.web.callers import wall_clock_s
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.responses import BODY_PROBLEMS

_NO_STORE: Final = {"Cache-Control": "no-store"}
_CODES: Final = Limit(name="operator_codes", most=10, window_s=CODE_MIN * 60)


class OperatorCodeOut(msgspec.Struct, frozen=True, kw_only=True):
    """A code to be typed at `/operations`.  Told this once."""

    code: str
    ends_at: str


@post(
    "/v1/admin/operations/let-in",
    status_code=HTTPStatus.CREATED,
    guards=[bearer_guard],
    opt={SCOPE: SCOPE_OF[Verb.LET_IN], QUERY: frozenset[str]()},
    tags=["Administration"],
    summary="Make a code that lets an operator in",
    description=(
        f"{WHERE}The code is told this once, good once, for {CODE_MIN} minutes, and opens "
        f"`/operations` for {SESSION_H} h. Send `{{}}`; again it makes another, and one that was "
        "lost on the way ends by itself. 409 `staff_signs_in` where staff sign in with accounts of "
        f"their own. At most {_CODES.most} in {CODE_MIN} minutes."
    ),
    responses=BODY_PROBLEMS,
)
async def post_admin_let_in(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[NothingIn],
) -> Response[OperatorCodeOut]:
    """As ``operations let-in`` does."""
    del data
    client_id = caller.client.client_id
    async with owned(context) as database:
        check_codes_count(context.settings.staff_issuer)
        await context.limiter.check(_CODES, client_id, now_s=wall_clock_s())
        made = await make_code(database, noting_of(context, by_client(client_id)))
    out = OperatorCodeOut(code=made.code, ends_at=to_rfc3339(made.ends_at))
    return Response(out, status_code=HTTPStatus.CREATED, headers=_NO_STORE)
