"""Mint a consent link for a client that has a back end and no key of its own to sign with.

The hub signs it for the client, and where the caller's access token names a subject, the addressee
is that subject: no field of the request does.  Nothing is written.
"""

from dataclasses import dataclass, field

import msgspec
from msgspec import UNSET

from consentid.brandbook.book import Book
from consentid.brandbook.notice import Notice
from consentid.core.party import Party
from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.link_rights import find_asking_notice, may_ask, party_named
from consentid.flows.link_scene import seal_addressee
from consentid.keyring.link_key import link_key
from consentid.keyring.manifest import Use
from consentid.kit.errors import ForbiddenError, MalformedError
from consentid.kit.instants import from_seconds, to_rfc3339, to_seconds
from consentid.links import claims
from consentid.links.asking import Hub, Question, address, draft
from consentid.links.claims import LinkClaims
from consentid.store import clock
from consentid.telemetry.tracing import step
from consentid.tokens import jws


class LinkOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A link, good for one answer."""

    expires_at: str
    link: str | None = None
    """To be sent to the addressee: whoever opens it can answer.  None where the hub mails it."""
    mailed: bool = False
    """Whether the hub sends it, and told it to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MintedLink:
    """A link, and what it is about."""

    link: str = field(repr=False)
    claims: LinkClaims
    book: Book
    party: Party
    """Whom an answer is for."""
    asker: Party

    @property
    def expires_at(self) -> str:
        """RFC 3339."""
        return to_rfc3339(from_seconds(self.claims.exp))

    def notice(self) -> Notice:
        """The notice in the language meant, or in the group's first."""
        meant = "" if self.claims.language is UNSET else self.claims.language.partition("-")[0]
        found = self.book.find_notice(self.party.slug, meant)
        if found is None:
            msg = "a question that may be asked has a notice"
            raise RuntimeError(msg)
        return found


@step("mint_link")
async def mint_link(
    context: Context, caller: Caller, question: Question, *, lifetime_s: int
) -> MintedLink:
    """Mint one.

    Raises:
        MalformedError: the question cannot be asked like this.
        ForbiddenError: the client may not ask it.
        UnavailableError: the database cannot be reached.
    """
    async with context.database.reading() as connection:
        book = await context.book(connection)
        now = await clock.now(connection)
    client = caller.client
    said = draft(
        question,
        client_id=client.client_id,
        issuer=book.group.issuer,
        now_s=to_seconds(now),
        lifetime_s=lifetime_s,
        randomness=context.randomness,
        ref=seal_addressee(context, client, caller.subject),
    )
    party = party_named(said)
    if not may_ask(book, client, party, said.purposes):
        raise ForbiddenError(
            "question_not_yours", "This client may not ask this.", where="purposes"
        )
    first = book.group.languages[0]
    if find_asking_notice(book, party, said, language=first, adult=None) is None:
        raise MalformedError(
            "purpose_not_asked",
            f"{party} asks nobody's consent to all of this now, or in another notice.",
            where="purposes",
        )
    key = context.keyring.active(Use.CONSENT)
    signing_input = jws.signing_input(
        typ=claims.TYPE, kid=key.kid, payload=claims.encode_claims(said)
    )
    hub = link_key(context.keyring.master)
    return MintedLink(
        link=address(
            Hub(issuer=book.group.issuer, kid=hub.kid, key=hub.public),
            jws.assemble(signing_input, key.sign(signing_input)),
        ),
        claims=said,
        book=book,
        party=party,
        asker=client.party,
    )
