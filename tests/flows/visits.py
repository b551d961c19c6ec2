"""A person's browser at the hub: its cookies, the addresses it is sent to, what is chosen there."""

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from tests.flows.town import Town

from consentid.core.decision import Choice, Outcome
from consentid.core.party import ReachKind
from consentid.flows.answer_interaction import Answer, Choose, answer_interaction
from consentid.flows.answer_token_request import TokenAnswer
from consentid.flows.authorize import authorize
from consentid.flows.finish_interaction import NextStep
from consentid.flows.hub_session import Browser, sign_in_session
from consentid.flows.interactions import Interaction, open_interaction
from consentid.flows.sign_in import SignedIn
from consentid.kit.instants import SECOND, Instant
from consentid.net.portal import verify_id_token
from consentid.store import clients, clock

CALLBACK = "http://news.localhost:7600/callback"
ISSUER = "http://consent.localhost:7600"
LAYOUT = bytes(32)
"""The digest of how a page is laid out; nothing here depends on it."""


def challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def query_of(address: str) -> dict[str, str]:
    """The parameters of an address, each of which comes once."""
    pairs = parse_qsl(urlsplit(address).query, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


@dataclass(slots=True, kw_only=True)
class Visit:
    """One browser."""

    town: Town
    client: str = "news-web"
    redirect_uri: str = CALLBACK
    session: str | None = None
    device: str | None = None
    secret: str | None = None
    known: str | None = None
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def browser(self) -> Browser:
        return Browser(
            unverified_session=self.session,
            unverified_device=self.device,
            unverified_secret=self.secret,
            unverified_known=self.known,
        )

    def request(self, **changed: str | None) -> dict[str, str]:
        """The fields of a right request; one changed to None is left out."""
        right: dict[str, str | None] = {
            "client_id": self.client,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": "openid",
            "state": "a state",
            "nonce": "a nonce",
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
        }
        return {name: text for name, text in {**right, **changed}.items() if text is not None}

    async def ask(self, **changed: str | None) -> str:
        """Where ``/authorize`` sends the browser."""
        found = await authorize(self.town.context, self.request(**changed), self.browser)
        self.secret = found.browser_secret or self.secret
        return found.redirect

    async def ask_for_answer(self, **changed: str | None) -> dict[str, str]:
        """What the client is told at once."""
        redirect = await self.ask(**changed)
        assert redirect.startswith(self.redirect_uri), redirect
        return query_of(redirect)

    async def begin(self, **changed: str | None) -> str:
        """The id of the interaction that ``/authorize`` begins."""
        redirect = await self.ask(**changed)
        assert redirect.startswith(f"{ISSUER}/interaction/"), redirect
        return redirect.rpartition("/")[2]

    async def open(self, interaction: str) -> Interaction:
        """The page of an interaction."""
        found = await open_interaction(
            self.town.context, interaction, self.browser, languages=("en",), layout=LAYOUT
        )
        assert isinstance(found, Interaction), found
        return found

    async def answer(self, interaction: str, answer: Answer) -> NextStep:
        """Send the form; the browser keeps what it is given."""
        step = await answer_interaction(self.town.context, interaction, self.browser, answer)
        self.device = step.device_credential or self.device
        self.known = step.known_here or self.known
        return step

    async def choose(
        self,
        interaction: str,
        outcome: Outcome,
        reach: ReachKind = ReachKind.GROUP,
    ) -> dict[str, str]:
        """Answer all that is asked alike; what the client is told."""
        page = await self.open(interaction)
        answer = choose_all(page, outcome, reach)
        return query_of((await self.answer(interaction, answer)).redirect)

    async def consent(self, outcome: Outcome = Outcome.GRANTED, **changed: str | None) -> str:
        """Ask, choose, and come back with a code."""
        return (await self.choose(await self.begin(**changed), outcome))["code"]

    async def redeem(
        self, code: str, *, as_client: str | None = None, **changed: str | None
    ) -> TokenAnswer:
        """Exchange a code."""
        right = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            **changed,
        }
        form = {name: text for name, text in right.items() if text is not None}
        return await self.town.ask_token(as_client or self.client, **form)

    async def refresh(
        self, refresh_token: str, *, as_client: str | None = None, **changed: str
    ) -> TokenAnswer:
        """Exchange a refresh token."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, **changed}
        return await self.town.ask_token(as_client or self.client, **form)

    async def sign_in(
        self, sub: str, *, age_s: int = 0, acr: str | None = None, portal_sid: str | None = None
    ) -> SignedIn:
        """Come back from the portal, which authenticated ``age_s`` ago."""
        context = self.town.context
        async with context.database.writing() as connection:
            now = await clock.now(connection)
            book = await context.book(connection)
            client = await clients.find(connection, self.client)
            assert client is not None
            identity = await verify_id_token(
                self.town.portal.id_token(
                    sub,
                    now_s=int(time.time()),
                    key=None,
                    jti=secrets.token_hex(8),
                    aud="halcyon-news",
                ),
                keys=context.portal,
                issuer=self.town.portal.issuer,
                audience="halcyon-news",
                now=now,
            )
            made = await sign_in_session(
                context,
                connection,
                book,
                identity,
                browser=self.browser,
                party=client.party,
                at=now,
                auth_time=Instant(now - age_s * SECOND),
                acr=acr,
                portal_sid=portal_sid,
            )
        self.session = made.session_token
        return made.signed_in


def choose_all(
    page: Interaction,
    outcome: Outcome,
    reach: ReachKind = ReachKind.GROUP,
    *,
    but: int = 0,
) -> Choose:
    """The same answer to all that is asked, but for the first so many."""
    return Choose(
        choices=tuple(Choice(purpose=purpose, outcome=outcome) for purpose in page.asked[but:]),
        reach=reach,
        unverified_served=page.served,
    )
