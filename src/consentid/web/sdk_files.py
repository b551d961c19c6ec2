"""``/sdk/v1/{file}``: the browser SDK, as it lies in the wheel.

A closed list of files, read once at the start, each with a validator per encoding.  Any page may
load them, pinned by ``integrity.json``.

Spec: Subresource Integrity (W3C); RFC 9110 sections 8.8.3, 12.5.3 and 13.1.2; RFC 9239.
"""

import base64
import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import PathParameter

from consentid.kit.errors import NotFoundError
from consentid.web.responses import PUBLIC_PROBLEMS
from consentid.web.validators import is_known

FOLDER: Final = "/sdk/v1"
INTEGRITY: Final = "integrity.json"
_MEDIA_TYPES: Final = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".d.ts": "text/plain",
    ".json": "application/json",
}
_HEADERS: Final = {
    "Cache-Control": "public, max-age=3600",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Vary": "Accept-Encoding",
}
_GZIP: Final = "gzip"


@dataclass(frozen=True, slots=True, kw_only=True)
class SdkFile:
    """One file of the SDK."""

    name: str
    content: bytes

    @property
    def media_type(self) -> str:
        """What it is; the framework adds that texts are UTF-8."""
        return next(kind for suffix, kind in _MEDIA_TYPES.items() if self.name.endswith(suffix))

    @property
    def integrity(self) -> str:
        """For a page's ``integrity`` attribute."""
        return f"sha384-{base64.b64encode(hashlib.sha384(self.content).digest()).decode()}"

    def etag(self, encoding: str | None) -> str:
        """Its validator; another one for each encoding, since the bytes differ."""
        digest = hashlib.sha256(self.content).hexdigest()[:32]
        return f'"{digest}"' if encoding is None else f'"{digest}-{encoding}"'


@cache
def sdk_files() -> Mapping[str, SdkFile]:
    """Every file of the SDK by name, and what their integrity is."""
    found = {
        each.name: SdkFile(name=each.name, content=each.read_bytes())
        for each in sorted(files("consentid.sdk").iterdir(), key=lambda each: each.name)
        if each.is_file() and each.name.endswith((".js", ".css", ".d.ts"))
    }
    pins = {name: file.integrity for name, file in found.items()}
    pinned = SdkFile(name=INTEGRITY, content=msgspec.json.format(msgspec.json.encode(pins)) + b"\n")
    return {**found, INTEGRITY: pinned}


@cache
def _compressed(name: str) -> bytes:
    # No time in it: every node answers the same bytes.
    return gzip.compress(sdk_files()[name].content, 9, mtime=0)


@dataclass  # the base has no __post_init__, so its own __init__ would not call this one
class _FileOperation(Operation):
    """Tells every media type that a file may have."""

    def __post_init__(self) -> None:
        good = (self.responses or {}).get("200")
        if isinstance(good, OpenAPIResponse):
            text = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
            good.content = dict.fromkeys(_MEDIA_TYPES.values(), text)


@get(
    f"{FOLDER}/{{file:str}}",
    tags=["SDK"],
    summary="A file of the browser SDK",
    security=[{}],
    operation_class=_FileOperation,
    responses={
        **PUBLIC_PROBLEMS,
        304: ResponseSpec(None, description="It is the one that `If-None-Match` names."),
    },
)
async def get_sdk_file(
    request: Request[Any, Any, Any],
    file: Annotated[str, PathParameter(max_length=128)],
) -> Response[bytes]:
    """A module, a style sheet or types; `integrity.json` has the digest of each.

    A query (`?v=3`) changes nothing: pages put one there to have a file anew.
    """
    found = sdk_files().get(file)
    if found is None:
        raise NotFoundError("sdk_file_unknown", "The SDK has no such file.", where="file")
    encoding = _GZIP if accepts_gzip(request.headers.getall("accept-encoding", [])) else None
    headers = {**_HEADERS, "ETag": found.etag(encoding)}
    if is_known(request, found.etag(None), found.etag(_GZIP)):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if encoding is None:
        return Response(found.content, media_type=found.media_type, headers=headers)
    headers["Content-Encoding"] = encoding
    return Response(_compressed(file), media_type=found.media_type, headers=headers)


def accepts_gzip(headers: list[str]) -> bool:
    """Whether a client takes gzip.  Spec: RFC 9110 section 12.5.3."""
    weights: dict[str, float] = {}
    for part in ",".join(headers).split(","):
        coding, _, parameters = part.partition(";")
        name, _, weight = parameters.strip().partition("=")
        try:
            weights[coding.strip().lower()] = float(weight) if name.strip().lower() == "q" else 1.0
        except ValueError:
            continue
    return weights.get(_GZIP, weights.get("*", 0.0)) > 0
