"""Hear what a portal says of somebody who was handed over to it: answer, code and ID token.

The answer is believed only where it names the portal that was asked (``iss``, against mix-up), and
its ID token only where it answers this very request (``nonce``, age of the sign-in).

Spec: OpenID Connect Core sections 3.1.2.5 to 3.1.3.7, RFC 9207 section 2.4.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from consentid.flows.context import Context
from consentid.flows.portal_login import HandOver, portal_of
from consentid.kit.errors import UnauthenticatedError
from consentid.kit.instants import Instant
from consentid.net.portal import PortalIdentity, check_login, verify_id_token
from consentid.net.portal_keys import KeySource

_MAX_CODE: Final = 4_096
_MAX_ERROR: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came back."""

    unverified_id_token: str | None = field(default=None, repr=False)
    """None where the portal did not sign them in."""
    error: str | None = None
    """The portal's word for why not."""


async def hear_answer(
    context: Context, hand_over: HandOver, unverified_answer: Mapping[str, str]
) -> Heard:
    """Take the answer to a hand-over that was just used up, and redeem its code.

    Raises:
        UnauthenticatedError: the answer or its code does not hold.
        UnavailableError: the portal gives no usable answer now.
    """
    portal = await portal_of(context, hand_over)
    unverified_iss = unverified_answer.get("iss")
    must_name_itself = portal.metadata.authorization_response_iss_parameter_supported
    if unverified_iss != hand_over.issuer and (must_name_itself or unverified_iss is not None):
        raise UnauthenticatedError(
            "portal_mixed_up",
            "The answer does not come from the portal that was asked.",
            where="iss",
        )
    if "error" in unverified_answer:
        return Heard(error=unverified_answer["error"][:_MAX_ERROR])
    code = unverified_answer.get("code", "")
    if not 0 < len(code) <= _MAX_CODE:
        raise UnauthenticatedError("portal_refused", "The answer has no code.", where="code")
    return Heard(unverified_id_token=await portal.redeem(code, verifier=hand_over.verifier))


async def judge_login(
    hand_over: HandOver, unverified_id_token: str, *, keys: KeySource, now: Instant
) -> PortalIdentity:
    """Judge the ID token that came for a hand-over.

    Raises:
        MalformedError: what the portal calls an ID token is none.
        UnauthenticatedError: it does not hold, or answers another request.
        UnavailableError: the portal's keys cannot be fetched.
    """
    identity = await verify_id_token(
        unverified_id_token,
        keys=keys,
        issuer=hand_over.issuer,
        audience=hand_over.client_id,
        now=now,
    )
    check_login(
        identity,
        nonce=hand_over.nonce,
        asked_at=Instant(hand_over.asked_at),
        max_age_s=hand_over.max_age_s,
        is_fresh=hand_over.is_fresh,
    )
    return identity
