"""Unseal what the database holds of a subject, and seal it again."""

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core import projection_form
from consentid.core.decision import SubjectId
from consentid.core.projection import EMPTY, Projection
from consentid.flows.context import Context
from consentid.keyring import wrapping
from consentid.kit.errors import UnreadableError
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant
from consentid.store import subjects
from consentid.store.acts import NewProjection
from consentid.store.subjects import NewSubject, SubjectRow

_PROJECTION: Final = b"projection/1\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSubject:
    """A subject whose own key is at hand for the length of one flow."""

    id: SubjectId
    version: int
    """How many decisions it has made."""
    projection: Projection
    adult: bool
    key: bytes = field(repr=False)


async def open_subject(
    context: Context, connection: AsyncConnection, subject: SubjectId, *, lock: bool = False
) -> OpenSubject | None:
    """A subject's facts, None where it is unknown or erased.  ``lock`` keeps other writers out."""
    row = await subjects.find(connection, subject, lock=lock)
    return None if row is None else unseal(context, row)


def unseal(context: Context, row: SubjectRow) -> OpenSubject:
    """Open a row with the master key.

    Raises:
        UnreadableError: what is stored of it was changed, or is of a later release.
    """
    subject = row.id
    key = wrapping.unwrap(context.keyring.master, subject.bytes, row.wrapped_key)
    body = wrapping.open_sealed(key, row.sealed_projection, aad=_PROJECTION + subject.bytes)
    try:
        projection = projection_form.decode(body)
    except (ValueError, LookupError, TypeError) as error:
        raise UnreadableError(
            "projection_unreadable",
            "it is in a form that this release cannot read: use the one that wrote it",
        ) from error
    return OpenSubject(
        id=subject,
        version=row.version,
        projection=projection,
        adult=row.adult,
        key=key,
    )


def seal_projection(context: Context, subject: OpenSubject) -> NewProjection:
    """A changed projection, to be written under the subject's lock."""
    return NewProjection(
        version=subject.version,
        sealed=seal_for(
            context,
            subject.key,
            projection_form.encode(subject.projection),
            aad=_PROJECTION + subject.id.bytes,
        ),
    )


def new_subject(context: Context, *, at: Instant) -> NewSubject:
    """A subject with a key of its own and no decisions yet."""
    subject = SubjectId(uuid7(at, context.randomness(RANDOM_BYTES)))
    key = wrapping.new_subject_key(context.randomness)
    return NewSubject(
        id=subject,
        wrapped_key=wrapping.wrap(
            context.keyring.master,
            subject.bytes,
            key,
            nonce=context.randomness(wrapping.NONCE_BYTES),
        ),
        sealed_projection=seal_for(
            context,
            key,
            projection_form.encode(EMPTY),
            aad=_PROJECTION + subject.bytes,
        ),
        created_at=at,
    )


def seal_for(context: Context, key: bytes, plaintext: bytes, *, aad: bytes) -> bytes:
    """Seal under a subject's key with a fresh nonce; ``aad`` says what it is and whose."""
    return wrapping.seal(key, plaintext, nonce=context.randomness(wrapping.NONCE_BYTES), aad=aad)
