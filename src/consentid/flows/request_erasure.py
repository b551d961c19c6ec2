"""A client asks that a person be forgotten: the one that its access token stands for.

The token is good for nothing from then on but asking again, and whoever does so is answered alike.
"""

from dataclasses import replace

import msgspec

from consentid.brandbook.client import Scope
from consentid.flows.authenticate import Caller, hash_token
from consentid.flows.context import Context
from consentid.flows.restrict_subject import Asked, Reason, restrict_subject
from consentid.kit.errors import UnauthenticatedError
from consentid.kit.instants import to_rfc3339
from consentid.store import access_tokens
from consentid.telemetry.tracing import step


class ErasureOut(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure under way."""

    erasure: str
    """Its id: the transparency log has an entry of that id, which names nobody."""
    reason: str
    restricted_at: str
    """Since when nothing of the person is served, and no token of theirs holds."""
    shred_at: str
    """Until when what they decided is kept, sealed, as it may have to be proven."""


@step("request_erasure")
async def request_erasure(
    context: Context, caller: Caller, reason: Reason, *, access_token: str
) -> ErasureOut:
    """Set the caller's subject aside at once, and have it shredded in time.

    Raises:
        ForbiddenError: the access token names no subject.
        UnauthenticatedError: the subject is known no longer.
    """
    subject = caller.require_subject()
    async with context.database.writing() as connection:
        own = await access_tokens.find(connection, hash_token(access_token))
        asked = Asked(reason=reason, asked_by=caller.client.client_id)
        erasure = await restrict_subject(context, connection, subject, asked)
        if erasure is None or own is None:
            raise UnauthenticatedError(
                "subject_unknown", "This access token's subject is known no longer."
            )
        await access_tokens.revoke(connection, own.token_hash, client_id=own.client_id)
        await access_tokens.add(
            connection,
            replace(
                own, scopes=frozenset({Scope.ERASURE}), device=None, family=None, rests_on=None
            ),
        )
    return ErasureOut(
        erasure=str(erasure.id),
        reason=erasure.reason,
        restricted_at=to_rfc3339(erasure.restricted_at),
        shred_at=to_rfc3339(erasure.shred_at),
    )
