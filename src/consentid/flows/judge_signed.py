"""Tell what somebody else signed with a stolen key from what we did.

Two things are asked of each, and they do not rest on the key.  Was it issued here?  Its mark says,
which no thief of a signing key can make.  And does the log imply it?  What a token says is held
against the history that its place in a status list leads to, as it was when it was issued; a
status list against the places that had ended by then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core import projection
from consentid.core.decision import CatalogueVersion
from consentid.core.sharing import Line
from consentid.flows import token_mark
from consentid.flows.context import Context, read_book
from consentid.flows.history import full_history
from consentid.flows.issue_token import LIFETIMES_S
from consentid.flows.lines import audience_of_key, find_line, say_now
from consentid.flows.open_subject import OpenSubject, open_subject
from consentid.flows.verify_token import list_number, status_of
from consentid.kit.instants import SECOND, Instant, from_seconds
from consentid.store import catalogues, clients, entry_bodies, ledger, status_audit
from consentid.store.status_audit import Place
from consentid.tokens import consent, jwks, jws, status
from consentid.tokens.consent import ConsentClaims
from consentid.tokens.pairwise import pairwise_sub
from consentid.tokens.reasons import Inactive, Reason
from consentid.tokens.status import StatusListClaims
from consentid.tokens.verifying import MAX_UNVERIFIED_LENGTH

_SETTLED_S: Final = 60
"""After a place has ended, every list that we sign shows it."""
_APPLIED_S: Final = 10
"""Between the instant that a configuration names and its commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was found of one token or status list."""

    kind: str
    """``consent token``, ``status list``, or ``unknown``."""
    kid: str | None = None
    """Whose signature it bears and holds for; None where none of our keys made it."""
    signed_at: Instant | None = None
    """As it says itself."""
    is_issued: bool = False
    """Whether it was issued here."""
    faults: tuple[str, ...] = ()
    """What it says that the log does not imply."""
    left_open: str | None = None
    """What cannot be told any more."""

    @property
    def is_forged(self) -> bool:
        """Whether it bears our signature, and we did not make it."""
        return self.kid is not None and (not self.is_issued or bool(self.faults))


async def keys_ever(
    context: Context, connection: AsyncConnection
) -> Mapping[str, EllipticCurvePublicKey]:
    """Every key that consent tokens were ever verified with, as the log has them."""
    ids = await ledger.key_entries(connection)
    found = dict(context.keyring.verifying_keys())
    for row in await entry_bodies.by_ids(connection, ids):
        found |= jwks.read_keys(row.body)
    return found


async def judge_signed(
    context: Context,
    connection: AsyncConnection,
    keys: Mapping[str, EllipticCurvePublicKey],
    unverified: str,
) -> Judged:
    """Judge one token or status list, expired or not."""
    token = jws.open_signed(
        unverified,
        typ=consent.TYPE,
        max_length=MAX_UNVERIFIED_LENGTH,
        read=consent.read_claims,
        keys=keys,
    )
    if not isinstance(token, Inactive):
        return await _judge_token(context, connection, token.kid, token.claims)
    listed = jws.open_signed(
        unverified,
        typ=status.TYPE,
        max_length=status.MAX_TOKEN_LENGTH,
        read=_lists.decode,
        keys=keys,
    )
    if not isinstance(listed, Inactive):
        return await _judge_list(context, connection, listed.kid, listed.claims)
    kinds = {token.reason: "consent token", listed.reason: "status list"}
    kinds.pop(Reason.WRONG_TYPE, None)
    return Judged(kind=next(iter(kinds.values())) if len(kinds) == 1 else "unknown")


_lists: Final = msgspec.json.Decoder(StatusListClaims)


async def _judge_token(
    context: Context, connection: AsyncConnection, kid: str, claims: ConsentClaims
) -> Judged:
    judged = Judged(
        kind="consent token",
        kid=kid,
        signed_at=from_seconds(claims.iat),
        is_issued=token_mark.is_marked(context.keyring.master, claims),
    )
    version = CatalogueVersion(claims.consent.cat)
    in_force = {
        await catalogues.version_at(connection, Instant(from_seconds(claims.iat) + beyond))
        for beyond in (-_APPLIED_S * SECOND, 0, SECOND)
    }
    if version not in in_force:
        return replace(judged, faults=(f"configuration {version} was not in force",))
    book = await read_book(connection, version)
    if claims.iss != book.group.issuer:
        return replace(judged, faults=("it names another issuer",))
    place = status_of(book, claims)
    held = None if place is None else await status_audit.find(connection, place)
    if held is None or held.subject is None:
        return replace(judged, faults=("its place in the status lists is nobody's",))
    line = find_line(book, held.audience)
    if line is None:
        return replace(judged, faults=("nobody of that configuration may hold it",))
    faults = await _form_faults(connection, claims, held, line)
    subject = await open_subject(context, connection, held.subject)
    if subject is None:
        told = "its person was erased: what it says can be held against nothing"
        return replace(judged, faults=tuple(faults), left_open=told)
    if claims.sub != pairwise_sub(context.keyring.pairwise, str(line.holder), subject.id.bytes):
        faults.append("it names another person than its place does")
    faults += await _saying_faults(connection, book, subject, line, claims)
    return replace(judged, faults=tuple(faults))


async def _form_faults(
    connection: AsyncConnection, claims: ConsentClaims, held: Place, line: Line
) -> list[str]:
    faults: list[str] = []
    if audience_of_key(held.audience) != claims.aud:
        faults.append("its place belongs to another audience")
    if held.ended_at is not None and held.ended_at < from_seconds(claims.iat):
        faults.append("its place had ended before")
    client = await clients.find_ever(connection, claims.client_id)
    if client is None or client.party != line.holder:
        faults.append("no such client of that brand or partner")
    elif claims.exp - claims.iat > LIFETIMES_S[client.token_class]:
        faults.append("it lives longer than that client's tokens do")
    return faults


async def _saying_faults(
    connection: AsyncConnection,
    book: Book,
    subject: OpenSubject,
    line: Line,
    claims: ConsentClaims,
) -> Sequence[str]:
    """What it grants beyond what the history allowed at any instant of the second it names."""
    begin = from_seconds(claims.iat)
    end = Instant(begin + SECOND)
    history = await full_history(connection, subject)
    before = sum(each.recorded_at <= begin for each in history)
    until = sum(each.recorded_at < end for each in history)
    beyond: list[set[str]] = []
    for count in range(before, until + 1):
        known = history[:count]
        at = max(begin, known[-1].recorded_at) if known else begin
        rested = replace(subject, projection=projection.project(known))
        said = say_now(book, rested, line, at=at)
        beyond.append(set(claims.consent.g) - set(said.yes))
    least = min(beyond, key=len)
    return [f"the history then did not allow {', '.join(sorted(least))}"] if least else []


async def _judge_list(
    context: Context, connection: AsyncConnection, kid: str, claims: StatusListClaims
) -> Judged:
    signed_at = from_seconds(claims.iat)
    judged = Judged(kind="status list", kid=kid, signed_at=signed_at, is_issued=True)
    book = await context.book(connection)
    list_no = list_number(book.group.issuer, claims.sub)
    ended = None if list_no is None else await status_audit.ended_at(connection, list_no)
    if ended is None:
        return replace(judged, is_issued=False, faults=("there is no such list",))
    bits = status.decode_list(claims.status_list.lst)
    settled = Instant(signed_at - _SETTLED_S * SECOND)
    missing = [idx for idx, at in ended.items() if at < settled and not status.is_set(bits, idx)]
    if missing:
        told = f"{len(missing)} places had ended and are not set, such as {min(missing)}"
        return replace(judged, is_issued=False, faults=(told,))
    extra = sum(byte.bit_count() for byte in bits) - sum(status.is_set(bits, idx) for idx in ended)
    if extra:
        return replace(judged, faults=(f"{extra} places are set that nobody ended",))
    return judged
