"""Issue an ID token: its claims in the transaction, its signature after the commit.

RS256, or ES256 where the client is registered for that; both with published keys of ours.
Spec: OpenID Connect Core section 2.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from consentid.brandbook.book import Book
from consentid.brandbook.client import IdTokenAlgorithm
from consentid.core.party import PartyKind
from consentid.flows.context import Context
from consentid.flows.hub_session import session_sid
from consentid.flows.session import Session
from consentid.keyring.manifest import Use
from consentid.kit.instants import Instant, to_seconds
from consentid.oidc import id_token
from consentid.oidc.id_token import IdTokenClaims
from consentid.store.clients import Client
from consentid.tokens.pairwise import pairwise_sub

KEYS: Final = {
    # What signs for a client of each algorithm: its ID tokens, and its logout tokens.
    # The ES256 key also signs consent tokens; their `typ` and `aud` keep the two apart.
    IdTokenAlgorithm.ES256: Use.CONSENT,
    IdTokenAlgorithm.RS256: Use.ID,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedIdToken:
    """An ID token that may be signed once the transaction has committed."""

    claims: IdTokenClaims
    algorithm: IdTokenAlgorithm


def prepare_id_token(
    context: Context,
    book: Book,
    client: Client,
    session: Session,
    *,
    nonce: str | None,
    auth_time: Instant | None,
    acr: str | None,
    session_id: UUID | None,
    at: Instant,
) -> PreparedIdToken:
    """The claims of an ID token: ``sub`` is the one that the consent token carries.

    When somebody signed in is the same for all who are told: two partners would know by it, to the
    second, whom they have in common.  So a brand is told, and no partner.
    """
    issued = to_seconds(at)
    if client.party.kind is PartyKind.PARTNER:
        auth_time = None
    return PreparedIdToken(
        claims=IdTokenClaims(
            iss=book.group.issuer,
            sub=pairwise_sub(context.keyring.pairwise, str(client.party), session.subject.id.bytes),
            aud=client.client_id,
            exp=issued + id_token.LIFETIME_S,
            iat=issued,
            acr=acr,
            auth_time=None if auth_time is None else to_seconds(auth_time),
            nonce=nonce,
            sid=None
            if session_id is None
            else session_sid(context, session_id, client_id=client.client_id),
        ),
        algorithm=IdTokenAlgorithm(client.registration.id_token_signed_response_alg),
    )


def sign_id_token(context: Context, prepared: PreparedIdToken, *, access_token: str) -> str:
    """Sign what was prepared, bound to the access token beside it.  Call it after the commit."""
    key = context.keyring.active(KEYS[prepared.algorithm])
    claims = msgspec.structs.replace(prepared.claims, at_hash=id_token.at_hash(access_token))
    signing_input = id_token.unsigned(claims, alg=key.alg, kid=key.kid)
    return id_token.assemble(signing_input, key.sign(signing_input))
