"""A visit to a page of the hub's own: the configuration, the browser, the language, its forms."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from litestar import Request, Response

from consentid.brandbook.book import Book, Profile
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, new_secret
from consentid.kit.errors import MalformedError
from consentid.web.catalogue import accepted_languages
from consentid.web.cookies import Cookie, Jar, jar_of
from consentid.web.forms import parse_form
from consentid.web.pages.forgery import check_form
from consentid.web.pages.frame import Frame, frame_of
from consentid.web.pages.words import choose_language
from consentid.web.strict_bodies import body_of

TOKEN: Final = "form_token"  # noqa: S105 - a field's name
LANGUAGE: Final = "lang"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubVisit:
    """A request for the page, and the browser that makes it."""

    request: Request[Any, Any, Any]
    context: Context
    book: Book
    jar: Jar
    browser: Browser
    """With a secret of its own in any case."""
    is_new: bool
    """Whether the secret was made just now, and has to be handed out."""
    query: Mapping[str, str]

    @property
    def secret(self) -> str:
        """What the page's forms are bound to."""
        return self.browser.unverified_secret or ""

    @property
    def language(self) -> str:
        """What the person chose on the page, else what the browser prefers."""
        preferred = accepted_languages(self.request.headers.get("accept-language", ""))
        chosen = self.query.get(LANGUAGE)
        return choose_language(
            preferred if chosen is None else [chosen, *preferred], self.book.group.languages
        )

    def frame(self, path: str, profile: Profile | None = None, *, query: str = "") -> Frame:
        """Around the page at ``path``; its other languages carry ``query`` on."""
        frame = frame_of(self.book, profile, self.language, path=path)
        links = (replace(link, href=f"{link.href}{query}") for link in frame.languages)
        return replace(frame, languages=tuple(links))

    def answer(self, response: Response[Any]) -> Response[Any]:
        """Answer; a browser without a secret gets one."""
        if self.is_new:
            self.jar.put(response, Cookie.BROWSER, self.secret)
        return response

    def read_form(self, *, about: str, known: tuple[str, ...]) -> Mapping[str, str]:
        """The fields of a form of ours, sent from this very browser.

        Raises:
            ForbiddenError: it came from elsewhere.
            MalformedError: a field is none of the form's.
        """
        fields = parse_form(body_of(self.request) or b"")
        check_form(
            self.request,
            issuer=self.book.group.issuer,
            browser_secret=None if self.is_new else self.secret,
            about=about,
            unverified_token=fields.get(TOKEN, ""),
        )
        if not set(fields) <= {TOKEN, *known}:
            raise malformed()
        return fields


async def open_hub_visit(request: Request[Any, Any, Any], context: Context) -> HubVisit:
    """Read what the request brings."""
    query = parse_form(request.scope["query_string"])
    async with context.database.reading() as connection:
        book = await context.book(connection)
    jar = await jar_of(context)
    browser = jar.read(request)
    is_new = browser.unverified_secret is None
    if is_new:
        browser = replace(browser, unverified_secret=new_secret(context))
    return HubVisit(
        request=request,
        context=context,
        book=book,
        jar=jar,
        browser=browser,
        is_new=is_new,
        query=query,
    )


def malformed() -> MalformedError:
    """A form says what no page of ours offers."""
    return MalformedError("form_malformed", "This is not a form of ours: open the page again.")
