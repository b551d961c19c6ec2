"""A brand's pages and files, made once when its site starts: nothing in them is of one visitor.

What depends on the visitor is done in the page by the browser SDK; so every page may be cached.
"""

import gzip
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources.abc import Traversable
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from consentid.brandbook.look import contrast
from consentid.demo.brand_content import (
    FOLDER,
    LANGUAGES,
    Content,
    Item,
    content_of,
    tv_words_of,
    words_of,
)
from consentid.web.sdk_files import sdk_files

RETURN: Final = "/consent/return"
"""Where the hub sends the browser back; registered exactly."""
TV: Final = "/tv"
"""The app that a television loads."""
_ASSETS: Final = "/files"
_DEFAULT: Final = "consent-default.js"
_MODULES: Final = tuple(
    f"{each}.js"
    for each in ("site", "start", "story", "basket", "invite", "shelf", "panel", "words")
)
"""What a page's own script is made of: named in the head, fetched at once."""
_DIGEST_LENGTH: Final = 12
_VARIABLE: Final = re.compile(r"var\((--[a-z-]+)\)")
_MEDIA_TYPES: Final = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """Another brand of the group, as a page links to it."""

    name: str
    origin: str
    tagline: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandSite:
    """One brand's site, before anybody came."""

    slug: str
    name: str
    logo: str
    look: Mapping[str, str]
    """CSS custom properties."""
    origin: str
    hub: str
    client_id: str
    others: tuple[Neighbour, ...]
    tv_client: str | None = None
    """The client of its app on televisions, where it has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """Something to send."""

    content: bytes
    compressed: bytes
    """The same with gzip."""
    media_type: str
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """Where a page is, for its own links."""

    site: BrandSite
    language: str
    was_chosen: bool
    """The language was asked for by name, and its links keep it."""
    path: str

    @property
    def other(self) -> str:
        """The language that it is not in."""
        return next(one for one in LANGUAGES if one != self.language)

    def to(self, path: str) -> str:
        """A page of this site."""
        return f"{path}?lang={self.language}" if self.was_chosen else path

    def beyond(self, origin: str) -> str:
        """Another brand's front page."""
        return origin + self.to("/")

    @property
    def preferences(self) -> str:
        """The hub's page for all choices; good without scripts too."""
        back = self.site.origin + self.to(self.path)
        asked = {"client_id": self.site.client_id, "return_to": back}
        return f"{self.site.hub}/preferences?{urlencode(asked)}"


