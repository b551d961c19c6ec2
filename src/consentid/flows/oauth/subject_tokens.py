"""What a code, a refresh token or a device code is exchanged for: tokens that speak for a subject.

An opaque access token, an ID token, the consent token of the client's audience, and with
``offline_access`` a refresh token: 30 days unless used, 13 months at most, another at each use.

Spec: RFC 6749 section 5.1, RFC 9700 section 4.14 (rotation), OpenID Connect Core section 3.1.3.3.
"""

from typing import Any, Final, Protocol

from authlib.oauth2.rfc6749 import InvalidGrantError
from sqlalchemy.util import await_only

from consentid.flows.authenticate import hash_token
from consentid.flows.delegated import grant_for_brand
from consentid.flows.issue_id_token import prepare_id_token
from consentid.flows.issue_token import PreparedToken, prepare_token
from consentid.flows.oauth.errors import InvalidTargetError
from consentid.flows.oauth.granted import GrantedSubject, SubjectGrant
from consentid.flows.oauth.request import AuthlibRequest, client_of
from consentid.flows.oauth.transaction import Transaction
from consentid.flows.session import Session, open_session
from consentid.kit import base64url
from consentid.kit.errors import UnauthenticatedError
from consentid.kit.instants import DAY, SECOND, Instant
from consentid.oidc import authorization_details
from consentid.oidc.authorization_details import ConsentRequest
from consentid.oidc.authorization_request import OFFLINE_ACCESS, OPENID
from consentid.store import token_acts
from consentid.store.access_tokens import AccessToken
from consentid.store.refresh_tokens import RefreshToken
from consentid.store.subjects import SubjectRow

REFRESH_LIFETIME_D: Final = 30
FAMILY_LIFETIME_D: Final = 396
"""13 months, as long as a device's credential."""
_TOKEN_BYTES: Final = 32


class GrantServer(Protocol):
    """What a grant needs of the server that runs it."""

    transaction: Transaction


def open_grant(
    transaction: Transaction,
    asked: AuthlibRequest,
    grant: SubjectGrant,
    *,
    locked: SubjectRow | None = None,
) -> Session:
    """Open the session of a grant, and prepare what will be said about it.

    ``locked`` is the subject's row where it is locked already.

    Raises:
        InvalidGrantError: the subject was erased.
        InvalidTargetError: ``resource`` is not registered to the client, or another one was
            granted.
    """
    client = client_of(asked).row
    audience = _target(transaction, asked, grant)
    try:
        session = await_only(
            open_session(
                transaction.context,
                transaction.connection,
                subject=grant.subject,
                device=grant.device,
                lock=True,
                locked=locked,
            )
        )
    except UnauthenticatedError as error:
        raise InvalidGrantError("Nobody is known any more by what this stood for.") from error
    asked.prepared = await_only(
        prepare_token(
            transaction.context,
            transaction.connection,
            transaction.book,
            session,
            client,
            at=transaction.now,
            audience=audience,
        )
    )
    asked.granted = GrantedSubject(
        grant=grant,
        party=client.party,
        session=session,
        id_token=prepare_id_token(
            transaction.context,
            transaction.book,
            client,
            session,
            nonce=grant.nonce,
            auth_time=grant.auth_time,
            acr=grant.acr,
            session_id=grant.session_id,
            at=transaction.now,
        ),
        details=None
        if grant.details is None
        else _granted(transaction, session, grant.details, asked.prepared),
    )
    return session


def refresh_token_for(transaction: Transaction, granted: GrantedSubject) -> str | None:
    """A new refresh token where the grant has ``offline_access``; not kept yet."""
    if OFFLINE_ACCESS not in granted.grant.scopes:
        return None
    return base64url.encode(transaction.context.randomness(_TOKEN_BYTES))


def wants_id_token(body: dict[str, Any]) -> bool:
    """Whether an ID token goes with this answer."""
    return OPENID in str(body.get("scope", "")).split(" ")


async def save_tokens(
    transaction: Transaction,
    client_id: str,
    granted: GrantedSubject,
    token: dict[str, Any],
    *,
    link_hash: bytes | None = None,
) -> bool:
    """Keep the hashes of the tokens about to be handed out; see ``token_acts.write``."""
    now, grant = transaction.now, granted.grant
    return await token_acts.write(
        transaction.connection,
        AccessToken(
            token_hash=hash_token(token["access_token"]),
            client_id=client_id,
            subject=grant.subject,
            device=None if granted.session.device is None else granted.session.device.id,
            scopes=frozenset(token["scope"].split(" ")),
            family=grant.family,
            rests_on=granted.rests_on,
            issued_at=now,
            expires_at=Instant(now + token["expires_in"] * SECOND),
        ),
        None
        if "refresh_token" not in token
        else _refresh_token(granted, client_id, token["refresh_token"], now=now),
        link_hash=link_hash,
    )


def _refresh_token(
    granted: GrantedSubject, client_id: str, token: str, *, now: Instant
) -> RefreshToken:
    grant = granted.grant
    family_ends = grant.family_expires_at or Instant(now + FAMILY_LIFETIME_D * DAY)
    return RefreshToken(
        token_hash=hash_token(token),
        family=grant.family,
        client_id=client_id,
        subject=grant.subject,
        device=grant.device,
        session_id=grant.session_id,
        scopes=grant.scopes,
        resource=grant.resource,
        auth_time=grant.auth_time,
        acr=grant.acr,
        details=grant.details,
        rests_on=granted.rests_on,
        issued_at=now,
        expires_at=Instant(min(now + REFRESH_LIFETIME_D * DAY, family_ends)),
        family_expires_at=family_ends,
        sealed_name=grant.sealed_name,
    )


def _granted(
    transaction: Transaction, session: Session, kept: bytes, prepared: PreparedToken | None
) -> tuple[ConsentRequest, ...]:
    """What was asked for in details, as far as it holds now.  Spec: RFC 9396 section 7.1."""
    details = authorization_details.decode(kept)
    if prepared is None:
        return ()
    if authorization_details.brand_of(details) is not None:
        return grant_for_brand(transaction.book, session, details, transaction.now)
    said = prepared.claims
    return authorization_details.grant(
        details,
        granted=said.consent.g,
        audience=said.aud,
        catalogue=said.consent.cat,
    )


def _target(transaction: Transaction, asked: AuthlibRequest, grant: SubjectGrant) -> str | None:
    """The audience of the consent token; None for the first.  Spec: RFC 8707 section 2.2."""
    resource = asked.fields.get("resource", grant.resource)
    if resource is None:
        return None
    terms = transaction.book.catalogue.parties.get(client_of(asked).row.party)
    if terms is None or resource not in terms.audiences:
        raise InvalidTargetError("resource is not registered to this client.")
    if grant.resource not in (None, resource):
        raise InvalidTargetError("resource is another than the one that was granted.")
    return resource
