"""A consent link, judged: who asks what, of whom, and who is there to answer.

Whom an answer is for is said by the link's minter; who answers is not the minter's to say.  A link
with the addressee's ``sub`` is answered by that very person, signed in or on their device; one that
the hub minted knows its addressee by a seal of the hub's own, one that confirms a capture by that,
and whether they have to be there themselves says ``link_proof``; any other is answered for whoever
opens it.  Nothing here is written.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec
from msgspec import UNSET
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.brandbook.notice import Notice, NoticePurpose
from consentid.core.decision import SubjectId
from consentid.core.party import Party
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, Visitor, find_visitor
from consentid.flows.link_capture import LinkedCapture, find_linked_capture
from consentid.flows.link_proof import is_message_enough
from consentid.flows.link_rights import find_asking_notice, keys_of, may_ask, party_named
from consentid.flows.open_subject import open_subject
from consentid.flows.references import ReferenceKind, open_reference, seal_reference
from consentid.flows.session import Session
from consentid.keyring.link_key import link_key
from consentid.kit.errors import ForbiddenError, GoneError, MalformedError
from consentid.kit.instants import Instant, to_seconds
from consentid.links import judging
from consentid.links.claims import LinkClaims
from consentid.links.judging import Refusal
from consentid.store import access_tokens, clients, clock
from consentid.store.clients import Client
from consentid.tokens.pairwise import pairwise_sub

_MARK: Final = b"consent-link/1\0"
_REFUSED: Final = {
    Refusal.DAMAGED: "link_damaged",
    Refusal.FOREIGN: "link_foreign",
    Refusal.FORGED: "link_forged",
    Refusal.EXPIRED: "link_expired",
    Refusal.NOT_YET: "link_forged",
}


class _Addressee(msgspec.Struct, frozen=True, array_like=True):
    subject: bytes | None
    """None: whoever opens it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Languages:
    """What a person reads."""

    chosen: str | None
    """On the page."""
    preferred: Sequence[str]
    """As the browser says."""


class Keeper(StrEnum):
    """Where an answer is kept."""

    ACCOUNT = "account"
    """Of the person who is signed in."""
    ADDRESSEE = "addressee"
    """With the person whom the hub knows to be meant."""
    DEVICE = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkScene:
    """A link that can be answered, at one instant."""

    claims: LinkClaims
    client: Client
    book: Book
    party: Party
    """Whom an answer is for."""
    notice: Notice
    entries: tuple[NoticePurpose, ...]
    """What is asked, in the notice's order and words."""
    visitor: Visitor
    session: Session | None
    """For whom an answer is recorded; None: for this browser, at its first choice."""
    capture: LinkedCapture | None
    """What an answer confirms, or says no to."""
    needs_sign_in: bool
    """Whether the addressee is somebody whom this browser does not show yet."""
    keeper: Keeper
    mark: bytes
    """What is marked once it is answered."""
    now: Instant


async def load_link(
    context: Context,
    connection: AsyncConnection,
    unverified_link: str,
    browser: Browser,
    *,
    languages: Languages,
    lock: bool = False,
) -> LinkScene:
    """Judge a link and find out who is there.  ``lock`` keeps other writers of the subject out.

    Raises:
        MalformedError: ``link_damaged``.
        ForbiddenError: ``link_foreign``, ``link_forged``, ``link_other_person``.
        GoneError: ``link_expired``, ``link_used``, ``link_outdated``.
    """
    now = await clock.now(connection)
    keys = link_key(context.keyring.master)
    unsealed = judging.unseal(unverified_link, {keys.kid: keys.private})
    if isinstance(unsealed, Refusal):
        raise _refused(unsealed)
    book = await context.book(connection)
    client = await clients.find(connection, unsealed.unverified_client_id)
    claims = judging.verify(
        unsealed,
        keys=keys_of(context, unsealed, client),
        issuer=book.group.issuer,
        now_s=to_seconds(now),
    )
    if isinstance(claims, Refusal) or client is None:
        raise _refused(claims if isinstance(claims, Refusal) else Refusal.FORGED)
    mark = mark_of(claims)
    if await access_tokens.was_used(connection, mark):
        raise used()
    party = party_named(claims)
    if not may_ask(book, client, party, claims.purposes):
        raise _refused(Refusal.FORGED)
    capture = await find_linked_capture(
        context, connection, claims, client=client, party=party, now=now
    )
    named = _named(context, claims, client, capture)
    # One lock at a time: the visitor's, or that of who is named.
    locks_visitor = lock and named is None
    visitor = await find_visitor(context, connection, browser, now=now, lock=locks_visitor)
    session = _visiting(context, claims, client, visitor)
    if named is not None:
        session = await _open_named(context, connection, named, visitor, lock=lock)
        is_there = visitor.session is not None and visitor.session.subject.id == named
        if not is_there and not await is_message_enough(
            context,
            connection,
            client,
            session.subject,
            party=party,
            purposes=claims.purposes,
            capture=capture,
        ):
            session = None
    is_adult = session is not None and session.subject.adult
    notice = _notice_of(book, party, claims, languages, adult=is_adult)
    return LinkScene(
        claims=claims,
        client=client,
        book=book,
        party=party,
        notice=notice,
        entries=tuple(entry for entry in notice.entries if entry.id in claims.purposes),
        visitor=visitor,
        session=session,
        capture=capture,
        needs_sign_in=session is None and (named is not None or claims.sub is not UNSET),
        keeper=_keeper(named, visitor),
        mark=mark,
        now=now,
    )


