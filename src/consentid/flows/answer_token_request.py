"""Answer a request to the token endpoint: one transaction, and a signature after its commit."""

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection

from consentid.flows.authenticate_client import Credentials, claim_of, use_assertion
from consentid.flows.context import Context
from consentid.flows.issue_id_token import sign_id_token
from consentid.flows.issue_token import sign_token
from consentid.flows.note_read import note_read
from consentid.flows.oauth.hand_off import find_link_hash
from consentid.flows.oauth.request import AuthlibRequest, TokenRequest, client_of
from consentid.flows.oauth.server import TokenServer
from consentid.flows.oauth.subject_tokens import wants_id_token
from consentid.flows.oauth.token_types import CONSENT_TOKEN, ID_TOKEN
from consentid.flows.oauth.transaction import Transaction
from consentid.flows.read_buffer import ReadKind
from consentid.kit.instants import SECOND, Instant, to_seconds
from consentid.net.portal_keys import KeySource
from consentid.store import clock, token_grounds
from consentid.telemetry.tracing import step


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAnswer:
    """What the token endpoint says."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


@step("answer_token_request")
async def answer_token_request(context: Context, request: TokenRequest) -> TokenAnswer:
    """Judge a token request in OAuth's own words.

    Raises:
        UnauthenticatedError: a client assertion does not hold.
        MalformedError: the client authenticates in two ways, or by a secret in the body.
        UnavailableError: the database or the portal cannot be reached.
    """
    arrived_s = context.monotonic()
    credentials = await use_assertion(context, Credentials(form=request.form, basic=request.basic))
    asked = AuthlibRequest(request, credentials)
    portal_key = await _look_up_key(context, request)
    async with context.database.writing() as connection:
        # How long it has waited is looked up before the clock is: what comes out is never earlier
        # than it was, so that nobody who came too late passes for one who came at once.  It is
        # later by what a question takes on its way, the shorter of two: no race passes for a reuse.
        waited_s = context.monotonic() - arrived_s
        arrived_at = _before(await clock.now(connection), waited_s)
        waited_s = context.monotonic() - arrived_s
        _, client_id = claim_of(credentials)
        found = await token_grounds.look(
            connection, client_id=client_id, link_hash=find_link_hash(request.form)
        )
        transaction = Transaction(
            context=context,
            connection=connection,
            book=await context.book_of(connection, found.catalogue),
            now=found.now,
            arrived_at=min(arrived_at, _before(found.now, waited_s)),
            portal_key=portal_key,
            claimed=found.client,
            link=found.link,
        )

        def judge(_: Connection) -> tuple[int, dict[str, Any], dict[str, str]]:
            return TokenServer(transaction, asked).answer()

        status, body, headers = await connection.run_sync(judge)
        if "error" in body:
            if not asked.is_kept_when_refused:
                await connection.rollback()
            return TokenAnswer(status=status, body=body, headers=headers)
    _note(context, asked)
    return TokenAnswer(
        status=status, body=_complete(context, asked, body, transaction), headers=headers
    )


def _before(now: Instant, waited_s: float) -> Instant:
    return Instant(now - int(waited_s * SECOND))


def _note(context: Context, asked: AuthlibRequest) -> None:
    """Who is spoken of by what is given now; a client that speaks for itself reads of nobody."""
    if asked.client is None:
        return
    client_id = client_of(asked).get_client_id()
    if asked.granted is not None:
        note_read(context, asked.granted.session.subject.id, client_id, ReadKind.TOKEN)
    elif asked.signed_in is not None:
        note_read(context, asked.signed_in.session.subject.id, client_id, ReadKind.TOKEN)
    elif asked.passed_on is not None:
        note_read(context, asked.passed_on, client_id, ReadKind.EXCHANGE)


async def _look_up_key(context: Context, request: TokenRequest) -> KeySource:
    """Ask the portal for the key of an ID token now: a slow portal is not to hold a connection."""
    unverified = request.form.get("subject_token", "")
    if request.form.get("subject_token_type") != ID_TOKEN:
        return context.portal
    async with context.database.reading() as connection:
        issuer = (await context.book(connection)).group.portal.issuer
    return await context.portal.look_up(issuer, unverified)


def _complete(
    context: Context, asked: AuthlibRequest, body: dict[str, Any], transaction: Transaction
) -> dict[str, Any]:
    """Add what may only be said once the transaction has committed."""
    if asked.prepared is not None:
        token = sign_token(context, asked.prepared)
        if body.get("issued_token_type") == CONSENT_TOKEN:
            lifetime_s = asked.prepared.claims.exp - to_seconds(transaction.now)
            body = {"access_token": token, "expires_in": lifetime_s, **body}
        else:
            body["consent_token"] = token
    if asked.granted is not None and asked.granted.details is not None:
        body["authorization_details"] = [
            msgspec.to_builtins(each) for each in asked.granted.details
        ]
    if asked.granted is not None and wants_id_token(body):
        body["id_token"] = sign_id_token(
            context, asked.granted.id_token, access_token=body["access_token"]
        )
    if asked.signed_in is not None and asked.signed_in.session.device is not None:
        body["adopted"] = asked.signed_in.adopted
        body["contradictions"] = [
            {"purpose": each.purpose, "account_says_yes": each.account_says_yes}
            for each in asked.signed_in.contradictions
        ]
    return body
