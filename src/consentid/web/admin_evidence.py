"""``POST /v1/admin/evidence``: what somebody decided, proven, for a court or an authority.

Nobody is found by browsing: a name is exact, and of whom there is none, or no more, the same is
told in the same time.  Whose it is sees who took it; the log has it before a byte is sent.
"""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from litestar.response.streaming import ASGIStreamingResponse

from consentid.cache.limits import Limit
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.note_export import program
from consentid.flows.opening import PATIENT_S
from consentid.flows.prove_decisions import find_whose
from consentid.flows.staff import SCOPE_OF, Verb
from consentid.flows.write_evidence import write_evidence
from consentid.store.engine import Database
from consentid.web.callers import wall_clock_s
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.responses import BODY_PROBLEMS, FOUND_PROBLEMS
from consentid.web.sending import ZIP, PatientStream, begun

MOST: Final = Limit(name="evidence", most=60, window_s=3_600)
GUESSES_OF_ONE: Final = Limit(name="evidence_guesses", most=10, window_s=600)
GUESSES_OF_ALL: Final = Limit(name="evidence_guesses_all", most=200, window_s=600)
_FOLDER: Final = "evidence"
_FILE: Final = {"Content-Disposition": 'attachment; filename="evidence.zip"'}


class EvidenceOfIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose decisions, or which."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
    """The id of a decision or a subject, as a receipt's record has it, or `portal:` and the
    person's `sub` there.
    """


@post(
    "/v1/admin/evidence",
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt={SCOPE: SCOPE_OF[Verb.PROVE], QUERY: frozenset[str]()},
    tags=["Administration"],
    summary="Evidence of what somebody decided",
    description=(
        "The zip that `consentid ledger prove` writes: record, salt, entry and proof of each "
        "decision, the notice as it was shown, configuration, keys, and a verifier; all within "
        "the folder `evidence`. `manifest.json` names in `unreadable` what had to be left out. It "
        "holds personal data: the person sees who took it. 404 alike for whom there is none, "
        "whom nothing was recorded of, and who was erased; that was a guess, and guesses are "
        "counted. Whoever is set aside is proven by a process alone that has "
        "`CONSENTID_ADMIN_DATABASE_URL`. 503 while a decision is not in the published log yet. "
        "An answer that breaks off is no zip: ask again."
    ),
    media_type=ZIP,
    responses={
        **BODY_PROBLEMS,
        **FOUND_PROBLEMS,
        200: ResponseSpec(bytes, media_type=ZIP, description="A zip.", generate_examples=False),
    },
)
async def post_admin_evidence(
    context: NamedDependency[Context], caller: NamedDependency[Caller], data: JSONBody[EvidenceOfIn]
) -> ASGIStreamingResponse:
    """As ``ledger prove`` writes it; begun before it is answered, so refusals are still told."""
    client_id = caller.client.client_id
    url = context.settings.admin_database_url
    apart = None if url is None else Database(url, connections=1, answered_within_s=PATIENT_S)
    pieces = _pieces(context, client_id, data.name, apart)
    return PatientStream(
        await begun(pieces), media_type=ZIP, headers=_FILE, status_code=HTTPStatus.OK
    )


async def _pieces(
    context: Context, client_id: str, unverified_name: str, apart: Database | None
) -> AsyncGenerator[bytes]:
    try:
        now_s = wall_clock_s()
        await context.limiter.check(MOST, client_id, now_s=now_s)
        limits = ((GUESSES_OF_ONE, client_id), (GUESSES_OF_ALL, "everybody"))
        for limit, guesser in limits:
            await context.limiter.check(limit, guesser, now_s=now_s)
        named = await find_whose(context, unverified_name, apart=apart)
        for limit, guesser in limits:
            await context.limiter.give_back(limit, guesser)
        zipped = write_evidence(
            context,
            named,
            folder=_FOLDER,
            made_at=datetime.now(UTC),
            taker=program(client_id),
            apart=apart,
        )
        try:
            async for piece in zipped:
                yield piece
        finally:
            await zipped.aclose()
    finally:
        if apart is not None:
            await asyncio.shield(apart.close())  # also where we are ended ourselves
