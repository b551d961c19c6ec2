"""Links and whoever opens them, without HTTP between."""

import secrets
from dataclasses import dataclass, field

from tests.flows.town import Town
from tests.flows.visits import Visit

from consentid.core.decision import Outcome
from consentid.flows.answer_link import Answered, OpenedLink, Press, answer_link, open_link
from consentid.flows.authenticate import Caller
from consentid.flows.hub_session import Browser
from consentid.flows.link_scene import Languages
from consentid.flows.mint_link import mint_link
from consentid.links import Question
from consentid.store import clients


async def minter(town: Town, client_id: str, of: Caller | None = None) -> Caller:
    """A client that may mint, for itself or with somebody's token."""
    async with town.context.database.reading() as connection:
        client = await clients.find(connection, client_id)
    assert client is not None
    subject = None if of is None else of.subject
    return Caller(client=client, scopes=client.scopes, subject=subject, device=None)


async def mint(town: Town, caller: Caller, question: Question) -> str:
    """What stands in the fragment of a link that the hub minted for a client."""
    made = await mint_link(town.context, caller, question, lifetime_s=3_600)
    return made.link.partition("#")[2]


@dataclass(slots=True, kw_only=True)
class Reader:
    """A browser of somebody's."""

    town: Town
    browser: Browser = field(
        default_factory=lambda: Browser(unverified_secret=secrets.token_urlsafe(32))
    )

    @classmethod
    async def signed_in(cls, town: Town, sub: str) -> "Reader":
        """The same of a customer of the portal, who is signed in."""
        visit = Visit(town=town, secret=secrets.token_urlsafe(32))
        await visit.sign_in(sub)
        return cls(town=town, browser=visit.browser)

    async def open(self, link: str) -> OpenedLink:
        return await open_link(
            self.town.context,
            link,
            self.browser,
            languages=Languages(chosen=None, preferred=("en",)),
            layout=bytes(32),
        )

    async def answer(self, link: str, outcome: Outcome = Outcome.GRANTED) -> Answered:
        """Open it, and press."""
        opened = await self.open(link)
        press = Press(
            outcome=outcome,
            unverified_served=opened.served,
            signals={},
            told_of_signal=False,
        )
        return await answer_link(self.town.context, link, self.browser, press)
