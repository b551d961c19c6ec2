"""Who takes part in the tour: back ends of brands and partner, the portal, the customers."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import httpx2

from consentid.brandbook.book import Book
from consentid.brandbook.client import Scope
from consentid.demo import halcyon
from consentid.demo.halcyon import DemoSecrets
from consentid.demo.hub_answers import Exchanged
from consentid.demo.hub_client import CONSENT_TOKEN, HubClient, SubjectToken
from consentid.demo.portal_client import PortalClient


class WebProcess(Protocol):
    """The server under test, as the tour may mistreat it."""

    def kill_web(self) -> int:
        """End it by SIGKILL; answers the process id that is no more."""
        ...

    def revive_web(self) -> int:
        """Start it again and wait until it is ready; answers the new process id."""
        ...


@dataclass(slots=True, kw_only=True)
class Scene:
    """Everything that a step needs, and what earlier steps left for it."""

    http: httpx2.Client
    port: int
    book: Book
    secrets: DemoSecrets
    keys: Path
    """The hub's key folder: one step forges with the real keys."""
    web: WebProcess
    pause: Callable[[float], None] = time.sleep
    given: frozenset[str] = frozenset()
    """What the customer of the first step said yes to."""
    tokens: dict[str, str] = field(default_factory=dict[str, str])
    """Consent tokens by party."""
    accesses: dict[str, str] = field(default_factory=dict[str, str])
    """Subject access tokens by party and login."""

    @property
    def hub(self) -> str:
        """The hub's address, which is the issuer."""
        return halcyon.url_of(halcyon.HUB, self.port)

    @property
    def portal(self) -> str:
        """The portal's address, which is its issuer."""
        return halcyon.url_of(halcyon.PORTAL, self.port)

    def back_end(self, party: str, scope: Scope = Scope.DECISIONS_WRITE) -> HubClient:
        """A brand's or partner's back end, as the client that may do what the scope says."""
        client = halcyon.client_of(self.book, party, scope)
        return HubClient(
            http=self.http, hub=self.hub, client_id=client, secret=self.secrets.clients[client]
        )

    def audience_of(self, party: str) -> str:
        """The URI that a party's tokens name in ``aud``."""
        return halcyon.profile_of(self.book, party).audience

    def sign_in(self, login: str, party: str) -> SubjectToken:
        """A customer signs in at a party's site; the ID token is good for one exchange."""
        client = halcyon.portal_client_of(self.book, party)
        portal = PortalClient(
            http=self.http,
            portal=self.portal,
            client_id=client,
            secret=self.secrets.portal_clients[client],
            site=halcyon.url_of(party, self.port),
        )
        return portal.sign_in(login, self.secrets.passwords[login])

    def access(self, login: str, party: str) -> str:
        """A subject access token at a party for a signed-in customer."""
        key = f"{party}/{login}"
        if key not in self.accesses:
            answer = self.back_end(party).exchange(self.sign_in(login, party))
            self.accesses[key] = answer.access_token
        return self.accesses[key]

    def consent_token(self, login: str, party: str) -> Exchanged:
        """A fresh consent token at a brand for a signed-in customer."""
        return self.back_end(party).exchange(self.sign_in(login, party), requested=CONSENT_TOKEN)
