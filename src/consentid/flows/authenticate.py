"""Who is calling: an opaque access token becomes a caller with its rights."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from consentid.core.decision import SubjectId
from consentid.flows.context import Context
from consentid.kit.errors import ForbiddenError, UnauthenticatedError
from consentid.oidc.authorization_request import OPENID
from consentid.store import holders
from consentid.store.clients import Client
from consentid.store.holders import Holder
from consentid.telemetry.tracing import step

_MAX_TOKEN_LENGTH: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated client, and the subject that its token names, if any."""

    client: Client
    scopes: frozenset[str]
    subject: SubjectId | None
    device: SubjectId | None
    family: UUID | None = None
    """What tokens that come of one code have in common; None where the token came of none."""

    def require(self, scope: str) -> None:
        """Insist on a scope.

        Raises:
            ForbiddenError: the token does not carry it.
        """
        if scope not in self.scopes:
            raise ForbiddenError(
                "insufficient_scope", f"This call needs an access token with scope {scope}."
            )

    def require_subject(self) -> SubjectId:
        """Insist on a subject.

        Raises:
            ForbiddenError: the token names none.
        """
        if self.subject is None:
            raise ForbiddenError(
                "subject_needed",
                "This call needs a subject's access token: exchange an ID token or a credential.",
            )
        return self.subject


def hash_token(token: str) -> bytes:
    """How an opaque token is stored.  It has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).digest()


@step("authenticate")
async def authenticate(context: Context, unverified_token: str) -> Caller:
    """Find out who holds an access token.

    Raises:
        UnauthenticatedError: it is not one of ours, or it has expired.
    """
    if len(unverified_token) > _MAX_TOKEN_LENGTH:
        raise _refused()
    holder = await context.authenticating.join(
        hash_token(unverified_token), partial(_find_holders, context)
    )
    if holder is None:
        raise _refused()
    return Caller(
        client=holder.client,
        scopes=holder.scopes & (holder.client.scopes | {OPENID}),
        subject=holder.subject,
        device=holder.device,
        family=holder.family,
    )


async def _find_holders(context: Context, hashes: Sequence[bytes]) -> Sequence[Holder | None]:
    async with context.database.glancing() as connection:
        found = await holders.find_holders(connection, set(hashes))
    return [found.get(each) for each in hashes]


def _refused() -> UnauthenticatedError:
    return UnauthenticatedError(
        "invalid_token", "The access token is unknown or has expired: get a new one at /token."
    )
