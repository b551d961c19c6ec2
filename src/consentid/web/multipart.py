"""Forms that bring a file: each field once, bounded, whole.  Spec: RFC 7578."""

from email import message_from_bytes
from email.policy import HTTP
from typing import Final

from consentid.kit.errors import MalformedError

_MAX_FIELDS: Final = 8


def parse_multipart(body: bytes, content_type: str) -> dict[str, bytes]:
    """Read ``multipart/form-data``, files and texts alike.  What is empty counts as none.

    The body is in memory already, and bounded.

    Raises:
        MalformedError: it is none, or has a field twice or too many.
    """
    head = f"Content-Type: {content_type}\r\n\r\n".encode("ascii", "replace")
    form = message_from_bytes(head + body, policy=HTTP)
    parts = list(form.iter_parts()) if form.is_multipart() else []
    if not 0 < len(parts) <= _MAX_FIELDS or form.defects:
        raise _malformed("This is not a form with a file.")
    fields: dict[str, bytes] = {}
    for part in parts:
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            raise _malformed("This is not a form with a file.")
        if name in fields:
            raise _malformed("A field is given twice.")
        fields[name] = content
    return {name: content for name, content in fields.items() if content}


def _malformed(message: str) -> MalformedError:
    return MalformedError("form_malformed", message)
