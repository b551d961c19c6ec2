"""A bare JSON route, served as ``consentid serve`` serves: what the framework itself costs."""

import sys

import msgspec
import uvicorn
from litestar import Litestar, get


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """As small as the smallest answer of ours."""

    active: bool


@get("/")
async def bare() -> Answer:
    return Answer(active=False)


def serve(fd: int) -> None:
    """Serve on an inherited socket until SIGTERM."""
    uvicorn.run(
        Litestar([bare], openapi_config=None, logging_config=None),
        fd=fd,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=["127.0.0.1"],
        log_level="warning",
    )


if __name__ == "__main__":
    serve(int(sys.argv[1]))
