"""Systems of agents that ask people who are elsewhere, and people who are signed in at the hub."""

import asyncio
import hashlib
import re
import secrets
from dataclasses import dataclass

import httpx2
from tests.web.hub import Hub, Person
from tests.web.pages.visits import Form, origin_of

from consentid.brandbook.client import (
    AuthMethod,
    ClientDeclaration,
    ClientId,
    Collects,
    GrantType,
    Scope,
    Surface,
    TokenClass,
)
from consentid.core.party import Party, PartyKind, Slug
from consentid.flows.register_client import add_client
from consentid.store.engine import Database

GRANT = str(GrantType.CIBA)
WORDS = "Lion 42"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The call centre of Halcyon News, with a secret."""

    hub: Hub
    client_id: str
    secret: str

    def post(self, path: str, **form: str) -> httpx2.Response:
        auth = httpx2.BasicAuth(self.client_id, self.secret)
        return self.hub.http.post(path, data=form, auth=auth)

    def ask(self, person: Person | None = None, **changed: str) -> httpx2.Response:
        """Ask a person whom the portal names; nobody, where ``changed`` names another hint."""
        hint = {} if person is None else {"id_token_hint": self.hub.id_token(person)}
        form = {"scope": "openid", "binding_message": WORDS, **hint, **changed}
        return self.post("/bc-authorize", **form)

    def asked(self, person: Person, **changed: str) -> str:
        """What is polled with."""
        answer = self.ask(person, **changed)
        assert answer.status_code == 200, answer.text
        return answer.json()["auth_req_id"]

    def poll(self, auth_req_id: str) -> httpx2.Response:
        return self.post("/token", grant_type=GRANT, auth_req_id=auth_req_id)


def open_desk(hub: Hub, client_id: str = "news-desk") -> Desk:
    """Register it for this run."""
    declared = ClientDeclaration(
        id=ClientId(client_id),
        party=Party(kind=PartyKind.BRAND, slug=Slug("news")),
        auth=AuthMethod.CLIENT_SECRET_BASIC,
        scopes=frozenset({Scope.DECISIONS_READ}),
        collects=Collects.OWN,
        surface=Surface.WEB,
        token_class=TokenClass.WEB,
        grant_types=frozenset({GrantType.CIBA}),
    )

    async def add() -> str:
        owner = Database(hub.owner.url.render_as_string(hide_password=False))
        made = await add_client(owner, declared, randomness=secrets.token_bytes)
        await owner.close()
        assert made is not None
        return made.secret

    return Desk(hub=hub, client_id=client_id, secret=asyncio.run(add()))


@dataclass(slots=True, kw_only=True)
class Screen:
    """The browser of somebody who may be signed in at the hub."""

    hub: Hub
    http: httpx2.Client

    def sign_in(self, person: Person) -> None:
        """As the portal's answer would: a session of the person's account."""
        self.hub.sign_in(person)
        session = secrets.token_hex(32)
        mark = hashlib.sha256(session.encode()).hexdigest()
        self.hub.rows(
            "INSERT INTO hub_sessions"
            " (session_hash, session_id, account_id, auth_time, created_at, expires_at)"
            f" SELECT '\\x{mark}', gen_random_uuid(), id, now(), now(), now() + interval '1 hour'"
            " FROM subjects WHERE kind = 'known' ORDER BY created_at DESC LIMIT 1"
        )
        self.http.cookies.set("consentid-session", session)

    def look(self, path: str = "/approvals") -> httpx2.Response:
        return self.http.get(path, headers={"Accept-Language": "en", "Accept": "text/html"})

    def send(self, page: httpx2.Response, /, act: str, **headers: str) -> httpx2.Response:
        """Press a button of the page's first form that carries fields."""
        form = re.search(r'<form[^>]* action="([^"]*)".*?</form>', page.text, re.DOTALL)
        assert form is not None, page.text
        told = {"Origin": origin_of(self.hub), "Sec-Fetch-Site": "same-origin", **headers}
        fields = {**Form(form[0]).hidden, "act": act}
        return self.http.post(form[1].replace("&amp;", "&"), data=fields, headers=told)
