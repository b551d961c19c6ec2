"""``/``: a person who came to the hub by its address alone."""

from typing import Annotated, Any, Final

from litestar import MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from consentid.brandbook.book import Book
from consentid.flows.context import Context
from consentid.web.catalogue import accepted_languages
from consentid.web.pages.frame import frame_of
from consentid.web.pages.home import BrandLink, HomeView
from consentid.web.pages.rendering import respond
from consentid.web.pages.words import choose_language

PATH: Final = "/"
_PREFERENCES: Final = "/preferences"
_DOCUMENTS: Final = (
    ("OpenAPI", "/schema"),
    ("OpenID Connect Discovery", "/.well-known/openid-configuration"),
    ("JSON Web Key Set", "/jwks.json"),
)
_ROBOTS: Final = "User-agent: *\nAllow: /$\nDisallow: /\n"
"""Nothing but the front page is the same for everybody.  Spec: RFC 9309."""


@get("/robots.txt", include_in_schema=False, media_type=MediaType.TEXT, sync_to_thread=False)
def get_robots() -> Response[str]:
    """Keep crawlers from pages that are somebody's own."""
    return Response(
        _ROBOTS, media_type=MediaType.TEXT, headers={"Cache-Control": "public, max-age=86400"}
    )


@get(PATH, include_in_schema=False)
async def get_home(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    lang: Annotated[str | None, QueryParameter(max_length=16)] = None,
) -> Response[str]:
    """Say what this is."""
    async with context.database.reading() as connection:
        book = await context.book(connection)
    preferred = accepted_languages(request.headers.get("accept-language", ""))
    wanted = [*([] if lang is None else [lang]), *preferred]
    return respond(home_view(book, choose_language(wanted, book.group.languages)))


def home_view(book: Book, language: str) -> HomeView:
    """What the page shows."""
    return HomeView(
        frame=frame_of(book, None, language, path=PATH),
        brands=tuple(
            BrandLink(
                name=brand.name,
                entity=brand.entity.name,
                href=f"{brand.origins[0]}/" if brand.origins else None,
            )
            for brand in book.brands.values()
        ),
        preferences_path=f"{_PREFERENCES}?lang={language}",
        documents=_DOCUMENTS,
    )
