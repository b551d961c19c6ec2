"""Issue a consent token: its claims in the transaction, its signature after the commit."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from msgspec import UNSET, UnsetType
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.purpose import PurposeId
from consentid.core.saying import Saying, say
from consentid.core.sharing import Line
from consentid.flows import token_mark
from consentid.flows.context import Context
from consentid.flows.lines import audience_of
from consentid.flows.open_subject import OpenSubject
from consentid.flows.restate import restate
from consentid.flows.session import Session, resolve_here
from consentid.flows.target import default_audience
from consentid.kit.instants import Instant, to_seconds
from consentid.store.clients import Client
from consentid.store.statuses import AudienceState
from consentid.tokens import consent
from consentid.tokens.consent import Actor, Consent, ConsentClaims, Status, StatusListRef
from consentid.tokens.pairwise import pairwise_sub
from consentid.tokens.status import PATH

LIFETIMES_S: Final = {
    "web": consent.WEB_LIFETIME_S,
    "tv": consent.TV_LIFETIME_S,
    "partner": consent.PARTNER_LIFETIME_S,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedToken:
    """A token that may be signed once the transaction has committed."""

    claims: ConsentClaims


async def prepare_token(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    session: Session,
    client: Client,
    *,
    at: Instant,
    audience: str | None = None,
    line: Line | None = None,
    within: Collection[PurposeId] | None = None,
) -> PreparedToken | None:
    """The claims of a token for the client's audience; None where it has none any more.

    ``audience`` is one of those that its brand or partner registered.
    ``line`` says over whom the answer came, where it is not the client's own; then the token says
    yes to nothing that is not ``within`` what was handed in.  The caller holds the subject's lock
    and commits.
    """
    audience = audience or default_audience(book, client)
    if audience is None:
        return None
    line = line or Line(origin=client.party)
    subject = session.subject
    restated = await restate(context, connection, book, subject, line, audience=audience, at=at)
    saying = restated.saying
    if session.device is not None and not line.actors:
        saying = say(resolve_here(book, session, client.party, at), at)
    if within is not None:
        saying = saying.within(within)
    return token_of(
        context,
        book,
        subject,
        client,
        state=restated.state,
        saying=saying,
        at=at,
        line=line,
    )


def token_of(
    context: Context,
    book: Book,
    subject: OpenSubject,
    client: Client,
    *,
    state: AudienceState,
    saying: Saying,
    at: Instant,
    line: Line | None = None,
) -> PreparedToken:
    """The claims of a token for the audience of a row; they say no more than the row does."""
    issued = to_seconds(at)
    expires = issued + LIFETIMES_S[client.token_class]
    if saying.ends_at is not None:
        expires = min(expires, to_seconds(saying.ends_at))
    issuer = book.group.issuer
    claims = ConsentClaims(
        iss=issuer,
        sub=pairwise_sub(context.keyring.pairwise, str(client.party), subject.id.bytes),
        aud=audience_of(state),
        client_id=client.client_id,
        jti="",
        iat=issued,
        exp=expires,
        consent=Consent(
            cat=book.catalogue.version,
            rev=state.rev,
            g=saying.yes,
            d=saying.no,
            a=saying.assisted,
        ),
        status=Status(
            status_list=StatusListRef(
                idx=state.status.idx,
                uri=f"{issuer.rstrip('/')}{PATH}{state.status.list_no}",
            )
        ),
        act=_act(line or Line(origin=client.party)),
    )
    return PreparedToken(claims=token_mark.marked(context.keyring.master, claims, at=at))


def _act(line: Line) -> Actor | UnsetType:
    """The chain of actors, the present one outermost.  Spec: RFC 8693 section 4.1."""
    act: Actor | UnsetType = UNSET
    for actor in line.actors:
        act = Actor(sub=actor.slug, act=act)
    return act


def sign_token(context: Context, prepared: PreparedToken) -> str:
    """Sign what was prepared.  Call it after the commit, never before."""
    key = context.keyring.active("consent")
    signing_input = consent.unsigned(prepared.claims, key.kid)
    return consent.assemble(signing_input, key.sign(signing_input))
