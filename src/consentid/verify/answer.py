"""A verifier's yes: what an active token allows."""

import msgspec

from consentid.tokens.consent import ConsentClaims


class Active(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A token to rely on now, and what it says."""

    sub: str
    """The person, as this audience knows it and nobody else does."""
    aud: str
    client_id: str
    granted: frozenset[str]
    refused: frozenset[str]
    """Refused, where asked again would be wrong.  In neither set is a no as well."""
    assisted: frozenset[str] = frozenset()
    """Those granted by somebody else's word, which the person has not confirmed yet."""
    rev: int
    catalogue: int
    exp_s: int
    """Unix seconds.  From this instant on, the token is inactive."""

    def allows(self, purpose: str) -> bool:
        """Whether this very purpose is granted."""
        return purpose in self.granted


def answer(claims: ConsentClaims) -> Active:
    """Put verified claims, with their status checked, as an answer."""
    consent = claims.consent
    return Active(
        sub=claims.sub,
        aud=claims.aud,
        client_id=claims.client_id,
        granted=frozenset(consent.g),
        refused=frozenset(consent.d),
        assisted=frozenset(consent.a),
        rev=consent.rev,
        catalogue=consent.cat,
        exp_s=claims.exp,
    )
