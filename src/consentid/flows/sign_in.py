"""A person signs in: the portal's identity becomes a subject, and a device's choices may move.

Sync, claim and contradiction as the core's identity rules say; signing in leaves the device's own
decisions untouched.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.contradiction import Contradiction, find_contradictions
from consentid.core.decision import DecisionId, SubjectId
from consentid.core.identity import Policy, adopted_decision, find_adoptions
from consentid.core.party import Party
from consentid.flows.commit_decisions import commit_decisions
from consentid.flows.context import Context
from consentid.flows.history import full_history
from consentid.flows.link_device import link_device
from consentid.flows.open_subject import OpenSubject, new_subject, open_subject
from consentid.flows.portal_identity import identity_hash
from consentid.flows.restate import restate_all
from consentid.flows.session import Session
from consentid.flows.tell_others import tell_link
from consentid.flows.told import keep_told, open_told
from consentid.kit.errors import UnauthenticatedError
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant
from consentid.net.portal import PortalIdentity
from consentid.store import access_tokens, clock, subjects
from consentid.telemetry.tracing import step


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A session, and what the person is to be told about it."""

    session: Session
    adopted: int
    """How many of the device's decisions the account adopted."""
    contradictions: Sequence[Contradiction]
    """Between account and device, at the caller's brand, and not told before."""


@step("sign_in")
async def sign_in(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    identity: PortalIdentity,
    *,
    party: Party | None,
    device: SubjectId | None,
    at: Instant,
    tells_now: bool = True,
) -> SignedIn:
    """Open the session of a portal identity, making its subject at the first time.

    ``party`` is whose contradictions are to be told now; None where the hub's own pages tell them.
    ``tells_now``: this very answer tells them; a page does so later, and notes it when it is
    answered.  The caller commits.

    Raises:
        UnauthenticatedError: the ID token was used before.
    """
    if not await access_tokens.mark_used(
        connection, identity.token_hash, expires_at=identity.expires_at
    ):
        raise UnauthenticatedError(
            "id_token_replayed",
            "This ID token was exchanged before: get a fresh one from the portal.",
            where="subject_token",
        )
    account = await _account(context, connection, book, identity, at=at)
    at = await clock.now_after(connection, account.id)  # now that nobody else decides for it
    if device is None:
        return SignedIn(session=Session(subject=account), adopted=0, contradictions=())
    beneath = await open_subject(context, connection, device)
    if beneath is None:
        return SignedIn(session=Session(subject=account), adopted=0, contradictions=())
    contradictions = await _contradictions(
        context, connection, book, account, beneath, party=party, at=at, tells_now=tells_now
    )
    account, adopted = await _adopt(context, connection, book, account, beneath, at=at)
    if party is not None and tells_now:
        await tell_link(context, connection, party, account=account.id, device=beneath.id, at=at)
    return SignedIn(
        session=Session(subject=account, device=beneath),
        adopted=adopted,
        contradictions=contradictions,
    )


async def _account(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    identity: PortalIdentity,
    *,
    at: Instant,
) -> OpenSubject:
    hashed = identity_hash(context, issuer=identity.issuer, sub=identity.sub)
    await subjects.lock_identity(connection, hashed)
    found = await subjects.find_known(connection, hashed)
    has_changed = False
    if found is None:
        new = new_subject(context, at=at)
        await subjects.create_known(connection, new, identity_hash=hashed, adult=identity.is_adult)
        found = new.id
    else:
        has_changed = await subjects.set_adult(connection, found, adult=identity.is_adult)
    account = await open_subject(context, connection, found, lock=True)
    if account is None:
        raise UnauthenticatedError(
            "subject_unknown", "What was known of this person has been erased."
        )
    if has_changed:
        # Whoever is an adult no longer takes back what tokens elsewhere say.
        await restate_all(context, connection, book, account, at=at)
    return account


async def _contradictions(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    account: OpenSubject,
    device: OpenSubject,
    *,
    party: Party | None,
    at: Instant,
    tells_now: bool,
) -> tuple[Contradiction, ...]:
    """What to tell at this sign-in; a brand hears of what concerns it, and of that once."""
    sealed = await link_device(context, connection, account, device.id, at=at)
    told = open_told(account, device.id, sealed)
    found = tuple(
        each
        for each in find_contradictions(
            account.projection,
            device.projection,
            book.catalogue,
            at,
            adult=account.adult,
            told=frozenset(told),
        )
        if each.party == party
    )
    if found and tells_now:
        await keep_told(context, connection, account, device.id, told=told, new=found)
    return found


async def _adopt(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    account: OpenSubject,
    device: OpenSubject,
    *,
    at: Instant,
) -> tuple[OpenSubject, int]:
    if not device.projection.keys:
        return account, 0
    adopted_before = frozenset(
        decision.adopted_from
        for decision in await full_history(connection, account)
        if decision.adopted_from is not None
    )
    adoptions = find_adoptions(
        await full_history(connection, device),
        account.projection,
        Policy(book.group.identity),
        book.catalogue,
        already=adopted_before,
    )
    if not adoptions:
        return account, 0
    decisions = [
        adopted_decision(
            adoption,
            id_=DecisionId(uuid7(at, context.randomness(RANDOM_BYTES))),
            account=account.id,
            recorded_at=at,
        )
        for adoption in adoptions
    ]
    changed = await commit_decisions(context, connection, book, account, decisions, at=at)
    return changed, len(decisions)
