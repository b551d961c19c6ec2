"""Give a device its two codes: one that it polls with, one that a person types.

The device code has 256 random bits and is stored hashed.  The user code is short, so what is stored
of it is keyed: whoever reads the table alone cannot try them all.  Spec: RFC 8628 section 3.2.
"""

import hashlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.brandbook.client import GrantType
from consentid.flows import device_name
from consentid.flows.authenticate import hash_token
from consentid.flows.code_link import FIELD, LIFETIME_S, prove_code
from consentid.flows.context import Context
from consentid.flows.hub_session import new_secret
from consentid.flows.issue_code import granted_scopes
from consentid.flows.judge_details import DETAILS, judge_details
from consentid.flows.target import registered_audiences
from consentid.keyring.deriving import Job, derived_key
from consentid.kit.instants import SECOND, Instant
from consentid.oidc.authorization_request import OFFLINE_ACCESS, OPENID
from consentid.oidc.device_authorization import (
    PAGE,
    DeviceAuthorizationRequest,
    parse_device_request,
)
from consentid.oidc.qr_code import qr_data_uri
from consentid.oidc.refusal import RefusedRequestError
from consentid.oidc.user_code import make_user_code, show_user_code
from consentid.store import clock, device_codes
from consentid.store.clients import Client
from consentid.store.device_codes import DeviceCode

INTERVAL_S: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCodes:
    """What a device is told."""

    device_code: str
    user_code: str
    """As it is to be shown: ``BCDF-HJKL``."""
    verification_uri: str
    verification_uri_complete: str
    verification_qr: str | None
    """The same as a picture, where the device asked for one."""


async def request_device_code(
    context: Context, client: Client, fields: Mapping[str, str]
) -> DeviceCodes:
    """Judge the request of an authenticated client, and make its codes.

    Raises:
        RefusedRequestError: ``unauthorized_client``, ``invalid_request``, ``invalid_scope``,
            ``invalid_target``, ``invalid_authorization_details``.
    """
    if GrantType.DEVICE_CODE not in client.registration.grant_types:
        raise RefusedRequestError(
            "unauthorized_client", "This client is not registered for the device grant."
        )
    device_code = new_secret(context)
    async with context.database.writing() as connection:
        book = await context.book(connection)
        request = parse_device_request(fields, audiences=registered_audiences(book, client))
        now = await clock.now(connection)
        waiting = _judge(book, client, request, fields=fields, device_code=device_code, now=now)
        waiting = _name(context, waiting, request.device_name)
        user_code = await _add(context, connection, waiting)
    page = f"{book.group.issuer.rstrip('/')}{PAGE}"
    shown = show_user_code(user_code)
    proof = prove_code(context, user_code, created_at=now)
    complete = f"{page}?user_code={shown}&{FIELD}={proof}"
    return DeviceCodes(
        device_code=device_code,
        user_code=shown,
        verification_uri=page,
        verification_uri_complete=complete,
        verification_qr=qr_data_uri(complete) if request.wants_qr else None,
    )


def hash_user_code(context: Context, user_code: str) -> bytes:
    """How a user code is looked up.  32 bytes."""
    key = derived_key(context.keyring.master, Job.USER_CODE)
    return hmac.digest(key, user_code.encode(), hashlib.sha256)


def _judge(
    book: Book,
    client: Client,
    request: DeviceAuthorizationRequest,
    *,
    fields: Mapping[str, str],
    device_code: str,
    now: Instant,
) -> DeviceCode:
    resource, details = request.resource, None
    if DETAILS in fields:
        judged = judge_details(
            book, client, fields[DETAILS], resource=resource, may_name_brands=False
        )
        resource, details = judged.resource, judged.encoded
    return DeviceCode(
        device_code_hash=hash_token(device_code),
        user_code_hash=b"",
        client_id=client.client_id,
        scopes=_scopes(client, request.scopes),
        resource=resource,
        details=details,
        sealed_name=None,
        interval_s=INTERVAL_S,
        created_at=now,
        expires_at=Instant(now + LIFETIME_S * SECOND),
    )


def _name(context: Context, waiting: DeviceCode, name: str | None) -> DeviceCode:
    if name is None:
        return waiting
    sealed = device_name.seal_waiting(context, name, device_code_hash=waiting.device_code_hash)
    return replace(waiting, sealed_name=sealed)


def _scopes(client: Client, asked: Collection[str]) -> frozenset[str]:
    """What a device gets of what it asks for.

    It asks by plain OAuth: an ID token only where one is asked for, a refresh token wherever the
    client is registered for that, since nobody types a code every ten minutes.
    """
    scopes = granted_scopes(client, {*asked, OFFLINE_ACCESS})
    scopes = scopes if OPENID in asked else scopes - {OPENID}
    if not scopes:
        raise RefusedRequestError("invalid_scope", "This client has no scope to act for somebody.")
    return scopes


async def _add(context: Context, connection: AsyncConnection, waiting: DeviceCode) -> str:
    """Keep the code under a user code that no other has."""
    while True:
        user_code = make_user_code(context.draw)
        named = replace(waiting, user_code_hash=hash_user_code(context, user_code))
        if await device_codes.add(connection, named):
            return user_code
