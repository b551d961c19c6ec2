"""A refresh whose answer was lost is asked again: by the token before, since the next never came.

Where the power or the network goes between our commit and the client's own storing, the token that
it still has is a used one, and its family would end as if it had been stolen.  So a client may say
by an ``idempotency_key`` of its own, kept beside the token before it asks, that it repeats itself:
then the used token may come again, for a while, as long as nobody has used what its use gave; that
one is ended unseen, and another given.  Whoever sends no key, or another one, gets no leniency: a
used token ends its family, as ever.

A thief needs the key too, and gains no time by it: to come with an old token ends what the client
holds, its access tokens at once; so the client renews when it next asks, by a token that was
superseded, and the family ends.

Spec: RFC 9700 section 4.14.2 (rotation), RFC 6749 section 10.4.
"""

import re
from typing import Final

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError

from consentid.flows.authenticate import hash_token
from consentid.flows.oauth.transaction import Transaction
from consentid.kit.instants import DAY
from consentid.store import access_tokens, refresh_tokens
from consentid.store.refresh_tokens import RefreshToken

FIELD: Final = "idempotency_key"
GRACE: Final = DAY
"""Whoever pulls the plug comes back the next evening; old engines write what they keep late."""
_KEY: Final = re.compile(r"[\x21-\x7e]{16,128}")


def hash_key(unverified_key: str | None) -> bytes | None:
    """The hash of a request's own key; None where it has none.

    Raises:
        InvalidRequestError: it is no key that somebody else could not guess.
    """
    if unverified_key is None:
        return None
    if _KEY.fullmatch(unverified_key) is None:
        raise InvalidRequestError(f"{FIELD} has 16 to 128 visible ASCII characters.")
    return hash_token(unverified_key)


async def find_unseen(
    transaction: Transaction, used: RefreshToken, key_hash: bytes | None
) -> RefreshToken | None:
    """What a used token gave, where its use may be repeated; else None."""
    now = transaction.now
    if (
        key_hash is None
        or used.used_at is None
        or used.used_key_hash != key_hash
        or used.revoked_at is not None
        or used.successor_hash is None
        or transaction.arrived_at <= used.used_at  # a race, which is refused
        or now > used.used_at + GRACE
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
