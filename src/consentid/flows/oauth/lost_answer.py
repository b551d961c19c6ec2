"""A refresh whose answer was lost is asked again: by the token before, since the next never came.

A public client has nothing but its refresh token.  Where the power or the network goes between our
commit and its own storing, the token that it still has is a used one, and its family would end as
if it had been stolen.  So a used token may come again, for a while, as long as nobody has used what
its use gave: that one is ended unseen, and another given.

No thief gains time by it.  Whoever comes with an old token ends what the television holds, its
access tokens at once; so the television renews when it next asks, by a token that was superseded,
and the family ends.  Once a successor was used, an old token ends the family as ever.

Spec: RFC 9700 section 4.14.2 (rotation), RFC 6749 section 10.4.
"""

from typing import Final

from authlib.oauth2.rfc6749 import InvalidGrantError

from consentid.brandbook.client import AuthMethod, Surface
from consentid.flows.oauth.transaction import Transaction
from consentid.kit.instants import SECOND
from consentid.store import access_tokens, refresh_tokens
from consentid.store.clients import Client
from consentid.store.refresh_tokens import RefreshToken

GRACE_S: Final = 60
TV_GRACE_S: Final = 86_400
"""Whoever pulls the plug comes back the next evening; old engines write what they keep late."""


async def find_unseen(
    transaction: Transaction, client: Client, used: RefreshToken
) -> RefreshToken | None:
    """What a used token gave, where its use may be repeated; else None."""
    if client.auth_method != AuthMethod.NONE or used.used_at is None:
        return None
    grace_s = TV_GRACE_S if client.surface == Surface.TV else GRACE_S
    now = transaction.now
    if (
        used.revoked_at is not None
        or used.successor_hash is None
        or transaction.arrived_at <= used.used_at  # a race, which is refused
        or now > used.used_at + grace_s * SECOND
        or now >= used.expires_at
    ):
        return None
    successor = await refresh_tokens.find(transaction.connection, used.successor_hash)
    if successor is None or successor.used_at is not None or successor.revoked_at is not None:
        return None
    return successor


async def end_unseen(transaction: Transaction, unseen: RefreshToken) -> None:
    """End a token that its client never got, and what came with it.  The subject is locked.

    Raises:
        InvalidGrantError: it was used meanwhile, or another request asked again before.
    """
    is_ended = await refresh_tokens.supersede(
        transaction.connection, unseen.token_hash, at=transaction.now
    )
    if not is_ended:
        raise InvalidGrantError("refresh_token was used by another request, or has ended.")
    await access_tokens.end_family(transaction.connection, unseen.family)
