"""What a client asks of ``/bc-authorize``: strict, and refused in OAuth's words.

A person is named by exactly one hint, and by none that says anything to whoever reads it: a
``login_hint`` would be an address or a number, and is refused.  ``binding_message`` is what the
agent reads out, so that the person knows whose question it is; here it is required.  ``capture`` is
our own: what the client captured before, which the person is to confirm.  Parameters that we do not
know are ignored, as RFC 6749 section 3.1 demands; ``user_code`` and what ping and push need among
them, whose support the metadata denies.

Spec: OpenID Connect CIBA Core 1.0 sections 7.1, 7.2 and 13.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

from consentid.oidc.authorization_request import check_resource, check_sizes, openid_scopes
from consentid.oidc.refusal import RefusedRequestError
from consentid.oidc.shown_text import is_plain

DEFAULT_EXPIRY_S: Final = 600
MAX_EXPIRY_S: Final = 1_800
SHORTEST_MESSAGE: Final = 4
LONGEST_MESSAGE: Final = 64
_MAX_DIGITS: Final = 9
_SIZES: Final = {
    "scope": 1_024,
    "resource": 1_024,
    "id_token_hint": 8_192,
    "login_hint_token": 8_192,
    "capture": 64,
}


class Hint(StrEnum):
    """How a client may name a person."""

    ID_TOKEN = "id_token_hint"  # noqa: S105 - a field's name
    """An ID token: the portal's for the client's brand, or one of ours for the client."""
    LOGIN_TOKEN = "login_hint_token"  # noqa: S105 - a field's name
    """The client's own name for the person (``sub``), signed by it; or an ID token of ours."""


_HINTS: Final = (*(str(each) for each in Hint), "login_hint")


class BackchannelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that may be answered."""

    scopes: tuple[str, ...]
    """Those asked for, known or not, in order."""
    hint: Hint
    unverified_hint: str
    message: str
    """What the agent reads out; shown letter by letter."""
    expires_in_s: int
    resource: str | None = None
    capture: UUID | None = None
    """What the client captured before, and asks to confirm."""


def parse_backchannel_request(
    fields: Mapping[str, str], *, audiences: Collection[str]
) -> BackchannelRequest:
    """Judge the fields of a request; ``audiences`` are those registered for the client.

    Raises:
        RefusedRequestError: ``invalid_request``, ``invalid_scope``, ``invalid_target``,
            ``invalid_binding_message``.
    """
    check_sizes(fields, _SIZES)
    if "request" in fields:
        raise RefusedRequestError("invalid_request", "Send parameters as such, not in a request.")
    hint = _hint(fields)
    return BackchannelRequest(
        scopes=openid_scopes(fields.get("scope")),
        hint=hint,
        unverified_hint=fields[hint],
        message=_message(fields.get("binding_message")),
        expires_in_s=_expiry(fields.get("requested_expiry")),
        resource=check_resource(fields.get("resource"), audiences=audiences),
        capture=_capture(fields),
    )


def _hint(fields: Mapping[str, str]) -> Hint:
    given = [name for name in _HINTS if name in fields]
    if len(given) != 1:
        raise RefusedRequestError("invalid_request", "Name the person by exactly one hint.")
    if given[0] not in {*Hint}:
        raise RefusedRequestError(
            "invalid_request",
            "A person is named by id_token_hint or login_hint_token, never by an address.",
        )
    return Hint(given[0])


def _capture(fields: Mapping[str, str]) -> UUID | None:
    text = fields.get("capture")
    if text is None:
        return None
    if "authorization_details" in fields:
        raise RefusedRequestError(
            "invalid_request", "A capture says what it is about: no authorization_details."
        )
    try:
        return UUID(text)
    except ValueError as error:
        raise RefusedRequestError("invalid_request", "capture is the id of a capture.") from error


def _message(message: str | None) -> str:
    is_right = (
        message is not None
        and SHORTEST_MESSAGE <= len(message) <= LONGEST_MESSAGE
        and message == message.strip()
        and is_plain(message)
    )
    if message is None or not is_right:
        raise RefusedRequestError(
            "invalid_binding_message",
            f"binding_message is {SHORTEST_MESSAGE} to {LONGEST_MESSAGE} printable characters, "
            "without quotation marks.",
        )
    return message


def _expiry(text: str | None) -> int:
    if text is None:
        return DEFAULT_EXPIRY_S
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and int(text) > 0):
        raise RefusedRequestError(
            "invalid_request", "requested_expiry is a number of seconds from 1 up."
        )
    return min(int(text), MAX_EXPIRY_S)
