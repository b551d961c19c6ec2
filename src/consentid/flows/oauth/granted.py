"""Whom the tokens of a code, a refresh token or a device code are to speak for."""

from dataclasses import dataclass
from uuid import UUID

from consentid.core.decision import SubjectId
from consentid.core.party import Party, PartyKind, Slug
from consentid.flows.issue_id_token import PreparedIdToken
from consentid.flows.resting import spell_resting
from consentid.flows.session import Session
from consentid.kit.instants import Instant
from consentid.oidc import authorization_details
from consentid.oidc.authorization_details import ConsentRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectGrant:
    """Whom tokens are to speak for, and on what terms."""

    subject: SubjectId
    device: SubjectId | None
    family: UUID
    """What tokens that come of one code have in common."""
    scopes: frozenset[str]
    """All that were granted; a refresh may ask for fewer, and keeps all."""
    resource: str | None = None
    nonce: str | None = None
    auth_time: Instant | None = None
    acr: str | None = None
    session_id: UUID | None = None
    details: bytes | None = None
    family_expires_at: Instant | None = None
    """None for a family that begins now."""
    sealed_name: bytes | None = None
    """What the device calls itself, under the subject's key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantedSubject:
    """A grant whose session is open: what is left is to make the tokens."""

    grant: SubjectGrant
    party: Party
    """The client's own brand or partner."""
    session: Session
    id_token: PreparedIdToken
    details: tuple[ConsentRequest, ...] | None
    """What is granted now of the grant's details; None where it has none."""

    @property
    def rests_on(self) -> tuple[str, ...] | None:
        """What ends these tokens once it is withdrawn."""
        if self.details is None:
            return None
        brand = authorization_details.brand_of(self.details)
        answered_for = (
            self.party if brand is None else Party(kind=PartyKind.BRAND, slug=Slug(brand))
        )
        purposes = authorization_details.purposes_of(self.details)
        return spell_resting(self.party, answered_for, purposes)
