"""A partner takes over a person's answer from a brand, or from a partner that did.

In comes a consent token or an access token of the giver; out goes a narrower consent token for the
receiver's own audience, with ``act`` naming everybody on the way.  Only where the receiver's file
registers the giver, only while the person's yes to that sharing stands, over two hops at most.
Spec: RFC 8693 sections 2.1, 4.1 and 4.4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, UnauthorizedClientError

from consentid.brandbook.client import AuthMethod
from consentid.core.decision import SubjectId
from consentid.core.party import Party
from consentid.core.sharing import MAX_ACTORS, Line
from consentid.flows.authenticate import hash_token
from consentid.flows.issue_token import PreparedToken, prepare_token
from consentid.flows.oauth.client import AuthlibClient
from consentid.flows.oauth.errors import InvalidTargetError
from consentid.flows.oauth.token_types import ACCESS_TOKEN, CONSENT_TOKEN
from consentid.flows.oauth.transaction import Transaction
from consentid.flows.open_subject import OpenSubject, open_subject
from consentid.flows.restate import say_now
from consentid.flows.session import Session
from consentid.flows.verify_token import Judged, judge_status, verify_for
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
    givers = transaction.book.shares.get(client.row.party, {})
    if client.row.auth_method == AuthMethod.NONE or not givers:
        raise UnauthorizedClientError("This client is not registered to take over anything.")
    if fields.get("requested_token_type", CONSENT_TOKEN) != CONSENT_TOKEN:
        raise InvalidRequestError("Only a consent token is given for a token of another.")
    if "actor_token" in fields or "actor_token_type" in fields:
        raise InvalidRequestError("The authenticated client is the actor; send no actor_token.")
    unverified = fields.get("subject_token")
    if unverified is None:
        raise InvalidRequestError("subject_token is missing.")
    judged = await (
        _by_consent_token(transaction, unverified, givers)
        if fields["subject_token_type"] == CONSENT_TOKEN
        else _by_access_token(transaction, unverified, givers)
    )
    if judged is None:
        raise InvalidGrantError("subject_token does not hold, or is of nobody you take over from.")
    line = judged.line.passed_to(client.row.party)
    if len(line.actors) > MAX_ACTORS:
        raise InvalidTargetError("An answer is passed on twice at most.")
    said = say_now(transaction.book, judged.subject, line, at=transaction.now)
    if not said.yes and not said.no:
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
    )
    if prepared is None:
        raise InvalidTargetError("This client's partner is in no catalogue.")
    return PassedOn(prepared=prepared, subject=judged.subject.id)


async def _by_consent_token(
    transaction: Transaction, unverified: str, givers: Mapping[Party, object]
) -> Judged | None:
    for giver in givers:
        claims = verify_for(
            transaction.context, transaction.book, giver, unverified, at=transaction.now
        )
        if claims is not None:
            return await judge_status(
                transaction.context,
                transaction.connection,
                transaction.book,
                claims,
                party=giver,
                at=transaction.now,
                lock=True,
            )
    return None


async def _by_access_token(
    transaction: Transaction, unverified: str, givers: Mapping[Party, object]
) -> Judged | None:
    found = await access_tokens.find(transaction.connection, hash_token(unverified))
    if found is None or found.subject is None or found.expires_at <= transaction.now:
        return None
    giver = await clients.find(transaction.connection, found.client_id)
    if giver is None or giver.party not in givers:
        return None
    subject: OpenSubject | None = await open_subject(
        transaction.context, transaction.connection, found.subject, lock=True
    )
    return None if subject is None else Judged(subject=subject, line=Line(origin=giver.party))
