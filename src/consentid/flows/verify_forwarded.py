"""Judge the token of a request that a proxy forwards, for the audience whose pages it guards."""

from collections.abc import Sequence
from typing import Final

import msgspec

from consentid.brandbook.client import Scope
from consentid.core.catalogue import find_party
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.verify_from_memory import Asked, Memory
from consentid.flows.verify_token import VerifyOut, verify_token
from consentid.kit.errors import ForbiddenError
from consentid.kit.instants import SECOND
from consentid.store import clients, clock
from consentid.store.clients import Client
from consentid.telemetry.tracing import step
from consentid.tokens import verifying
from consentid.tokens.reasons import Inactive

_decoder: Final = msgspec.json.Decoder(VerifyOut)


@step("verify_forwarded")
async def verify_forwarded(
    context: Context,
    memory: Memory,
    *,
    audience: str,
    unverified_token: str,
    purposes: Sequence[str],
) -> bool:
    """Whether the request may pass: the token is active, and all purposes are allowed.

    Raises:
        ForbiddenError: nobody registered the audience.
        UnavailableError: the answer cannot be known now.
    """
    recalled = await memory.recall(
        Asked(unverified_token=unverified_token, caller=None, audience=audience, purposes=purposes)
    )
    if recalled is not None:
        return _is_yes(_decoder.decode(recalled))
    client = await _client(context, audience, unverified_token)
    if client is None:
        return False
    caller = Caller(client=client, scopes=frozenset({Scope.VERIFY}), subject=None, device=None)
    return _is_yes(
        await verify_token(
            context, caller, unverified_token, audience=audience, purposes=purposes, at_least=None
        )
    )


async def _client(context: Context, audience: str, unverified_token: str) -> Client | None:
    """The client that the token was issued to, if it is one of the audience's own."""
    async with context.database.reading() as connection:
        book = await context.book(connection)
        party = find_party(book.catalogue, audience)
        if party is None:
            raise ForbiddenError("audience_unknown", "Nobody registered this audience.")
        now = await clock.now(connection)
        verified = verifying.verify(
            unverified_token,
            keys=context.keyring.verifying_keys(),
            issuer=book.group.issuer,
            audience=audience,
            now_s=now / SECOND,
        )
        if isinstance(verified, Inactive):
            return None
        client = await clients.find(connection, verified.claims.client_id)
    return client if client is not None and client.party == party else None


def _is_yes(found: VerifyOut) -> bool:
    return found.active and found.decision != "deny"
