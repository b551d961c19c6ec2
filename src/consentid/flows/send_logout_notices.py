"""Tell clients of sessions that ended: what was written down then is sent now, until it is taken.

A notice is claimed in one transaction, sent outside any, and settled in another: of several workers
one sends it, and after a crash another does.  Telling twice does no harm, so each attempt carries a
token of its own.  After an hour of failures the client is told no more: its ID token has long
expired, and the person may be back.

Spec: OpenID Connect Back-Channel Logout 1.0 sections 2.4, 2.5 and 2.8.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.client import IdTokenAlgorithm
from consentid.flows.context import Context
from consentid.flows.hub_session import session_sid
from consentid.flows.issue_id_token import KEYS
from consentid.kit import base64url
from consentid.kit.ids import RANDOM_BYTES
from consentid.kit.instants import HOUR, SECOND, Instant, to_seconds
from consentid.net.logout_sender import send_logout_token
from consentid.oidc import logout_token
from consentid.oidc.logout_token import LogoutClaims
from consentid.store import clients, clock, logout_notices
from consentid.store.clients import Client
from consentid.store.logout_notices import LogoutNotice
from consentid.telemetry.tracing import step
from consentid.tokens.pairwise import pairwise_sub

GIVE_UP_H: Final = 1
_MOST: Final = 20
"""Sent at once."""
_CLAIM_S: Final = 60
"""Longer than any attempt lasts."""
_FIRST_WAIT_S: Final = 5
_LONGEST_WAIT_S: Final = 600

_log: Final = logging.getLogger("consentid.logout")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A notice that may be sent: its claim has committed."""

    notice: LogoutNotice
    uri: str
    claims: LogoutClaims
    algorithm: IdTokenAlgorithm


async def send_logout_notices(context: Context) -> int:
    """Send what is due; returns how many were taken."""
    taken, claimed = 0, _MOST
    while claimed == _MOST:
        claimed, ready = await _claim(context)
        failures = await asyncio.gather(*(_send(context, each) for each in ready))
        await _settle(context, ready, failures)
        taken += failures.count(None)
    return taken


async def _claim(context: Context) -> tuple[int, list[_Ready]]:
    """Claim what is due; what nobody wants to hear any more is dropped."""
    ready: list[_Ready] = []
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        until = Instant(now + _CLAIM_S * SECOND)
        claimed = await logout_notices.claim(connection, now=now, until=until, most=_MOST)
        for notice in claimed:
            client = await clients.find(connection, notice.client_id)
            uri = None if client is None else client.registration.backchannel_logout_uri
            if client is None or uri is None:
                await logout_notices.drop(connection, notice.id)
                continue
            ready.append(await _prepare(context, connection, notice, client, uri, now=now))
    return len(claimed), ready


async def _prepare(
    context: Context,
    connection: AsyncConnection,
    notice: LogoutNotice,
    client: Client,
    uri: str,
    *,
    now: Instant,
) -> _Ready:
    issued = to_seconds(now)
    return _Ready(
        notice=notice,
        uri=uri,
        claims=LogoutClaims(
            iss=(await context.book(connection)).group.issuer,
            sub=pairwise_sub(context.keyring.pairwise, str(client.party), notice.subject.bytes),
            aud=client.client_id,
            iat=issued,
            exp=issued + logout_token.LIFETIME_S,
            jti=base64url.encode(context.randomness(RANDOM_BYTES)),
            sid=session_sid(context, notice.session_id, client_id=client.client_id),
        ),
        algorithm=IdTokenAlgorithm(client.registration.id_token_signed_response_alg),
    )


@step("send_logout_notice")
async def _send(context: Context, ready: _Ready) -> str | None:
    key = context.keyring.active(KEYS[ready.algorithm])
    signing_input = logout_token.unsigned(ready.claims, alg=key.alg, kid=key.kid)
    token = logout_token.assemble(signing_input, key.sign(signing_input))
    return await send_logout_token(context.outside, ready.uri, token)


async def _settle(context: Context, sent: Sequence[_Ready], failures: Sequence[str | None]) -> None:
    if not sent:
        return
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        for each, failure in zip(sent, failures, strict=True):
            notice = each.notice
            if failure is None:
                await logout_notices.drop(connection, notice.id)
            elif now >= notice.queued_at + GIVE_UP_H * HOUR:
                await logout_notices.drop(connection, notice.id)
                _log.warning("%s was not told of a logout: %s", notice.client_id, failure)
            else:
                until = Instant(now + _wait(context, notice.attempts))
                await logout_notices.postpone(connection, notice.id, until=until)


def _wait(context: Context, attempts: int) -> int:
    """How long to wait after so many attempts: twice as long each time, a quarter up or down."""
    wait = min(_FIRST_WAIT_S * 2 ** (attempts - 1), _LONGEST_WAIT_S) * SECOND
    return wait * 3 // 4 + context.draw(wait // 2)
