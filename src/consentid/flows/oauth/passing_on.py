"""A partner takes over a person's answer from a brand, or from a partner that did.

In comes a consent token or an access token of the giver; out goes a narrower consent token for the
receiver's own audience, with ``act`` naming everybody on the way.  Only where the receiver's file
registers the giver, only while the person's yes to that sharing stands, over two hops at most.
What comes out never says more than what came in: an older token passes on what it said, and what a
person's device objects to stays objected to.
Spec: RFC 8693 sections 2.1, 4.1 and 4.4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from authlib.oauth2.rfc6749 import (
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
)

from consentid.brandbook.client import AuthMethod
from consentid.core.decision import SubjectId
from consentid.core.party import Party
from consentid.core.purpose import PurposeId
from consentid.core.saying import say
from consentid.core.sharing import MAX_ACTORS, Line
from consentid.flows.authenticate import hash_token
from consentid.flows.issue_token import PreparedToken, prepare_token
from consentid.flows.lines import say_now
from consentid.flows.oauth.client import AuthlibClient
from consentid.flows.oauth.errors import InvalidTargetError
from consentid.flows.oauth.token_types import ACCESS_TOKEN, CONSENT_TOKEN
from consentid.flows.oauth.transaction import Transaction
from consentid.flows.session import Session, open_session, resolve_here
from consentid.flows.verify_token import Judged, judge_status, verify_for
from consentid.kit.errors import UnauthenticatedError
from consentid.store import access_tokens, clients

PASSED_ON: Final = frozenset({CONSENT_TOKEN, ACCESS_TOKEN})
"""What a partner may hand in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOn:
    """A token for the receiver, and whom it speaks of."""

    prepared: PreparedToken
    subject: SubjectId


async def pass_on(
    transaction: Transaction,
    client: AuthlibClient,
    fields: Mapping[str, str],
    *,
    audience: str | None,
) -> PassedOn:
    """Judge one exchange, and prepare the receiver's token for an audience of its own.

    Raises:
        OAuth2Error: in the words of RFC 8693 section 2.2.2.
    """
    givers: Mapping[Party, PurposeId] = transaction.book.shares.get(client.row.party, {})
    if client.row.auth_method == AuthMethod.NONE or not givers:
        raise UnauthorizedClientError("This client is not registered to take over anything.")
    if fields.get("requested_token_type", CONSENT_TOKEN) != CONSENT_TOKEN:
        raise InvalidRequestError("Only a consent token is given for a token of another.")
    if fields.get("scope"):
        raise InvalidScopeError("A consent token has no scope: it says what the person allows.")
    if "actor_token" in fields or "actor_token_type" in fields:
        raise InvalidRequestError("The authenticated client is the actor; send no actor_token.")
    unverified = fields.get("subject_token")
    if unverified is None:
        raise InvalidRequestError("subject_token is missing.")
    given = await (
        _by_consent_token(transaction, unverified, givers)
        if fields["subject_token_type"] == CONSENT_TOKEN
        else _by_access_token(transaction, unverified, givers)
    )
    if given is None:
        raise InvalidGrantError("subject_token does not hold, or is of nobody you take over from.")
    judged = given.judged
    line = judged.line.passed_to(client.row.party)
    if len(line.actors) > MAX_ACTORS:
        raise InvalidTargetError("An answer is passed on twice at most.")
    said = say_now(transaction.book, judged.subject, line, at=transaction.now)
    # A partner's token need not name what its own hop rests on; the origin's names all that holds.
    is_allowed = bool(judged.line.actors) or givers[line.origin] in given.says_yes_to
    if not is_allowed or (not said.yes and not said.no):
        raise InvalidGrantError("The person does not allow this sharing.")
    prepared = await prepare_token(
        transaction.context,
        transaction.connection,
        transaction.book,
        Session(subject=judged.subject),
        client.row,
        at=transaction.now,
        audience=audience,
        line=line,
        within=given.says_yes_to,
    )
    if prepared is None:
        raise InvalidTargetError("This client's partner is in no catalogue.")
    return PassedOn(prepared=prepared, subject=judged.subject.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """What was handed in, and how much it says."""

    judged: Judged
    says_yes_to: frozenset[PurposeId]


async def _by_consent_token(
    transaction: Transaction, unverified: str, givers: Mapping[Party, object]
) -> _Given | None:
    for giver in givers:
        claims = verify_for(
            transaction.context, transaction.book, giver, unverified, at=transaction.now
        )
        if claims is not None:
            judged = await judge_status(
                transaction.context,
                transaction.connection,
                transaction.book,
                claims,
                party=giver,
                at=transaction.now,
                lock=True,
            )
            says_yes_to = frozenset(PurposeId(each) for each in claims.consent.g)
            return None if judged is None else _Given(judged=judged, says_yes_to=says_yes_to)
    return None


async def _by_access_token(
    transaction: Transaction, unverified: str, givers: Mapping[Party, object]
) -> _Given | None:
    found = await access_tokens.find(transaction.connection, hash_token(unverified))
    if found is None or found.subject is None or found.expires_at <= transaction.now:
        return None
    giver = await clients.find(transaction.connection, found.client_id)
    if giver is None or giver.party not in givers:
        return None
    if giver.party not in transaction.book.catalogue.parties:
        return None
    try:
        session = await open_session(
            transaction.context,
            transaction.connection,
            subject=found.subject,
            device=found.device,
            lock=True,
        )
    except UnauthenticatedError:
        return None
    here = resolve_here(transaction.book, session, giver.party, transaction.now)
    return _Given(
        judged=Judged(subject=session.subject, line=Line(origin=giver.party)),
        says_yes_to=frozenset(say(here, transaction.now).yes),
    )
