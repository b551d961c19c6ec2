"""End a token that its client needs no more.  Consent stays: that is the person's to take back.

An access token ends alone; a refresh token ends with all that came of the same code.  A token that
is unknown, or another client's, is left as it is and answered alike.  Spec: RFC 7009.
"""

from typing import Final

from consentid.flows.authenticate import hash_token
from consentid.flows.context import Context
from consentid.flows.tell_others import tell_revocation
from consentid.kit.errors import MalformedError
from consentid.store import access_tokens, clock, dependents, refresh_tokens, subjects
from consentid.store.clients import Client
from consentid.tokens import jws
from consentid.tokens.consent import MAX_LENGTH, TYPE
from consentid.tokens.reasons import Inactive

_MAX_OPAQUE: Final = 256


async def revoke_token(context: Context, client: Client, unverified_token: str) -> None:
    """End a client's token.

    Raises:
        MalformedError: ``unsupported_token_type``: it is a consent token, which says what a person
            decided and ends by a withdrawal.
    """
    split = jws.split(unverified_token, typ=TYPE, max_length=MAX_LENGTH)
    if not isinstance(split, Inactive):
        raise MalformedError(
            "unsupported_token_type",
            "A consent token is not revoked: record the person's withdrawal instead.",
        )
    if len(unverified_token) > _MAX_OPAQUE:
        return
    token_hash = hash_token(unverified_token)
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        whose = await access_tokens.revoke(connection, token_hash, client_id=client.client_id)
        if whose is not None:
            await tell_revocation(context, connection, client, whose, token="access", at=now)  # noqa: S106
        refresh = await refresh_tokens.find(connection, token_hash)
        if refresh is not None and refresh.client_id == client.client_id:
            # Whoever holds the lock may be adding a token to this very family.
            await subjects.find(connection, refresh.subject, lock=True)
            await dependents.end_families(connection, [refresh.family], at=now)
            await tell_revocation(
                context,
                connection,
                client,
                refresh.subject,
                token="refresh",  # noqa: S106 - its kind
                at=now,
            )