@dataclass(slots=True, kw_only=True)
class BrandPages:
    """Everything that a site sends."""

    site: BrandSite
    files: Mapping[str, File] = field(init=False)
    digest: str = field(init=False)
    _made: dict[tuple[str, str, bool], File] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Gather the files."""
        self.files = dict(_gather(self.site))
        told = "".join(file.etag for file in self.files.values())
        self.digest = hashlib.sha256(told.encode()).hexdigest()[:_DIGEST_LENGTH]

    def page(self, path: str, language: str, *, was_chosen: bool) -> File | None:
        """The page at an address, or None."""
        key = (path, language, was_chosen)
        if key not in self._made:
            made = self._make(
                _Page(site=self.site, language=language, was_chosen=was_chosen, path=path)
            )
            if made is None:
                return None
            self._made[key] = _file(made.encode(), "text/html")
        return self._made[key]

    def missing(self, language: str, *, was_chosen: bool) -> File:
        """The page that says so where there is none."""
        page = _Page(site=self.site, language=language, was_chosen=was_chosen, path="/")
        return _file(self._fill("missing.html", page).encode(), "text/html")

    def asset(self, name: str) -> str:
        """The address of a file, which names the content of all of them."""
        return f"{_ASSETS}/{self.digest}/{name}"

    def _make(self, page: _Page) -> str | None:
        slug = self.site.slug
        match page.path:
            case "/":
                return self._fill(f"{slug}_front.html", page)
            case "/consent/return":
                return self._fill("return.html", page)
            case "/tv":
                if self.site.tv_client is None:
                    return None
                return self._fill("tv.html", page, tv=tv_words_of(page.language))
            case "/ad/all" | "/ad/you":
                return self._fill("ad.html", page, kind=page.path.removeprefix("/ad/"))
            case path:
                items = content_of(slug, page.language).items
                found = next((one for one in items if one.path == path), None)
                return None if found is None else self._fill(f"{slug}_item.html", page, item=found)

    def _fill(self, template: str, page: _Page, **told: Item | Mapping[str, Any] | str) -> str:
        content: Content = content_of(self.site.slug, page.language)
        return (
            _environment()
            .get_template(template)
            .render(
                site=self.site,
                page=page,
                content=content,
                words=words_of(page.language),
                others=self.site.others,
                asset=self.asset,
                sdk=f"{self.site.hub}/sdk/v1/",
                modules=_MODULES,
                **told,
            )
        )


def _gather(site: BrandSite) -> Iterator[tuple[str, File]]:
    """The site's own files by name."""
    for folder, prefix in (("static", ""), ("art", "art/")):
        for one in sorted((FOLDER / folder).iterdir(), key=lambda each: each.name):
            kind = one.name.rpartition(".")[2]
            if kind != "css":
                yield f"{prefix}{one.name}", _file(one.read_bytes(), _MEDIA_TYPES[kind])
    look = _look(site)
    shared, own, advertisement = (
        _text(FOLDER / "static" / f"{name}.css") for name in ("base", site.slug, "ad")
    )
    yield "site.css", _file(f"{look}{shared}{own}".encode(), _MEDIA_TYPES["css"])
    yield "ad.css", _file(f"{look}{advertisement}".encode(), _MEDIA_TYPES["css"])
    yield "icon.svg", _file(_icon(site).encode(), _MEDIA_TYPES["svg"])
    yield "site.js", _file(_settings(site).encode(), _MEDIA_TYPES["js"])
    if site.tv_client is not None:
        yield from _gather_tv(site)
    # From our own host: it stands before everything else, and nothing may wait for another host.
    yield _DEFAULT, _file(sdk_files()[_DEFAULT].content, _MEDIA_TYPES["js"])


def _gather_tv(site: BrandSite) -> Iterator[tuple[str, File]]:
    """What a television loads; its engine may know of no custom properties."""
    for one in sorted((FOLDER / "tv").iterdir(), key=lambda each: each.name):
        text, kind = _text(one), one.name.rpartition(".")[2]
        if kind == "css":
            text = _VARIABLE.sub(lambda found: site.look[found[1]], text)
            yield one.name, _file(text.encode(), _MEDIA_TYPES[kind])
        else:
            yield f"tv/{one.name}", _file(text.encode(), _MEDIA_TYPES[kind])


def _settings(site: BrandSite) -> str:
    told = {
        "brand": site.slug,
        "name": site.name,
        "hub": site.hub,
        "clientId": site.client_id,
        "redirectUri": f"{site.origin}{RETURN}",
        "others": {one.origin: one.name for one in site.others},
    }
    return f"export const site = {msgspec.json.encode(told).decode()};\n"


def _look(site: BrandSite) -> str:
    paper = site.look["--paper"]
    is_dark = contrast(paper, "#ffffff") > contrast(paper, "#000000")
    rules = " ".join(f"{name}: {value};" for name, value in site.look.items())
    return f":root {{ {rules} color-scheme: {'dark' if is_dark else 'light'}; }}\n"


def _icon(site: BrandSite) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32"'
        f' rx="{site.look["--radius"]}" fill="{site.look["--accent"]}"/><path fill="none"'
        f' stroke="{site.look["--on-accent"]}" stroke-width="4" d="M9 25V7m14 18V7M9 16h14"/></svg>'
    )


def _file(content: bytes, media_type: str) -> File:
    digest = hashlib.sha256(content).hexdigest()[:_DIGEST_LENGTH]
    return File(
        content=content,
        compressed=gzip.compress(content, 9, mtime=0),
        media_type=media_type,
        etag=f'"{digest}"',
    )


def _text(file: Traversable) -> str:
    return file.read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("consentid.demo", "brand_files/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
