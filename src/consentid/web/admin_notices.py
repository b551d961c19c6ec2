"""``/v1/admin/notices``: the texts in force, and pictures of them as they are shown.

Pictures are taken elsewhere, where there is a browser, an app or a television.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from consentid.cache.limits import Limit
from consentid.flows.attach_picture import MOST_OF_ONE, attach_picture, notices_in_force
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.staff import SCOPE_OF, Verb
from consentid.flows.stage_act import by_client
from consentid.web.callers import wall_clock_s
from consentid.web.guards import QUERY, SCOPE, bearer_guard
from consentid.web.pages.layouts import LAYOUTS, read_layout
from consentid.web.responses import BODY_PROBLEMS, FOUND_PROBLEMS, READ_PROBLEMS
from consentid.web.strict_bodies import MAX_PICTURE_BYTES, PICTURES_PATH, body_of

MOST: Final = Limit(name="pictures", most=600, window_s=3_600)
_TAGS: Final = ("Administration",)
_NO_STORE: Final = {"Cache-Control": "no-store"}


class PictureOut(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that is kept."""

    entry: str
    """Of the log."""
    picture: str
    """SHA-256 of the image."""
    layout: str | None
    """SHA-256 of how it was laid out; null where nobody said."""


class NoticeInForceOut(msgspec.Struct, frozen=True, kw_only=True):
    """A text in force, in one language."""

    notice: str
    language: str
    version: int
    digest: str
    pictures: list[PictureOut]
    """None: one is missing."""


class NoticesOut(msgspec.Struct, frozen=True, kw_only=True):
    """All of them."""

    notices: list[NoticeInForceOut]


class PictureKeptOut(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    entry: str
    notice: str
    """The digest of the text that it shows."""
    picture: str
    new: bool
    """Whether it was not there before."""


@get(
    "/v1/admin/notices",
    guards=[bearer_guard],
    opt={SCOPE: SCOPE_OF[Verb.SEE_NOTICES], QUERY: frozenset[str]()},
    tags=_TAGS,
    summary="Notices in force, and which pictures there are of them",
    responses=READ_PROBLEMS,
)
async def get_admin_notices(context: NamedDependency[Context]) -> Response[NoticesOut]:
    """Language by language; a picture is of the very text, so each version begins without."""
    async with context.database.reading() as connection:
        found = await notices_in_force(context, connection)
    out = NoticesOut(
        notices=[
            NoticeInForceOut(
                notice=notice.id,
                language=notice.language,
                version=notice.version,
                digest=notice.digest.hex(),
                pictures=[
                    PictureOut(
                        entry=str(each.event_id),
                        picture=each.digest.hex(),
                        layout=None if each.layout is None else each.layout.hex(),
                    )
                    for each in kept
                ],
            )
            for notice, kept in found
        ]
    )
    return Response(out, headers=_NO_STORE)


@post(
    PICTURES_PATH,
    status_code=HTTPStatus.OK,
    guards=[bearer_guard],
    opt={
        SCOPE: SCOPE_OF[Verb.PICTURE],
        QUERY: frozenset({"notice", "language", "layout"}),
    },
    tags=_TAGS,
    summary="Keep a picture of a notice as it is shown",
    description=(
        "The body is the PNG itself, of at most 4 MiB, as `image/png`. It is kept for ever, the "
        "log commits to it, and evidence of whoever answered that very text has it. `layout` is "
        f"one of {', '.join(LAYOUTS)} (the hub's own page as of this release), or the SHA-256 "
        "that your client told. The same again changes nothing; at most "
        f"{MOST_OF_ONE} of one text in one language."
    ),
    responses={**BODY_PROBLEMS, **FOUND_PROBLEMS},
    request_max_body_size=MAX_PICTURE_BYTES,
)
async def post_admin_picture(  # noqa: PLR0917 - what the framework hands in
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    notice: Annotated[str, QueryParameter(min_length=1, max_length=128)],
    language: Annotated[str, QueryParameter(min_length=1, max_length=35)],
    layout: Annotated[str | None, QueryParameter(max_length=64)] = None,
) -> PictureKeptOut:
    """As ``notices picture`` does with a file."""
    client_id = caller.client.client_id
    digest = None if layout is None else read_layout(layout, where="layout")
    await context.limiter.check(MOST, client_id, now_s=wall_clock_s())
    kept = await attach_picture(
        context,
        body_of(request) or b"",
        notice_id=notice,
        language=language,
        layout=digest,
        by=by_client(client_id),
        where="body",
    )
    return PictureKeptOut(
        entry=str(kept.event_id),
        notice=kept.notice.digest.hex(),
        picture=kept.digest.hex(),
        new=kept.is_new,
    )


NOTICE_HANDLERS: Final = (get_admin_notices, post_admin_picture)
