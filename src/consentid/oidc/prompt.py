"""What a client wants shown.

Spec: OpenID Connect Core section 3.1.2.1; Initiating User Registration section 4.1 (``create``).
"""

from enum import StrEnum

from consentid.oidc.refusal import RefusedRequestError


class Prompt(StrEnum):
    """One word of ``prompt``."""

    NONE = "none"
    """Show nothing: answer from what is known, or say what is missing."""
    LOGIN = "login"
    """Have the person sign in anew."""
    CONSENT = "consent"
    """Show the choices again, as they stand."""
    CREATE = "create"
    """Have the person make an account at the portal."""


def parse_prompt(text: str | None) -> frozenset[Prompt]:
    """Read ``prompt``.

    Raises:
        RefusedRequestError: ``invalid_request`` for an unknown word, or ``none`` beside another.
    """
    words = [] if text is None else text.split(" ")
    try:
        found = frozenset(Prompt(word) for word in words if word)
    except ValueError as error:
        raise RefusedRequestError(
            "invalid_request", "prompt knows none, login, consent and create."
        ) from error
    if Prompt.NONE in found and len(found) > 1:
        raise RefusedRequestError("invalid_request", "prompt=none goes with no other prompt.")
    return found
