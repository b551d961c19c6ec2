"""What a device asks of ``/device_authorization``: strict, and refused in OAuth's words.

Parameters that we do not know are ignored, as RFC 6749 section 3.1 demands.  ``device_name`` is our
own: what the device calls itself, for the person who compares.  Spec: RFC 8628 section 3.1.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from consentid.oidc.authorization_request import check_resource
from consentid.oidc.refusal import RefusedRequestError

PAGE: Final = "/device"
"""Where a person goes with a code: short, to be typed.  Spec: RFC 8628 section 3.3."""
MAX_NAME: Final = 48
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0e\uffa0\U0001d159"
    "\U000e0100-\U000e01ef“”„‟«»\u2039\u203a\u275b-\u275e\u301d-\u301f"
    "\uff02\U0001f676-\U0001f678]"
)
"""What looks like nothing, though printable, and what would end our own quotation marks."""
_MARKS: Final = frozenset({"Mn", "Me"})
"""What stands over, under or around a letter; not all of it has a combining class."""
_MOST_MARKS: Final = 2
_SIZES: Final = {"scope": 1_024, "resource": 1_024}


class DeviceAuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that may be answered."""

    scopes: tuple[str, ...]
    """Those asked for, known or not, in order."""
    resource: str | None = None
    device_name: str | None = None
    wants_qr: bool = False


def parse_device_request(
    fields: Mapping[str, str], *, audiences: Collection[str]
) -> DeviceAuthorizationRequest:
    """Judge the fields of a request; ``audiences`` are those registered for the client.

    Raises:
        RefusedRequestError: ``invalid_request``, ``invalid_scope``, ``invalid_target``.
    """
    for name, most in _SIZES.items():
        if len(fields.get(name, "")) > most:
            raise RefusedRequestError("invalid_request", f"{name} is longer than {most}.")
    return DeviceAuthorizationRequest(
        scopes=_scopes(fields.get("scope", "")),
        resource=check_resource(fields.get("resource"), audiences=audiences),
        device_name=_device_name(fields.get("device_name")),
        wants_qr=_wants_qr(fields.get("qr")),
    )


def _scopes(scope: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word for word in scope.split(" ") if word))
    if not all(_is_scope(word) for word in words):
        raise RefusedRequestError("invalid_scope", "A scope is of visible ASCII characters.")
    return words


def _is_scope(word: str) -> bool:
    """Spec: RFC 6749 section 3.3."""
    return all("!" <= character <= "~" and character not in '"\\' for character in word)


def _wants_qr(form: str | None) -> bool:
    if form not in (None, "svg"):
        raise RefusedRequestError("invalid_request", "qr is svg, or left out.")
    return form is not None


def _device_name(name: str | None) -> str | None:
    """A name is shown to people: nothing in it may turn, hide or break what stands around it."""
    if name is None or not name.strip():
        return None
    trimmed = name.strip()
    is_plain = trimmed.isprintable() and not _UNSEEN.search(trimmed)
    marks = "".join("m" if unicodedata.category(each) in _MARKS else "." for each in trimmed)
    # Marks are not to be heaped on one letter, over the lines around it, nor to stand for a name.
    is_piled = "m" * (_MOST_MARKS + 1) in marks or marks.startswith("m")
    if len(trimmed) > MAX_NAME or not is_plain or is_piled:
        raise RefusedRequestError(
            "invalid_request",
            f"device_name is at most {MAX_NAME} printable characters, and no quotation marks.",
        )
    return trimmed
