"""What a client asks of ``/authorize``: strict, and refused in OAuth's words.

The client and the address to answer to are judged before (``redirect``); from then on a refusal
can be told to the client.  Parameters that we do not know are ignored, as RFC 6749 section 3.1
demands; so is ``claims``, whose support the metadata denies.

Spec: OpenID Connect Core section 3.1.2, RFC 6749 section 4.1.1, RFC 7636, RFC 8707, RFC 9101.
"""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from consentid.oidc import pkce
from consentid.oidc.prompt import Prompt, parse_prompt
from consentid.oidc.refusal import RefusedRequestError

OPENID: Final = "openid"
OFFLINE_ACCESS: Final = "offline_access"

MAX_STATE: Final = 2_048
_SIZES: Final = {
    "scope": 1_024,
    "nonce": 1_024,
    "login_hint": 256,
    "ui_locales": 128,
    "acr_values": 256,
    "id_token_hint": 8_192,
    "prompt": 64,
    "max_age": 10,
    "resource": 1_024,
    "response_mode": 64,
    "response_type": 64,
    "code_challenge": 128,
    "code_challenge_method": 16,
    "missing_consent": 16,
}


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request that may be answered.  It is kept, sealed, while the person decides."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    """Those asked for, known or not, in order."""
    code_challenge: str
    state: str | None = None
    nonce: str | None = None
    prompt: frozenset[Prompt] = frozenset()
    max_age_s: int | None = None
    resource: str | None = None
    login_hint: str | None = None
    id_token_hint: str | None = None
    ui_locales: tuple[str, ...] = ()
    acr_values: tuple[str, ...] = ()
    details: bytes | None = None
    """Authorization details that were pushed, as JSON."""
    purposes: tuple[str, ...] = ()
    """The purposes that they ask for: these have to be answered, too."""
    on_behalf_of: str | None = None
    """The brand that a partner asks for; None where the client asks for itself."""
    accepts_missing: bool = False
    """With ``prompt=none``, a code also where some answers are missing: an extension of ours."""


def parse_request(fields: Mapping[str, str], *, audiences: Collection[str]) -> AuthorizationRequest:
    """Judge the fields of a request; ``audiences`` are those registered for the client.

    Raises:
        RefusedRequestError: ``invalid_request``, ``unsupported_response_type``, ``invalid_scope``,
            ``invalid_target``, ``request_not_supported``, ``registration_not_supported``.
    """
    check_sizes(fields, _SIZES)
    if "request" in fields:
        raise RefusedRequestError(
            "request_not_supported", "Send parameters as such, or push them to /par."
        )
    if "registration" in fields:
        raise RefusedRequestError(
            "registration_not_supported", "Clients are registered beforehand."
        )
    _check_response(fields)
    return AuthorizationRequest(
        client_id=fields["client_id"],
        redirect_uri=fields["redirect_uri"],
        scopes=openid_scopes(fields.get("scope")),
        code_challenge=_challenge(fields),
        state=fields.get("state"),
        nonce=fields.get("nonce"),
        prompt=parse_prompt(fields.get("prompt")),
        max_age_s=_max_age(fields.get("max_age")),
        resource=check_resource(fields.get("resource"), audiences=audiences),
        login_hint=fields.get("login_hint"),
        id_token_hint=fields.get("id_token_hint"),
        ui_locales=_words(fields.get("ui_locales")),
        acr_values=_words(fields.get("acr_values")),
        accepts_missing=_accepts_missing(fields.get("missing_consent")),
    )


def check_resource(resource: str | None, *, audiences: Collection[str]) -> str | None:
    """Judge ``resource``: one of the client's registered audiences, or none.  Spec: RFC 8707.

    Raises:
        RefusedRequestError: ``invalid_target``.
    """
    if resource is not None and "#" in resource:
        raise RefusedRequestError("invalid_target", "resource carries no fragment.")
    if resource is not None and resource not in audiences:
        raise RefusedRequestError("invalid_target", "resource is not registered to this client.")
    return resource


def check_sizes(fields: Mapping[str, str], sizes: Mapping[str, int]) -> None:
    """Refuse a field that is longer than any that makes sense.

    Raises:
        RefusedRequestError: ``invalid_request``.
    """
    for name, most in sizes.items():
        if len(fields.get(name, "")) > most:
            raise RefusedRequestError("invalid_request", f"{name} is longer than {most}.")


def openid_scopes(scope: str | None) -> tuple[str, ...]:
    """The scopes asked for, each once, in order.

    Raises:
        RefusedRequestError: ``invalid_scope`` where ``openid`` is not among them.
    """
    found = _words(scope)
    if OPENID not in found:
        raise RefusedRequestError("invalid_scope", "scope names openid.")
    return tuple(dict.fromkeys(found))


def _accepts_missing(unverified: str | None) -> bool:
    if unverified not in {None, "accept"}:
        raise RefusedRequestError("invalid_request", "missing_consent is accept, or left out.")
    return unverified is not None


def _check_response(fields: Mapping[str, str]) -> None:
    kind = fields.get("response_type")
    if kind is None:
        raise RefusedRequestError("invalid_request", "response_type is missing.")
    if kind != "code":
        raise RefusedRequestError("unsupported_response_type", "response_type is code.")
    if fields.get("response_mode", "query") != "query":
        raise RefusedRequestError("invalid_request", "response_mode is query.")


def _challenge(fields: Mapping[str, str]) -> str:
    challenge = fields.get("code_challenge")
    if challenge is None:
        raise RefusedRequestError("invalid_request", "code_challenge is missing: PKCE is for all.")
    if fields.get("code_challenge_method") != pkce.METHOD:
        raise RefusedRequestError("invalid_request", "code_challenge_method is S256.")
    if not pkce.is_well_formed(challenge):
        raise RefusedRequestError(
            "invalid_request", "code_challenge is 43 to 128 unreserved characters."
        )
    return challenge


def _max_age(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise RefusedRequestError("invalid_request", "max_age is a number of seconds from 0 up.")
    return int(text)


def _words(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(word for word in text.split(" ") if word)
