"""Who is acting: a subject, and for a person signed in, the device on which."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.decision import SubjectId
from consentid.core.identity import Policy
from consentid.core.party import Party
from consentid.core.purpose import PurposeId
from consentid.core.resolution import Resolution
from consentid.core.saying import say
from consentid.core.session import resolve_session_all
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject, open_subject, unseal
from consentid.kit.errors import UnauthenticatedError
from consentid.kit.instants import Instant
from consentid.store.subjects import SubjectRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A subject, and the device beneath it where the person is signed in on one."""

    subject: OpenSubject
    device: OpenSubject | None = None


async def open_session(
    context: Context,
    connection: AsyncConnection,
    *,
    subject: SubjectId,
    device: SubjectId | None,
    lock: bool = False,
    locked: SubjectRow | None = None,
) -> Session:
    """Open whom an access token stands for; ``locked`` is its row where the caller has it.

    Raises:
        UnauthenticatedError: the subject was erased since the token was issued.
    """
    if locked is not None:
        opened = unseal(context, locked)
    else:
        opened = require_known(await open_subject(context, connection, subject, lock=lock))
    beneath = None if device is None else await open_subject(context, connection, device)
    return Session(subject=opened, device=beneath)


def require_known(opened: OpenSubject | None) -> OpenSubject:
    """Insist that whom an access token stands for is still known.

    Raises:
        UnauthenticatedError: the subject was erased since the token was issued.
    """
    if opened is None:
        raise UnauthenticatedError(
            "subject_unknown", "This access token's subject is known no longer."
        )
    return opened


def granted_of(
    book: Book, session: Session, party: Party, purposes: Collection[str], now: Instant
) -> tuple[PurposeId, ...]:
    """What of some purposes is granted now to a party."""
    granted = say(resolve_here(book, session, party, now), now).yes
    return tuple(purpose for purpose in granted if purpose in purposes)


def resolve_here(
    book: Book, session: Session, party: Party, now: Instant
) -> Mapping[PurposeId, Resolution]:
    """What holds for a party in this session, for every purpose that it offers."""
    return resolve_session_all(
        session.subject.projection,
        None if session.device is None else session.device.projection,
        Policy(book.group.identity),
        book.catalogue,
        party,
        now=now,
        adult=session.subject.adult,
    )
