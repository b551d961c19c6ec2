"""Judge a consent token online: its form and signature, then what holds at this very instant.

A bad token is an answer, not an error: ``active: false`` and, for its own client alone, nothing
more than that.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.catalogue import find_terms
from consentid.core.party import Party
from consentid.core.purpose import LegalBasis, PurposeId
from consentid.core.sharing import Line
from consentid.flows.authenticate import Caller
from consentid.flows.consistency import check_at_least
from consentid.flows.context import Context
from consentid.flows.counts import ACTIVE, NOT_GRANTED
from consentid.flows.lines import find_line, say_now
from consentid.flows.note_read import note_read
from consentid.flows.open_subject import OpenSubject, open_subject
from consentid.flows.read_buffer import ReadKind
from consentid.flows.session import Session
from consentid.flows.show_state import require_party
from consentid.flows.target import default_audience
from consentid.kit.errors import ForbiddenError
from consentid.kit.instants import SECOND, Instant
from consentid.store import clock, statuses
from consentid.store.statuses import StatusIndex
from consentid.telemetry.tracing import step
from consentid.tokens import verifying
from consentid.tokens.consent import ConsentClaims
from consentid.tokens.pairwise import pairwise_sub
from consentid.tokens.reasons import Inactive, Reason
from consentid.tokens.status import PATH

_NEEDS_NO_CHOICE: Final = frozenset(LegalBasis) - {
    LegalBasis.CONSENT,
    LegalBasis.LEGITIMATE_INTEREST,
}


class VerifyOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a token may be acted on, and what it allows."""

    active: bool
    sub: str | None = None
    aud: str | None = None
    granted: tuple[str, ...] | None = None
    refused: tuple[str, ...] | None = None
    assisted: tuple[str, ...] | None = None
    """Those granted by somebody else's word, which the person has not confirmed; absent for none.
    """
    rev: int | None = None
    exp: int | None = None
    decision: str | None = None
    """``allow`` or ``deny``, only where purposes were named."""


_INACTIVE: Final = VerifyOut(active=False)


@step("verify_token")
async def verify_token(
    context: Context,
    caller: Caller,
    unverified_token: str,
    *,
    audience: str | None,
    purposes: Sequence[str],
    at_least: str | None,
) -> VerifyOut:
    """Verify one token for an audience that the caller's brand or partner registered.

    Raises:
        ForbiddenError: the audience is another's.
        MalformedError: ``at_least`` is not a reference of this caller's sector.
        UnavailableError: the answer cannot be known now, or would be older than ``at_least``.
    """
    party, client_id = caller.client.party, caller.client.client_id
    verdicts = context.counts.verdicts
    inactive = VerifyOut(active=False, decision="deny") if purposes else _INACTIVE
    async with context.database.reading() as connection:
        book = await context.book(connection)
        require_party(book, party)
        if audience is None:
            audience = default_audience(book, caller.client)
        if audience not in book.catalogue.parties[party].audiences:
            raise ForbiddenError(
                "audience_not_yours",
                "This audience is not registered to the calling client.",
                where="audience",
            )
        now = await clock.now(connection)
        verified = verifying.verify(
            unverified_token,
            keys=context.keyring.verifying_keys(),
            issuer=book.group.issuer,
            audience=audience,
            now_s=now / SECOND,
        )
        if isinstance(verified, Inactive):
            verdicts.add((client_id, verified.reason))
            return inactive
        claims = verified.claims
        judged = await judge_status(context, connection, book, claims, party=party, at=now)
        if judged is None:
            verdicts.add((client_id, Reason.SUPERSEDED))
            return inactive
        check_at_least(context, party, Session(subject=judged.subject), at_least)
    note_read(context, judged.subject.id, client_id, ReadKind.VERIFY)
    if not purposes:
        verdicts.add((client_id, ACTIVE))
        return active_answer(claims)
    may = decide(book, party, claims.consent.g, purposes)
    verdicts.add((client_id, ACTIVE if may else NOT_GRANTED))
    return active_answer(claims, decision="allow" if may else "deny")


def active_answer(claims: ConsentClaims, *, decision: str | None = None) -> VerifyOut:
    """What an active token allows."""
    return VerifyOut(
        active=True,
        sub=claims.sub,
        aud=claims.aud,
        granted=claims.consent.g,
        refused=claims.consent.d,
        assisted=claims.consent.a or None,
        rev=claims.consent.rev,
        exp=claims.exp,
        decision=decision,
    )


def verify_for(
    context: Context, book: Book, party: Party, unverified_token: str, *, at: Instant
) -> ConsentClaims | None:
    """A token's claims, where it was meant for any audience of a party's; not its status."""
    for audience in book.catalogue.parties[party].audiences:
        verified = verifying.verify(
            unverified_token,
            keys=context.keyring.verifying_keys(),
            issuer=book.group.issuer,
            audience=audience,
            now_s=at / SECOND,
        )
        if isinstance(verified, verifying.Verified):
            return verified.claims
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Whom an active token is about, and the line that it came over."""

    subject: OpenSubject
    line: Line


async def judge_status(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    claims: ConsentClaims,
    *,
    party: Party,
    at: Instant,
    lock: bool = False,
) -> Judged | None:
    """Whether verified claims still hold for a party, by the database and not by the list.

    None where the token was revoked or superseded, or its subject is unknown or erased.
    """
    status = status_of(book, claims)
    holder = None if status is None else await statuses.find_holder(connection, status)
    if holder is None or holder.is_revoked:
        return None
    line = find_line(book, holder.audience)
    if line is None or line.holder != party:
        return None
    subject = await open_subject(context, connection, holder.subject, lock=lock)
    if subject is None or claims.sub != pairwise_sub(
        context.keyring.pairwise, str(party), subject.id.bytes
    ):
        return None  # else made for another brand or partner, whose audience this was then
    said = say_now(book, subject, line, at=at)
    if line.actors and not said.yes:
        return None  # the sharing that the line rests on does not stand
    # The catalogue or the time may have narrowed what the token says.
    granted = frozenset(map(PurposeId, claims.consent.g))
    if not (granted <= set(said.yes) and granted - set(claims.consent.a) <= said.own):
        return None
    return Judged(subject=subject, line=line)


def status_of(book: Book, claims: ConsentClaims) -> StatusIndex | None:
    """Where the token's bit lies, if its list is one of ours."""
    ref: Any = claims.status.status_list
    list_no = list_number(book.group.issuer, ref.uri)
    if list_no is None or ref.idx >= statuses.LIST_BITS:
        return None
    return StatusIndex(list_no=list_no, idx=ref.idx)


@lru_cache(maxsize=1_024)
def list_number(issuer: str, uri: str) -> int | None:
    """The number of a list of ours, by its address under a signature of ours."""
    head = f"{issuer.rstrip('/')}{PATH}"
    number = uri.removeprefix(head)
    if not uri.startswith(head) or not number.isascii() or not number.isdigit():
        return None
    return int(number) if len(number) <= 9 else None  # noqa: PLR2004 an INTEGER's digits


def decide(book: Book, party: Party, granted: Container[str], purposes: Sequence[str]) -> bool:
    """Whether all purposes are granted, or need no choice."""

    def is_allowed(purpose: PurposeId) -> bool:
        if purpose in granted:
            return True
        terms = find_terms(book.catalogue, party, purpose)
        return terms is not None and not terms.adults_only and terms.basis in _NEEDS_NO_CHOICE

    return all(is_allowed(PurposeId(each)) for each in purposes)
