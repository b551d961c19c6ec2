"""Bare JSON routes on uvicorn as it comes, set as ``consentid serve`` sets it: where others start.

How the hub's own answers leave (``web.joining``) and connections are let in is no part of that.
"""

import sys
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import uvicorn
from litestar import Litestar, get, post
from litestar.params import JSONBody


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """As small as the smallest answer of ours."""

    active: bool


class TokenIn(msgspec.Struct, frozen=True, kw_only=True):
    """As much as is sent to ``/v1/verify``."""

    token: str


class TokenOut(msgspec.Struct, frozen=True, kw_only=True):
    """As much as ``/v1/verify`` answers for an active token."""

    active: bool = True
    sub: str = "s" * 22
    aud: str = "https://news.halcyon.example"
    granted: tuple[str, ...] = ("ads", "ads.measurement", "ads.partners", "ads.personalised")
    refused: tuple[str, ...] = ("contact", "contact.email", "content")
    rev: int = 1
    exp: int = 1_790_000_000


ANSWER = TokenOut()


@get("/")
async def bare() -> Answer:
    return Answer(active=False)


@post("/verify", status_code=200)
async def bare_verify(data: JSONBody[TokenIn]) -> TokenOut:
    assert data.token
    return ANSWER


SERVED_ALIKE: Final[Mapping[str, Any]] = {
    "loop": "uvloop",
    "http": "httptools",
    "ws": "none",
    "lifespan": "on",
    "access_log": False,
    "server_header": False,
    "proxy_headers": True,
    "forwarded_allow_ips": ["127.0.0.1"],
    "log_level": "warning",
}


def serve(fd: int) -> None:
    """Serve on an inherited socket until SIGTERM."""
    app = Litestar([bare, bare_verify], openapi_config=None, logging_config=None)
    uvicorn.run(app, fd=fd, **SERVED_ALIKE)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
