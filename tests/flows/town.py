"""The Halcyon group on a real database, and how its people and clients act in it."""

import asyncio
import secrets
import shutil
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar, cast
from uuid import UUID

import msgspec
from sqlalchemy import text
from tests.net.portal_server import PortalServer

from consentid.brandbook.book import Book
from consentid.core.decision import Choice, Decision, Outcome, SignalSource, SubjectId
from consentid.core.party import ReachKind
from consentid.core.purpose import PurposeId
from consentid.embedded.postgres import DatabaseUrls
from consentid.flows.answer_token_request import TokenAnswer, answer_token_request
from consentid.flows.authenticate import Caller, authenticate
from consentid.flows.authenticate_client import BasicCredentials
from consentid.flows.context import Context
from consentid.flows.create_device import create_device
from consentid.flows.history import full_history
from consentid.flows.idempotency import Repeatable, repeatable
from consentid.flows.judge_answer import Answer, Withdrawal
from consentid.flows.note_served import note_served
from consentid.flows.oauth.client import TOKEN_EXCHANGE
from consentid.flows.oauth.request import TokenRequest
from consentid.flows.open_subject import open_subject
from consentid.flows.opening import Opened, open_context
from consentid.flows.record_decision import DecisionOut, record_decision, withdraw
from consentid.flows.show_catalogue import show_catalogue
from consentid.flows.verify_issued import verify_issued
from consentid.flows.verify_projection import verify_projections
from consentid.settings import Settings
from consentid.store.engine import Database
from consentid.tokens import verifying
from consentid.tokens.consent import ConsentClaims

BRANDS: Final = Path(__file__).parents[2] / "brands"
GRANTED, REFUSED = Outcome.GRANTED, Outcome.REFUSED
GROUP, BRAND, PARTNER = ReachKind.GROUP, ReachKind.BRAND, ReachKind.PARTNER
SECRET_CLIENTS: Final = (
    *("news-web", "news-calls", "shop-web", "shop-till", "play-web"),
    *("reach-api", "reach-calls", "reach-forms", "bazaar-web"),
)
T = TypeVar("T")
ID_TOKEN: Final = "urn:ietf:params:oauth:token-type:id_token"
DEVICE_CREDENTIAL: Final = "urn:consentid:params:oauth:token-type:device_credential"
CONSENT_TOKEN: Final = "urn:consentid:params:oauth:token-type:consent_token"
PORTAL_CLIENTS: Final = {
    "news-web": "halcyon-news",
    "news-calls": "halcyon-news",
    "shop-web": "halcyon-market",
    "shop-till": "halcyon-market",
    "play-web": "halcyon-play",
}


