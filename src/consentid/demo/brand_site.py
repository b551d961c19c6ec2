"""A brand's site: pages that are the same for everybody, and that may be cached.

There is no session and no cookie of the server: who is here and what they allow is known to the
browser SDK alone, which the pages load from the hub.

Spec: Content Security Policy level 3; RFC 9110 sections 8.8.3 and 12.5.4; RFC 8246 (immutable).
"""

from http import HTTPStatus
from typing import Any, Final, TypeAlias

from litestar import Litestar, MediaType, Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath

from consentid.demo.brand_content import LANGUAGES
from consentid.demo.brand_logout import LogoutReceiver, take_logout_token
from consentid.demo.brand_pages import RETURN, TV, BrandPages, File
from consentid.demo.site_words import pick_language
from consentid.web.sdk_files import accepts_gzip
from consentid.web.validators import is_known

SiteRequest: TypeAlias = Request[Any, Any, State]
_ADS: Final = "/ad/"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_A_MINUTE: Final = "public, max-age=60"
_MAX_BODY_BYTES: Final = 16 * 1024
_ROBOTS: Final = f"User-agent: *\nDisallow: {RETURN}\nDisallow: {_ADS}\n"
"""What is no page of its own is nobody's to find.  Spec: RFC 9309."""


@get(["/", "/{rest:path}"], sync_to_thread=False)
def show_page(request: SiteRequest, pages: NamedDependency[BrandPages]) -> Response[bytes]:
    """A page, in the language that was asked for by name, or else by the browser."""
    path = request.url.path
    chosen = request.query_params.get("lang")
    was_chosen = chosen in LANGUAGES
    language = (
        chosen
        if chosen is not None and was_chosen
        else pick_language(request.headers.get("accept-language", ""))
    )
    found = pages.page(path, language, was_chosen=was_chosen)
    headers = {
        "cache-control": "no-store" if path == RETURN else _A_MINUTE,
        "content-language": language,
        "content-security-policy": _policy(
            pages.site.hub, is_ad=path.startswith(_ADS), is_tv=path == TV
        ),
        # Brands see each other's origin, never an address: the hand-off by link needs that much.
        "referrer-policy": "strict-origin-when-cross-origin",
        "vary": "Accept-Encoding, Accept-Language",
        "x-content-type-options": "nosniff",
    }
    if found is None:
        missing = pages.missing(language, was_chosen=was_chosen)
        return _send(request, missing, headers, HTTPStatus.NOT_FOUND)
    return _send(request, found, headers)


@get("/robots.txt", media_type=MediaType.TEXT, sync_to_thread=False)
def show_robots() -> Response[str]:
    """Crawlers are welcome to all that visitors come for."""
    return Response(_ROBOTS, media_type=MediaType.TEXT, headers={"cache-control": _A_MINUTE})


@get("/files/{digest:str}/{name:path}", sync_to_thread=False)
def show_file(
    request: SiteRequest,
    pages: NamedDependency[BrandPages],
    digest: FromPath[str],
    name: FromPath[str],
) -> Response[bytes]:
    """A style sheet, a script or a picture."""
    found = pages.files.get(name.removeprefix("/"))
    if found is None or digest != pages.digest:
        return Response(b"", status_code=HTTPStatus.NOT_FOUND, media_type="text/plain")
    headers = {
        "cache-control": _FOR_EVER,
        "vary": "Accept-Encoding",
        "x-content-type-options": "nosniff",
    }
    return _send(request, found, headers)


def create_brand_site(pages: BrandPages, logout: LogoutReceiver) -> Litestar:
    """The site as an ASGI application."""

    def provide_pages() -> BrandPages:
        return pages

    def provide_logout() -> LogoutReceiver:
        return logout

    return Litestar(
        route_handlers=[show_page, show_robots, show_file, take_logout_token],
        dependencies={
            "pages": Provide(provide_pages, sync_to_thread=False),
            "logout": Provide(provide_logout, sync_to_thread=False),
        },
        openapi_config=None,
        logging_config=None,  # whoever runs us has set logging up
        request_max_body_size=_MAX_BODY_BYTES,
    )


def _send(
    request: SiteRequest, file: File, headers: dict[str, str], status: int = HTTPStatus.OK
) -> Response[bytes]:
    headers["etag"] = file.etag
    if status == HTTPStatus.OK and is_known(request, file.etag):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    content = file.content
    if accepts_gzip(request.headers.getall("accept-encoding", [])):
        headers["content-encoding"] = "gzip"
        content = file.compressed
    return Response(content, status_code=status, media_type=file.media_type, headers=headers)


def _policy(hub: str, *, is_ad: bool, is_tv: bool) -> str:
    if is_ad:
        return "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'self'"
    pictures = "'self' data:" if is_tv else "'self'"  # the hub draws its QR code into its answer
    return (
        f"default-src 'none'; script-src 'self' {hub}; connect-src 'self' {hub};"
        f" style-src 'self' {hub}; img-src {pictures}; frame-src 'self'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    )
