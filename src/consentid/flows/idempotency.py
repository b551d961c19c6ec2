"""The same request sent twice counts once, and is answered the same."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import SubjectId
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject, open_subject, seal_for
from consentid.keyring import wrapping
from consentid.keyring.deriving import Job, derived_key
from consentid.kit.errors import GoneError, MalformedError
from consentid.kit.instants import Instant
from consentid.store import idempotency
from consentid.store.acts import NewAnswer
from consentid.store.idempotency import FirstRequest, IdempotencyKey

MAX_KEY_LENGTH: Final = 255
_ANSWER: Final = b"answer/1\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeatable:
    """A request that may be sent again."""

    key: IdempotencyKey
    digest: bytes


def repeatable(
    context: Context,
    *,
    client_id: str,
    route: str,
    key: str,
    subject: SubjectId | None,
    body: bytes,
) -> Repeatable:
    """Name a request.  Two with the same key must agree in subject and body, to the byte."""
    secret = derived_key(context.keyring.master, Job.REQUEST)
    whose = b"" if subject is None else subject.bytes
    return Repeatable(
        key=IdempotencyKey(
            client_id=client_id,
            route=route,
            key_hash=hashlib.sha256(key.encode()).digest(),
        ),
        digest=hmac.digest(secret, whose + b"\0" + body, hashlib.sha256),
    )


async def find_first_answer(
    context: Context, connection: AsyncConnection, request: Repeatable, *, at: Instant
) -> bytes | None:
    """Take the key, or find what was answered when it was taken.

    Raises:
        MalformedError: the key was used for another request.
        GoneError: the subject was erased since.
    """
    first = await idempotency.claim(connection, request.key, request_digest=request.digest, at=at)
    if first is None:
        return None
    check_same(request, first)
    whose = first.subject
    subject = None if whose is None else await open_subject(context, connection, whose)
    return open_answer(request, first, subject)


def check_same(request: Repeatable, first: FirstRequest) -> None:
    """Insist that what came first under a key is what comes now.

    Raises:
        MalformedError: the key was used for another request.
    """
    if not hmac.compare_digest(first.request_digest, request.digest):
        raise MalformedError(
            "idempotency_key_reused",
            "This Idempotency-Key was sent before with another request: use a fresh one for each.",
            where="Idempotency-Key",
        )


def open_answer(request: Repeatable, first: FirstRequest, subject: OpenSubject | None) -> bytes:
    """What was answered when the key was taken; ``subject`` is whom the answer was about.

    Raises:
        GoneError: the subject was erased since.
    """
    if subject is None or first.sealed_answer is None:
        raise GoneError("subject_erased", "What this key was used for has been erased.")
    return wrapping.open_sealed(subject.key, first.sealed_answer, aad=_aad(request))


async def save_answer(
    context: Context,
    connection: AsyncConnection,
    request: Repeatable,
    *,
    subject: OpenSubject,
    answer: bytes,
) -> None:
    """Keep the answer for whoever asks again, under a key that was taken."""
    new = seal_answer(context, request, subject, answer)
    await idempotency.save_answer(
        connection, request.key, subject=subject.id, sealed_answer=new.sealed
    )


def seal_answer(
    context: Context, request: Repeatable, subject: OpenSubject, answer: bytes
) -> NewAnswer:
    """The key with its answer, to be written when all is done."""
    return NewAnswer(
        key=request.key,
        request_digest=request.digest,
        sealed=seal_for(context, subject.key, answer, aad=_aad(request)),
    )


def _aad(request: Repeatable) -> bytes:
    return _ANSWER + request.key.key_hash
