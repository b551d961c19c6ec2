"""An error as a document for a person, at addresses that browsers are sent to.

It says what is wrong and links nowhere: nothing in it comes from the request.
"""

from html import escape
from typing import Final

from consentid.web.problems import Problem

MEDIA_TYPE: Final = "text/html; charset=utf-8"
_PATHS: Final = frozenset(
    {
        *("/approvals", "/authorize", "/device", "/link", "/login/callback", "/logout"),
        *("/operations", "/preferences", "/verify-receipt"),
    }
)
_FOLDERS: Final = (
    "/interaction/",
    "/device/",
    "/approvals/",
    "/link/",
    "/operations/",
    "/preferences/",
)


def is_for_persons(unverified_path: str) -> bool:
    """Whether a person is at the other end of this address."""
    return unverified_path.rstrip("/") in _PATHS or unverified_path.startswith(_FOLDERS)


def error_document(found: Problem) -> bytes:
    """The document, in UTF-8."""
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(found.title)}</title></head>
<body><main><h1>{escape(found.title)}</h1>
<p>{escape(found.detail)}</p>
<p><code>{escape(found.code)}</code></p></main></body>
</html>
""".encode()
