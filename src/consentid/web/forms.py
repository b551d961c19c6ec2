"""Forms and HTTP Basic, parsed strictly: each field once, UTF-8, bounded.

Spec: RFC 6749 sections 2.3.1, 3.2 and appendix B; RFC 7617.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote_plus, unquote_to_bytes

from consentid.flows.authenticate_client import BasicCredentials
from consentid.kit.errors import MalformedError, UnauthenticatedError

MAX_FIELDS: Final = 32
MAX_VALUE: Final = 16_384
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_JSON: Final = frozenset({"authorization_details"})
"""What is JSON may be written over several lines.  Spec: RFC 8259 section 2."""
_CONTROL_IN_JSON: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def parse_form(body: bytes, *, max_fields: int = MAX_FIELDS) -> dict[str, str]:
    """Read ``application/x-www-form-urlencoded``.  An empty value counts as none.

    Raises:
        MalformedError: a field twice, too many, too long, not UTF-8, or with control characters.
    """
    fields: dict[str, str] = {}
    pairs = body.split(b"&") if body else []
    if len(pairs) > max_fields:
        raise _malformed(f"A request has at most {max_fields} parameters.")
    seen: set[str] = set()
    for pair in pairs:
        raw_name, _, raw_value = pair.partition(b"=")
        name = _decode(raw_name)
        value = _decode(raw_value, _CONTROL_IN_JSON if name in _JSON else _CONTROL)
        if name in seen:
            raise _malformed("A parameter is given twice.")
        seen.add(name)
        if value:
            fields[name] = value
    return fields


def parse_basic(headers: Sequence[str]) -> BasicCredentials | None:
    """Read the ``Authorization`` headers, one of scheme Basic at most; None where there is none.

    Raises:
        UnauthenticatedError: two headers, another scheme, or not ``base64(id:secret)`` in UTF-8.
    """
    if not headers:
        return None
    scheme, _, encoded = headers[0].partition(" ")
    if len(headers) > 1 or scheme.lower() != "basic":
        raise _unauthenticated()
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
        client_id, colon, secret = (
            unquote_plus(part, errors="strict") for part in text.partition(":")
        )
    except (binascii.Error, ValueError) as error:
        raise _unauthenticated() from error
    if not colon or "\0" in text or "\0" in client_id or "\0" in secret:
        raise _unauthenticated()
    return BasicCredentials(client_id=client_id, secret=secret)


def _decode(raw: bytes, refused: re.Pattern[str] = _CONTROL) -> str:
    try:
        text = unquote_to_bytes(raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError as error:
        raise _malformed("A parameter is not UTF-8.") from error
    if len(text) > MAX_VALUE:
        raise _malformed("A parameter is too long.")
    if refused.search(text):
        raise _malformed("A parameter holds a control character.")
    return text


def _malformed(message: str) -> MalformedError:
    return MalformedError("invalid_request", message)


def _unauthenticated() -> UnauthenticatedError:
    return UnauthenticatedError(
        "invalid_client", "Authenticate by HTTP Basic with the client's id and secret."
    )
