"""Tell an authenticated client what a token of its own stands for, at this instant.

Opaque access and refresh tokens are active for the client that they were issued to, a consent token
for the brand or partner that it is meant for; to all others a token is inactive, and nothing more.

Spec: RFC 7662, RFC 9701.
"""

from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.decision import SubjectId
from consentid.flows.authenticate import hash_token
from consentid.flows.context import Context
from consentid.flows.note_read import note_read
from consentid.flows.read_buffer import ReadKind
from consentid.flows.verify_token import judge_status, verify_for
from consentid.kit import base64url
from consentid.kit.instants import Instant, to_seconds
from consentid.store import access_tokens, clock, refresh_tokens
from consentid.store.clients import Client
from consentid.tokens.pairwise import pairwise_sub

JWT_TYP: Final = "token-introspection+jwt"
_MAX_OPAQUE: Final = 256


class IntrospectionOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token stands for.  Spec: RFC 7662 section 2.2."""

    active: bool
    iss: str | None = None
    aud: str | None = None
    sub: str | None = None
    client_id: str | None = None
    scope: str | None = None
    token_type: str | None = None
    iat: int | None = None
    exp: int | None = None
    jti: str | None = None
    act: dict[str, Any] | None = None
    consent: dict[str, Any] | None = None
    """As the consent token says it: catalogue, revision, purposes granted and refused."""


_INACTIVE: Final = IntrospectionOut(active=False)


async def introspect(context: Context, client: Client, unverified_token: str) -> IntrospectionOut:
    """What a token stands for, as far as the client may know."""
    async with context.database.reading() as connection:
        book = await context.book(connection)
        now = await clock.now(connection)
        if "." in unverified_token:
            return await _of_consent(
                context, connection, unverified_token, book=book, client=client, now=now
            )
        if len(unverified_token) > _MAX_OPAQUE:
            return _INACTIVE
        token_hash = hash_token(unverified_token)
        access = await access_tokens.find(connection, token_hash)
        # Another's is looked for among refresh tokens, too: that takes as long as a made-up one.
        if access is not None and access.client_id == client.client_id:
            if access.expires_at <= now:
                return _INACTIVE
            _note(context, client, access.subject)
            return IntrospectionOut(
                active=True,
                iss=book.group.issuer,
                aud=book.group.issuer,
                sub=_sub(context, client, access.subject),
                client_id=access.client_id,
                scope=" ".join(sorted(access.scopes)),
                token_type="Bearer",  # noqa: S106 - a type's name
                iat=to_seconds(access.issued_at),
                exp=to_seconds(access.expires_at),
            )
        refresh = await refresh_tokens.find(connection, token_hash)
        if (
            refresh is None
            or refresh.client_id != client.client_id
            or refresh.used_at is not None
            or refresh.revoked_at is not None
            or min(refresh.expires_at, refresh.family_expires_at) <= now
        ):
            return _INACTIVE
        _note(context, client, refresh.subject)
        return IntrospectionOut(
            active=True,
            iss=book.group.issuer,
            aud=book.group.issuer,
            sub=_sub(context, client, refresh.subject),
            client_id=refresh.client_id,
            scope=" ".join(sorted(refresh.scopes)),
            iat=to_seconds(refresh.issued_at),
            exp=to_seconds(min(refresh.expires_at, refresh.family_expires_at)),
        )


async def sign_introspection(context: Context, client: Client, found: IntrospectionOut) -> str:
    """The answer as a signed JWT for that client alone.  Spec: RFC 9701 section 5."""
    async with context.database.reading() as connection:
        book = await context.book(connection)
        now = await clock.now(connection)
    key = context.keyring.active("id")
    header = {"alg": key.alg, "kid": key.kid, "typ": JWT_TYP}
    claims = {
        "iss": book.group.issuer,
        "aud": client.client_id,
        "iat": to_seconds(now),
        "token_introspection": found,
    }
    signing_input = ".".join(
        base64url.encode(msgspec.json.encode(part)) for part in (header, claims)
    ).encode()
    return f"{signing_input.decode()}.{base64url.encode(key.sign(signing_input))}"


async def _of_consent(
    context: Context,
    connection: AsyncConnection,
    unverified_token: str,
    *,
    book: Book,
    client: Client,
    now: Instant,
) -> IntrospectionOut:
    if client.party not in book.catalogue.parties:
        return _INACTIVE
    claims = verify_for(context, book, client.party, unverified_token, at=now)
    if claims is None:
        return _INACTIVE
    judged = await judge_status(context, connection, book, claims, party=client.party, at=now)
    if judged is None:
        return _INACTIVE
    _note(context, client, judged.subject.id)
    told: dict[str, Any] = msgspec.to_builtins(claims)
    return IntrospectionOut(
        active=True,
        iss=claims.iss,
        aud=claims.aud,
        sub=claims.sub,
        client_id=claims.client_id,
        token_type="N_A",  # noqa: S106 - a type's name
        iat=claims.iat,
        exp=claims.exp,
        jti=claims.jti,
        act=told.get("act"),
        consent=told["consent"],
    )


def _note(context: Context, client: Client, subject: SubjectId | None) -> None:
    if subject is not None:
        note_read(context, subject, client.client_id, ReadKind.INTROSPECTION)


def _sub(context: Context, client: Client, subject: SubjectId | None) -> str | None:
    if subject is None:
        return None
    return pairwise_sub(context.keyring.pairwise, str(client.party), subject.bytes)
