"""``/field/``: the app for capture devices, which works without network once it was opened.

A closed list of files, read once at the start.  The service worker serves them under a name that
changes with any of them, controls nothing outside the folder, and touches no other request.
Spec: Service Workers (W3C), Web Application Manifest (W3C), Trusted Types.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.params import PathParameter
from litestar.response import Redirect

from consentid.kit.errors import NotFoundError
from consentid.web.pages.assets import PAGE_STYLE, PREFERENCES_STYLE
from consentid.web.validators import is_known

FOLDER: Final = "/field/"
_INDEX: Final = "index.html"
_WORKER: Final = "sw.js"
_MEDIA_TYPES: Final = {
    "html": "text/html",
    "js": "text/javascript",
    "css": "text/css",
    "svg": "image/svg+xml",
    "png": "image/png",
    "webmanifest": "application/manifest+json",
}
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "connect", "manifest")),
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types consentid-field",
    )
)
_HEADERS: Final = {"Cache-Control": "no-cache", "Content-Security-Policy": _POLICY}
"""The app asks whether there is a newer one, each time that it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """One file of the app."""

    content: bytes
    media_type: str

    @property
    def etag(self) -> str:
        """Its validator."""
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'


@cache
def app_files() -> Mapping[str, _File]:
    """Every file of the app by name; the page and the worker as they are served."""
    found = {
        each.name: each.read_bytes()
        for each in (files("consentid.web.pages") / "static" / "field").iterdir()
    }
    page = found[_INDEX].decode()
    for name, style in (("page_style", PAGE_STYLE), ("preferences_style", PREFERENCES_STYLE)):
        page = page.replace(f"{{{name}}}", style.path)
    found[_INDEX] = page.encode()
    own = sorted(found.keys() - {_INDEX, _WORKER})
    paths = [FOLDER, *(f"{FOLDER}{name}" for name in own), PAGE_STYLE.path, PREFERENCES_STYLE.path]
    version = hashlib.sha256(b"".join(found[name] for name in sorted(found))).hexdigest()[:16]
    head = f'const VERSION = "{version}";\nconst FILES = {msgspec.json.encode(paths).decode()};\n'
    found[_WORKER] = head.encode() + found[_WORKER]
    return {
        name: _File(content=content, media_type=_MEDIA_TYPES[name.rpartition(".")[2]])
        for name, content in found.items()
    }


@get("/field", include_in_schema=False)
async def get_field_app(request: Request[Any, Any, Any]) -> Response[Any]:
    """The app's page; what it is not under its own folder, its worker does not control."""
    if not request.scope["raw_path"].endswith(b"/"):  # the router strips it from the other
        return Redirect(FOLDER)
    return _answer(request, app_files()[_INDEX])


@get("/field/{file:str}", include_in_schema=False)
async def get_field_file(
    request: Request[Any, Any, Any], file: Annotated[str, PathParameter(max_length=64)]
) -> Response[Any]:
    """A module, the worker, the manifest, a picture."""
    found = app_files().get(file)
    if found is None or file == _INDEX:
        raise NotFoundError("asset_unknown", "There is no such file, or no longer.")
    return _answer(request, found)


def _answer(request: Request[Any, Any, Any], found: _File) -> Response[Any]:
    headers = {**_HEADERS, "ETag": found.etag}
    if is_known(request, found.etag):
        return Response(b"", status_code=304, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)