@dataclass(slots=True, kw_only=True)
class Town:
    """One hub: its database, its keys, its clients' secrets, its portal."""

    urls: DatabaseUrls
    context: Context
    owner: Database
    secrets: Mapping[str, str]
    portal: PortalServer
    callers: dict[str, Caller] = field(default_factory=dict)

    # ── Coming in ────────────────────────────────────────────────────────────────────────────

    async def ask_token(
        self, client: str, *, origin: str | None = None, **form: str
    ) -> TokenAnswer:
        """Whatever ``/token`` answers."""
        basic = None
        if client in self.secrets:
            basic = BasicCredentials(client_id=client, secret=self.secrets[client])
        else:
            form["client_id"] = client
        return await answer_token_request(
            self.context, TokenRequest(form=form, basic=basic, origin=origin)
        )

    async def enter(self, client: str, **form: str) -> tuple[Caller, TokenAnswer]:
        """A caller, and what it was told on its way in."""
        answer = await self.ask_token(client, **form)
        assert answer.status == 200, answer.body
        return await authenticate(self.context, answer.body["access_token"]), answer

    async def client(self, client: str = "news-web") -> Caller:
        """A client for itself."""
        if client not in self.callers:
            self.callers[client] = (await self.enter(client, grant_type="client_credentials"))[0]
        return self.callers[client]

    async def new_device(self, client: str = "news-web") -> str:
        """A new device's credential."""
        caller = await self.client(client)
        request = self.request(caller, "devices", secrets.token_hex(8), b"{}")
        return (await create_device(self.context, caller, origin=None, request=request)).credential

    async def on_device(self, credential: str, client: str = "news-web") -> Caller:
        """A device subject at a client."""
        return (await self.enter(client, **exchange(credential, DEVICE_CREDENTIAL)))[0]

    async def device(self, client: str = "news-web") -> Caller:
        """A new device subject at a client."""
        return await self.on_device(await self.new_device(), client)

    def id_token(self, sub: str, client: str = "news-web", **changed: object) -> str:
        """A fresh ID token of the portal; no two are the same."""
        audience = PORTAL_CLIENTS[client]
        fresh = {"jti": secrets.token_hex(8), "aud": audience, **changed}
        return self.portal.id_token(sub, now_s=int(time.time()), key=None, **fresh)

    async def sign_in(
        self, sub: str, client: str = "news-web", device: str | None = None, **changed: object
    ) -> tuple[Caller, TokenAnswer]:
        """A known subject at a client, on a device where one is given."""
        beneath = (
            {} if device is None else {"actor_token": device, "actor_token_type": DEVICE_CREDENTIAL}
        )
        id_token = self.id_token(sub, client, **changed)
        return await self.enter(client, **exchange(id_token, ID_TOKEN), **beneath)

    # ── Acting ───────────────────────────────────────────────────────────────────────────────

    def request(self, caller: Caller, route: str, key: str, body: bytes) -> Repeatable:
        return repeatable(
            self.context,
            client_id=caller.client.client_id,
            route=route,
            key=key,
            subject=caller.subject,
            body=body,
        )

    async def answer(
        self,
        caller: Caller,
        choices: Mapping[str, Outcome],
        reach: ReachKind = GROUP,
        *,
        signals: Mapping[SignalSource, bool] | None = None,
        told: bool = False,
        layout: bytes | None = None,
    ) -> Answer:
        """What a person chose on the notice of the caller's party, shown just now.

        ``layout``: the page told that it showed it, and in which layout.
        """
        shown = await show_catalogue(
            self.context, brand=caller.client.party.slug, languages=("en",)
        )
        if layout is not None:
            await note_served(
                self.context, caller, unverified_served=shown.served, event="shown", layout=layout
            )
        return Answer(
            served=shown.served,
            notice=shown.notice,
            reach=reach,
            choices=tuple(
                Choice(purpose=PurposeId(purpose), outcome=outcome)
                for purpose, outcome in choices.items()
            ),
            signals=signals or {},
            told_of_signal=told,
            prompted_by=None,
        )

    async def decide(
        self,
        caller: Caller,
        choices: Mapping[str, Outcome],
        reach: ReachKind = GROUP,
        *,
        key: str | None = None,
        signals: Mapping[SignalSource, bool] | None = None,
        told: bool = False,
        layout: bytes | None = None,
    ) -> DecisionOut:
        """Show the notice, and record what was chosen on it."""
        answer = await self.answer(
            caller, choices, reach, signals=signals, told=told, layout=layout
        )
        return await self.record(caller, answer, key=key)

    async def record(
        self, caller: Caller, answer: Answer, *, key: str | None = None
    ) -> DecisionOut:
        request = self.request(
            caller, "decisions", key or secrets.token_hex(8), msgspec.json.encode(answer)
        )
        return await record_decision(self.context, caller, answer, request)

    async def withdraw(
        self,
        caller: Caller,
        *purposes: str,
        reach: ReachKind = GROUP,
        key: str | None = None,
    ) -> DecisionOut:
        """Withdraw purposes, all of them where none are named."""
        withdrawal = Withdrawal(reach=reach, purposes=tuple(map(PurposeId, purposes)))
        body = msgspec.json.encode([reach, purposes])
        request = self.request(caller, "withdrawals", key or secrets.token_hex(8), body)
        return await withdraw(self.context, caller, withdrawal, request)

    # ── Looking ──────────────────────────────────────────────────────────────────────────────

    async def book(self) -> Book:
        async with self.context.database.reading() as connection:
            return await self.context.book(connection)

    async def history(self, subject: SubjectId | None) -> Sequence[Decision]:
        """Every decision of a subject, oldest first, unsealed."""
        assert subject is not None
        async with self.context.database.reading() as connection:
            opened = await open_subject(self.context, connection, subject)
            assert opened is not None
            return await full_history(connection, opened)

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database's owner reads."""
        async with self.owner.reading() as connection:
            return [tuple(row) for row in await connection.execute(text(statement))]

    async def change(self, statement: str, **values: object) -> None:
        """What the database's owner may do behind our back."""
        async with self.owner.writing() as connection:
            await connection.execute(text(statement), values)

    async def counts(self) -> dict[str, int]:
        """Rows of every table that a decision or a sign-in writes."""
        names = await self.rows(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        )
        return {name: (await self.rows(f"SELECT count(*) FROM {name}"))[0][0] for (name,) in names}

    async def faults(self) -> list[str]:
        """What recomputing every projection finds, and holding every token's claim against it."""
        found = [fault async for each in verify_projections(self.context) for fault in each.faults]
        found += [fault async for each in verify_issued(self.context) for fault in each.faults]
        return found

    def claims(self, token: str | None, audience: str) -> ConsentClaims:
        """The claims of a token that verifies now for an audience."""
        assert token is not None
        found = verifying.verify(
            token,
            keys=self.context.keyring.verifying_keys(),
            issuer="http://consent.localhost:7600",
            audience=audience,
            now_s=time.time(),
        )
        assert isinstance(found, verifying.Verified), found
        return found.claims


def exchange(subject_token: str, kind: str) -> dict[str, str]:
    """The form of a token exchange."""
    return {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token": subject_token,
        "subject_token_type": kind,
    }


def open_node(urls: DatabaseUrls, keys: Path) -> Opened:
    """What one process holds."""
    return open_context(Settings(database_url=urls.serving, keys_dir=keys))


def halcyon(folder: Path, portal: str, **changed: tuple[str, str]) -> Path:
    """The Halcyon group's files, with the tests' portal; ``changed`` replaces text by file."""
    shutil.copytree(BRANDS, folder)
    edit(folder / "group.toml", "http://id.localhost:7600", portal)
    for name, (old, new) in changed.items():
        edit(folder / f"{name}.toml", old, new)
    return folder


def edit(file: Path, old: str, new: str) -> None:
    """Replace text that stands there once."""
    told = file.read_text()
    assert told.count(old) == 1, (file.name, old, told.count(old))
    file.write_text(told.replace(old, new))


def decision_ids(history: Sequence[Decision]) -> list[UUID]:
    return [decision.id for decision in history]


async def together(*works: Awaitable[T]) -> list[T]:
    """Do all at once, each to its end; the first error is raised."""
    ended = await outcomes_of(*works)
    for each in ended:
        if isinstance(each, BaseException):
            raise each
    return cast("list[T]", ended)


async def outcomes_of(*works: Awaitable[T]) -> list[T | BaseException]:
    """Do all at once, each to its end; errors are outcomes too."""
    return await asyncio.gather(*works, return_exceptions=True)
