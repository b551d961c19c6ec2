"""Minters of consent links, and people who open what they were sent, without a screen."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec
from tests.web.hub import Hub
from tests.web.pages.centre import told
from tests.web.pages.visits import Form, origin_of

from consentid.brandbook.client import (
    AuthMethod,
    ClientDeclaration,
    ClientId,
    ClientKey,
    Collects,
    KeyAlgorithm,
    Scope,
    Surface,
    TokenClass,
)
from consentid.core.party import Party, PartyKind, Slug
from consentid.flows.register_client import add_client
from consentid.keyring.loading import Keyring, load
from consentid.links import Minter, Question, mint, read_hub
from consentid.store.engine import Database
from consentid.tokens import jwks
from consentid.tokens.pairwise import pairwise_sub

NEWS = Party(kind=PartyKind.BRAND, slug=Slug("news"))
QUESTION = Question(brand="news", purposes=("contact.sms",), addressee="mila@example.org")


@dataclass(slots=True, kw_only=True)
class Sender:
    """A client of news with a key of its own."""

    hub: Hub
    client: str = field(default_factory=lambda: f"letters-{secrets.token_hex(4)}")
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def register(self, *scopes: Scope, party: Party = NEWS) -> "Sender":
        """Make the client known to the hub."""
        public = self.key.public_key()
        declared = ClientDeclaration(
            id=ClientId(self.client),
            party=party,
            auth=AuthMethod.PRIVATE_KEY_JWT,
            scopes=frozenset(scopes),
            collects=Collects.OWN,
            surface=Surface.WEB,
            token_class=TokenClass.PARTNER if party.kind is PartyKind.PARTNER else TokenClass.WEB,
            keys=(
                ClientKey(
                    kid="any.name~at-all",
                    alg=KeyAlgorithm.ES256,
                    members=jwks.public_members(public),
                ),
            ),
        )
        self.hub.asking.call(self._add, declared)
        return self

    async def _add(self, declared: ClientDeclaration) -> None:
        owner = Database(self.hub.owner.url.render_as_string(hide_password=False))
        await add_client(owner, declared, randomness=secrets.token_bytes)
        await owner.close()

    def mint(self, question: Question = QUESTION, **changed: Any) -> str:
        """A link, made without asking the hub, but for its keys once."""
        keys = self.hub.http.get("/link-keys.json").content
        given: dict[str, Any] = {
            "minter": Minter(client_id=self.client, key=self.key),
            "hub": read_hub(origin_of(self.hub), keys),
            "now_s": time.time(),
            **changed,
        }
        return mint(question, randomness=secrets.token_bytes, **given)


def keyring_of(hub: Hub) -> Keyring:
    """The hub's keys, as whoever runs it has them."""
    return load(hub.log.parent / "keys")


def sub_of(hub: Hub, subject: bytes) -> str:
    """A subject as news knows it."""
    return pairwise_sub(keyring_of(hub).pairwise, str(NEWS), subject)


@dataclass(slots=True, kw_only=True)
class Reader:
    """Somebody's browser, and the page it looks at."""

    http: httpx2.Client
    origin: str
    page: httpx2.Response = field(default_factory=lambda: httpx2.Response(200))

    @property
    def text(self) -> str:
        return told(self.page.text)

    def open(self, link: str, query: str = "", **headers: str) -> str:
        """What the page's script does: the link's fragment is sent by the form beside it."""
        address, _, sealed = link.partition("#")
        assert address in ("", f"{self.origin}/link")
        shell = self.http.get("/link")
        assert shell.status_code == 200
        return self.send("/link" + query, {**Form(shell.text).hidden, "link": sealed}, **headers)

    def press(self, act: str, **headers: str) -> str:
        """Answer."""
        return self.send("/link/answer", {**Form(self.page.text).hidden, "act": act}, **headers)

    def send(self, path: str, fields: dict[str, str], **headers: str) -> str:
        """Send a form as a browser does, and go where it leads."""
        own = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin", **headers}
        self.page = self.http.post(path, data=fields, headers=own)
        if self.page.status_code == 303:
            self.page = self.http.get(self.page.headers["location"])
        return self.text
