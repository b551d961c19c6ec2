"""``/v1/catalogue`` and ``/v1/served``: what a brand asks, and that it was shown."""

import re
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from consentid.brandbook.client import Scope
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.note_served import note_served
from consentid.flows.show_catalogue import CatalogueOut, show_catalogue
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.responses import BODY_PROBLEMS, PUBLIC_PROBLEMS
from consentid.web.words import Digest, Reference

_MAX_LANGUAGES: Final = 10
_LANGUAGE: Final = re.compile(r"\s*([A-Za-z]{2,3})(?:-[A-Za-z0-9-]{1,20})?\s*(?:;\s*q=([0-9.]+))?")


class ServedIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of a served notice."""

    served: Reference
    event: Literal["shown", "dismissed"]
    layout: Digest | None = None
    """SHA-256 of the layout in which it was shown."""


@get(
    "/v1/catalogue",
    opt={QUERY: frozenset({"brand", "language"})},
    tags=["Catalogue"],
    summary="What a brand asks, in the visitor's language",
    security=[{}],
    responses=PUBLIC_PROBLEMS,
)
async def get_catalogue(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    brand: Annotated[str, QueryParameter(min_length=1, max_length=64)],
    language: Annotated[str | None, QueryParameter(pattern="^[a-zA-Z]{2,3}$")] = None,
) -> Response[CatalogueOut]:
    """Purposes, notice and texts.  Without ``language``, ``Accept-Language`` chooses."""
    wanted = (
        [language.lower()]
        if language is not None
        else accepted_languages(request.headers.get("accept-language", ""))
    )
    found = await show_catalogue(context, brand=brand, languages=wanted)
    return Response(
        found,
        headers={
            "Cache-Control": "no-store",  # each answer mints a served-notice id
            "Content-Language": found.notice.language,
            "Vary": "Accept-Language",
        },
    )


@post(
    "/v1/served",
    status_code=HTTPStatus.NO_CONTENT,
    guards=[bearer_guard],
    opt={SCOPE: Scope.DECISIONS_WRITE, QUERY: frozenset[str]()},
    tags=["Catalogue"],
    summary="A notice was shown or dismissed",
    responses=BODY_PROBLEMS,
)
async def post_served(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    data: JSONBody[ServedIn],
) -> None:
    """Note it for the measures.  Closing a notice is no choice, and none is recorded."""
    await note_served(
        context,
        caller,
        unverified_served=data.served,
        event=data.event,
        layout=None if data.layout is None else bytes.fromhex(data.layout),
    )


def accepted_languages(header: str) -> list[str]:
    """Primary language tags by weight, heaviest first.  Spec: RFC 9110 section 12.5.4."""
    weighted: list[tuple[float, int, str]] = []
    for place, part in enumerate(header.split(",")[:_MAX_LANGUAGES]):
        found = _LANGUAGE.fullmatch(part)
        if found is None:
            continue
        try:
            weight = float(found[2] or "1")
        except ValueError:
            continue
        if weight > 0:
            weighted.append((-weight, place, found[1].lower()))
    return [language for _, _, language in sorted(weighted)]
