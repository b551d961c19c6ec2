"""Take in what a client asks of a person who is elsewhere, and give it what it polls with.

What it polls with has 256 random bits and is stored hashed.  At one address at most three questions
wait, and ten come in an hour: a person cannot be flooded, and whether there is such a person makes
no difference.  What comes of it lets nobody write for the person.

Spec: OpenID CIBA Core 1.0 sections 7.1 to 7.3; RFC 9396.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.brandbook.client import GrantType, Scope
from consentid.flows.approval import AskedElsewhere, address_of, seal_asked
from consentid.flows.ask_about_capture import details_of_capture
from consentid.flows.authenticate import hash_token
from consentid.flows.context import Context
from consentid.flows.hub_session import new_secret
from consentid.flows.issue_code import granted_scopes
from consentid.flows.judge_details import DETAILS, judge_details
from consentid.flows.name_person import named_by_portal, named_by_token
from consentid.flows.target import registered_audiences
from consentid.kit.errors import RateLimitedError
from consentid.kit.instants import HOUR, SECOND, Instant
from consentid.net.portal_keys import KeySource
from consentid.oidc.backchannel_request import BackchannelRequest, parse_backchannel_request
from consentid.oidc.refusal import RefusedRequestError
from consentid.store import approvals, clock, device_codes, subjects
from consentid.store.clients import Client
from consentid.store.device_codes import DeviceCode, DeviceCodeStatus

INTERVAL_S: Final = 5
MOST_OPEN: Final = 3
"""Questions of one brand or partner that may wait for one person."""
MOST_AN_HOUR: Final = 10
"""Questions of one brand or partner to one person, whatever they answered."""
_THEIR_OWN: Final = frozenset({str(Scope.DECISIONS_WRITE), str(Scope.ERASURE)})
"""What nobody does in the name of a person who is elsewhere: what an agent keys in is a capture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedApproval:
    """What a client is told."""

    auth_req_id: str
    expires_in_s: int


async def request_approval(
    context: Context, client: Client, fields: Mapping[str, str]
) -> RequestedApproval:
    """Judge the request of an authenticated client, and keep it for the person.

    Raises:
        RefusedRequestError: ``unauthorized_client``, ``invalid_request``, ``invalid_scope``,
            ``invalid_target``, ``invalid_binding_message``, ``expired_login_hint_token``,
            ``invalid_authorization_details``.
        RateLimitedError: too many questions of this client's party wait there.
        UnavailableError: the portal's keys cannot be had.
    """
    if GrantType.CIBA not in client.registration.grant_types:
        raise RefusedRequestError(
            "unauthorized_client", "This client is not registered for back-channel approval."
        )
    async with context.database.reading() as connection:
        book, now = await context.book(connection), await clock.now(connection)
    request = parse_backchannel_request(fields, audiences=registered_audiences(book, client))
    hinted = request.unverified_hint
    sub = named_by_token(context, book, client, request.hint, hinted, now=now)
    keys: KeySource = context.portal
    if sub is None:  # before the transaction: a slow portal is not to hold a connection
        keys = await context.portal.look_up(book.group.portal.issuer, hinted)
    auth_req_id = new_secret(context)
    code_hash = hash_token(auth_req_id)
    async with context.database.writing() as connection:
        book, now = await context.book(connection), await clock.now(connection)
        if sub is None:
            sub = await named_by_portal(
                context, connection, book, client, hinted, keys=keys, now=now
            )
        code = _judge(book, client, request, fields, code_hash=code_hash, now=now)
        code = replace(code, addressee=address_of(context, client.party, sub))
        code = await _seal(context, connection, client, request, code, now=now)
        await _check_room(connection, code, now=now)
        await device_codes.add(connection, code)
    return RequestedApproval(auth_req_id=auth_req_id, expires_in_s=request.expires_in_s)


async def _seal(
    context: Context,
    connection: AsyncConnection,
    client: Client,
    request: BackchannelRequest,
    code: DeviceCode,
    *,
    now: Instant,
) -> DeviceCode:
    """Seal what the person is shown; what was captured says itself what it is about."""
    code_hash, details, capture = code.device_code_hash, code.details, request.capture
    if capture is not None:
        details = await details_of_capture(
            context, connection, client, capture, addressee=code.addressee or b"", now=now
        )
    asked = AskedElsewhere(request.message, None if capture is None else capture.bytes)
    sealed = seal_asked(context, asked, code_hash=code_hash)
    return replace(code, details=details, sealed_request=sealed)


def _judge(
    book: Book,
    client: Client,
    request: BackchannelRequest,
    fields: Mapping[str, str],
    *,
    code_hash: bytes,
    now: Instant,
) -> DeviceCode:
    resource, details = request.resource, None
    if DETAILS in fields:
        judged = judge_details(book, client, fields[DETAILS], resource=resource)
        resource, details = judged.resource, judged.encoded
    return DeviceCode(
        device_code_hash=code_hash,
        user_code_hash=None,
        client_id=client.client_id,
        scopes=_scopes(client, request.scopes),
        resource=resource,
        details=details,
        sealed_name=None,
        interval_s=INTERVAL_S,
        created_at=now,
        expires_at=Instant(now + request.expires_in_s * SECOND),
    )


def _scopes(client: Client, asked: Collection[str]) -> frozenset[str]:
    if not _THEIR_OWN.isdisjoint(asked):
        raise RefusedRequestError(
            "invalid_scope", "Nobody writes for a person who is elsewhere: hand in captures."
        )
    return granted_scopes(client, asked) - _THEIR_OWN


async def _check_room(connection: AsyncConnection, code: DeviceCode, *, now: Instant) -> None:
    """Insist that few wait at this address; one transaction at a time asks there."""
    addressee = code.addressee or b""
    await subjects.lock_identity(connection, addressee)
    hour = Instant(now - HOUR)  # longer than any of them waits
    asked = await approvals.asked_since(connection, addressee, since=hour)
    is_pending = DeviceCodeStatus.PENDING
    ends = sorted(
        each.expires_at for each in asked if each.status is is_pending and each.expires_at > now
    )
    until = ends[0] if len(ends) >= MOST_OPEN else now
    if len(asked) >= MOST_AN_HOUR:
        until = max(until, Instant(asked[-MOST_AN_HOUR].created_at + HOUR))
    if until > now:
        raise RateLimitedError(
            "too_many_open",
            f"This person was asked {MOST_AN_HOUR} times in an hour, or {MOST_OPEN} questions "
            "wait for them.",
            retry_after_s=max(1, -(-(until - now) // SECOND)),
        )
