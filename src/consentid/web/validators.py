"""Whether a client has the answer already.  Spec: RFC 9110 section 13.1.2 (``If-None-Match``)."""

from typing import Any

from litestar.connection import ASGIConnection


def is_known(connection: ASGIConnection[Any, Any, Any, Any], *etags: str) -> bool:
    """Whether ``If-None-Match`` names one of these validators; ``*`` names every one."""
    sent = ",".join(connection.headers.getall("if-none-match", []))
    named = {each.strip().removeprefix("W/") for each in sent.split(",")}
    return "*" in named or not named.isdisjoint(etag.removeprefix("W/") for etag in etags)
