"""A partner sends a person to the hub with a pushed request, and hears what came of it.

The request goes from back end to back end, with PKCE and a state that one visit alone knows; the
browser carries a reference there and a code back, and no token at all.
Spec: RFC 9126, RFC 9396, RFC 7636, RFC 9207 (the answer names its issuer).
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from consentid.demo.hub_client import HubClient, HubRefusalError
from consentid.demo.partner_offers import FRONTS
from consentid.demo.partner_pages import Heard
from consentid.demo.tour_report import unverified_parts
from consentid.kit import base64url

CALLBACK = "/callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A request that is under way in one visit."""

    offer: str
    state: str
    verifier: str


def push(hub: HubClient, slug: str, offer_key: str, *, origin: str) -> tuple[Asking, str]:
    """Push a request; what is under way, and where to send the browser.

    Raises:
        HubRefusalError: the hub refuses it.
        KeyError: the partner makes no such offer.
    """
    offer = {one.key: one for one in FRONTS[slug].offers}[offer_key]
    asking = Asking(
        offer=offer.key, state=secrets.token_urlsafe(24), verifier=secrets.token_urlsafe(48)
    )
    challenge = base64url.encode(hashlib.sha256(asking.verifier.encode()).digest())
    request_uri = hub.push(
        {
            "response_type": "code",
            "redirect_uri": f"{origin}{CALLBACK}",
            "scope": "openid",
            "state": asking.state,
            "nonce": secrets.token_urlsafe(16),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "authorization_details": json.dumps([offer.detail]),
        }
    )
    query = urlencode({"client_id": hub.client_id, "request_uri": request_uri})
    return asking, f"{hub.hub}/authorize?{query}"


def hear(hub: HubClient, asking: Asking, told: Mapping[str, str], *, origin: str) -> Heard | None:
    """Take what the browser brought back; None where it is not of this visit, or not the hub's."""
    is_ours = hmac.compare_digest(asking.state.encode(), told.get("state", "").encode())
    if not is_ours or told.get("iss") != hub.hub:
        return None
    if "error" in told or "code" not in told:
        return Heard(offer=asking.offer, error=told.get("error", "no code")[:64])
    try:
        answer = hub.redeem(
            told["code"], verifier=asking.verifier, redirect_uri=f"{origin}{CALLBACK}"
        )
    except HubRefusalError as refusal:
        return Heard(offer=asking.offer, error=refusal.code)
    _, claims = unverified_parts(answer.consent_token)
    return Heard(
        offer=asking.offer,
        details=answer.authorization_details,
        claims=claims,
        token=answer.consent_token,
    )
