"""What a device asks of ``/device_authorization``: strict, and refused in OAuth's words.

Parameters that we do not know are ignored, as RFC 6749 section 3.1 demands.  ``device_name`` is our
own: what the device calls itself, for the person who compares.  Spec: RFC 8628 section 3.1.
"""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from consentid.oidc.authorization_request import check_resource, check_sizes
from consentid.oidc.refusal import RefusedRequestError
from consentid.oidc.shown_text import is_plain

PAGE: Final = "/device"
"""Where a person goes with a code: short, to be typed.  Spec: RFC 8628 section 3.3."""
MAX_NAME: Final = 48
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
    check_sizes(fields, _SIZES)
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
    if name is None or not name.strip():
        return None
    trimmed = name.strip()
    if len(trimmed) > MAX_NAME or not is_plain(trimmed):
        raise RefusedRequestError(
            "invalid_request",
            f"device_name is at most {MAX_NAME} printable characters, and no quotation marks.",
        )
    return trimmed