def mark_of(claims: LinkClaims) -> bytes:
    """What tells a link from all others, whoever minted them.  32 bytes."""
    return hashlib.sha256(_MARK + f"{claims.iss}\0{claims.jti}".encode()).digest()


def used() -> GoneError:
    """It was answered before."""
    return GoneError("link_used", "This link was answered already: it is good for one answer.")


def seal_addressee(context: Context, client: Client, subject: SubjectId | None) -> str:
    """Name the addressee of a link that the hub mints for a client; None: whoever opens it."""
    return seal_reference(
        context,
        ReferenceKind.ADDRESSEE,
        holder=client.client_id,
        content=_Addressee(subject=None if subject is None else subject.bytes),
    )


def _named(
    context: Context, claims: LinkClaims, client: Client, capture: LinkedCapture | None
) -> SubjectId | None:
    """Whom the hub itself knows to be meant; None where nobody is."""
    if claims.ref is not UNSET:
        sealed = open_reference(
            context,
            ReferenceKind.ADDRESSEE,
            claims.ref,
            holder=client.client_id,
            into=_Addressee,
        )
        if sealed.subject is not None:
            return SubjectId(UUID(bytes=sealed.subject))
    return None if capture is None else capture.subject


async def _open_named(
    context: Context,
    connection: AsyncConnection,
    named: SubjectId,
    visitor: Visitor,
    *,
    lock: bool,
) -> Session:
    """Who is meant, as long as nobody else is signed in here."""
    if visitor.login is not None and visitor.login.account != named:
        raise other_person()
    subject = await open_subject(context, connection, named, lock=lock)
    if subject is None:
        raise outdated()
    return Session(subject=subject)


def _keeper(named: SubjectId | None, visitor: Visitor) -> Keeper:
    if visitor.login is not None:
        return Keeper.ACCOUNT
    return Keeper.DEVICE if named is None else Keeper.ADDRESSEE


def _visiting(
    context: Context, claims: LinkClaims, client: Client, visitor: Visitor
) -> Session | None:
    """Who is there, where the link is for them; None: nobody yet."""
    if claims.sub is UNSET or visitor.session is None:
        return visitor.session
    present = pairwise_sub(
        context.keyring.pairwise, str(client.party), visitor.session.subject.id.bytes
    )
    if present == claims.sub:
        return visitor.session
    if visitor.login is not None:
        raise other_person()
    return None


def _notice_of(
    book: Book, party: Party, claims: LinkClaims, languages: Languages, *, adult: bool
) -> Notice:
    """The current notice: in the language chosen on the page, else the one meant, else a known one.

    Raises:
        GoneError: it is not asked any more, or not of them, or in other words.
    """
    meant = [] if claims.language is UNSET else [claims.language.partition("-")[0]]
    chosen = [] if languages.chosen is None else [languages.chosen]
    wanted = (*chosen, *meant, *languages.preferred, book.group.languages[0])
    language = next((each for each in wanted if (party.slug, each) in book.notices), wanted[-1])
    notice = find_asking_notice(book, party, claims, language=language, adult=adult)
    if notice is None:
        raise outdated()
    return notice


def outdated() -> GoneError:
    """The question is asked no more, or in other words."""
    return GoneError("link_outdated", "What this link asks is not asked like this any more.")


def other_person() -> ForbiddenError:
    """Somebody else than the addressee is there."""
    return ForbiddenError("link_other_person", "This link is for somebody else.")


def _refused(refusal: Refusal) -> MalformedError | ForbiddenError | GoneError:
    code = _REFUSED[refusal]
    match refusal:
        case Refusal.DAMAGED:
            return MalformedError(code, "The link is not whole.")
        case Refusal.FOREIGN | Refusal.FORGED | Refusal.NOT_YET:
            return ForbiddenError(
                code, "The link was not made for this hub, or not by whom it says."
            )
        case Refusal.EXPIRED:
            return GoneError(code, "The link has expired.")
