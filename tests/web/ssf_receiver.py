"""A Shared Signals receiver for tests: its stream, and its tokens read by PyJWT."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2
import jwt
from tests.flows.endpoints import Endpoints, serving_endpoints
from tests.flows.readers import consumer
from tests.web.hub import Hub

from consentid.core.decision import SubjectId
from consentid.core.party import Party
from consentid.flows.deliver_webhooks import Dispatcher
from consentid.flows.drain_outbox import drain_outbox
from consentid.flows.manage_webhooks import (
    Office,
    disable_webhook,
    enable_webhook,
    rotate_webhook,
)
from consentid.flows.opening import Opened, open_context
from consentid.flows.register_client import add_client
from consentid.flows.restrict_subject import OPERATOR, Asked, Reason, restrict_subject
from consentid.settings import Settings

PUSH = "urn:ietf:rfc:8935"
POLL = "urn:ietf:rfc:8936"
CONSENT_CHANGED = "urn:consentid:secevent:event-type:consent-changed:v1"
TOKEN_CLAIMS_CHANGE = "https://schemas.openid.net/secevent/caep/event-type/token-claims-change"
ACCOUNT_PURGED = "https://schemas.openid.net/secevent/risc/event-type/account-purged"
VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"
STREAM_UPDATED = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated"
STREAMS, STATUS, VERIFY = "/ssf/streams", "/ssf/status", "/ssf/verify"


@dataclass(slots=True, kw_only=True)
class SsfReceiver:
    """Speaks for one client."""

    hub: Hub
    client: str

    def ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        headers = {**self.hub.client_token(self.client), **more.pop("headers", {})}
        return self.hub.http.request(method, path, headers=headers, **more)

    def create(self, **wanted: Any) -> dict[str, Any]:
        made = self.ask("POST", STREAMS, json=wanted)
        assert made.status_code == 201, made.text
        return made.json()

    def begin_anew(self) -> None:
        """Remove every stream."""
        for each in self.ask("GET", STREAMS).json():
            gone = self.ask("DELETE", STREAMS, params={"stream_id": each["stream_id"]})
            assert gone.status_code == 204, gone.text

    def poll(self, stream: dict[str, Any], **asked: Any) -> dict[str, Any]:
        asked = {"returnImmediately": True, **asked}
        answer = self.ask("POST", f"/ssf/poll/{stream['stream_id']}", json=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def drain(self, stream: dict[str, Any]) -> list[dict[str, Any]]:
        """Everything that waits, in the order it was told; acknowledged."""
        told: list[dict[str, Any]] = []
        taken: list[str] = []
        while True:
            answer = self.poll(stream, ack=taken)
            if not answer["sets"]:
                return told
            told += [self.read(each) for each in answer["sets"].values()]
            taken = list(answer["sets"])

    def read(self, token: str) -> dict[str, Any]:
        return read_set(self.hub, token, audience=self.client)


def read_set(hub: Hub, token: str, *, audience: str) -> dict[str, Any]:
    """The claims of a token that holds, as any receiver finds out."""
    metadata = hub.http.get("/.well-known/ssf-configuration").json()
    keys = jwt.PyJWKSet.from_dict(hub.http.get("/jwks.json").json())
    header = jwt.get_unverified_header(token)
    assert header["typ"] == "secevent+jwt"
    claims = jwt.decode(
        token,
        keys[header["kid"]],
        algorithms=["ES256"],
        audience=audience,
        issuer=metadata["issuer"],
        options={"require": ["iss", "aud", "iat", "jti"]},
    )
    assert claims.keys() == {"iss", "aud", "iat", "jti", "sub_id", "events"}
    assert len(claims["events"]) == 1
    return claims


def register(hub: Hub, **clients: Party) -> None:
    """Clients that may read events."""
    hub.secrets = {**hub.secrets, **hub.asking.call(_register, hub, clients)}


def pump(hub: Hub) -> None:
    """Carry on all that lies in the outbox."""
    hub.asking.call(_pump, hub)


@dataclass(slots=True, kw_only=True)
class Sender:
    """Who delivers, and where it goes."""

    hub: Hub
    opened: Opened
    dispatcher: Dispatcher
    endpoints: Endpoints

    def until(self, count: int, path: str = "ok") -> list[str]:
        """Deliver until so many came there, and were settled; the tokens."""
        self.hub.asking.call(self._until, count, path)
        return [each.body.decode() for each in self.endpoints.at(path)]

    def until_called(self, count: int, path: str) -> None:
        """Deliver until so many came there, whether they are answered or not."""
        self.hub.asking.call(self._until_called, count, path)

    async def _until_called(self, count: int, path: str) -> None:
        async with asyncio.timeout(60):
            while len(self.endpoints.at(path)) < count:
                await self.dispatcher.round()

    def until_tried(self) -> None:
        """Deliver until an attempt was made and kept."""
        self.hub.asking.call(self._until_tried)

    async def _until_tried(self) -> None:
        while not await self.dispatcher.round():
            await self.dispatcher.woken.wait()

    def operate(self, act: str, number: int) -> None:
        """What an operator does with it."""
        context = self.opened.context
        office = Office(
            database=context.database,
            master=context.keyring.master,
            randomness=context.randomness,
        )
        if act == "rotate":
            self.hub.asking.call(partial(rotate_webhook, office, number, overlap_s=0))
            return
        acts = {"disable": disable_webhook, "enable": enable_webhook}
        self.hub.asking.call(acts[act], office, number)

    async def _until(self, count: int, path: str) -> None:
        while len(self.endpoints.at(path)) < count or self.dispatcher.woken.is_set():
            await self.dispatcher.round()


@contextmanager
def sending(hub: Hub) -> Generator[Sender]:
    """A dispatcher of this test's own, and endpoints of all sorts."""
    # What tests of pages put there cannot be opened, and is for nobody.
    hub.rows(
        "UPDATE webhook_endpoints SET disabled_at = now(), disabled_why = 'failing'"
        " WHERE disabled_at IS NULL AND client_id IN (SELECT client_id FROM event_streams"
        " JOIN events USING (stream_no) WHERE sealed = 'sealed')"
    )
    opened = opened_by_owner(hub)
    with hub.asking.wrap_async_context_manager(serving_endpoints()) as endpoints:
        dispatcher = Dispatcher(opened.context)
        yield Sender(hub=hub, opened=opened, dispatcher=dispatcher, endpoints=endpoints)
        hub.asking.call(dispatcher.close)
    hub.asking.call(opened.close)


def erase(hub: Hub, subject: SubjectId) -> None:
    """Somebody is to be forgotten."""
    hub.asking.call(_erase, hub, subject)


async def _erase(hub: Hub, subject: SubjectId) -> None:
    opened = opened_by_owner(hub)
    asked = Asked(reason=Reason.OBJECTION, asked_by=OPERATOR)
    async with opened.context.database.writing() as connection:
        assert await restrict_subject(opened.context, connection, subject, asked)
    await opened.close()


def opened_by_owner(hub: Hub) -> Opened:
    url = hub.owner.url.render_as_string(hide_password=False)
    keys = hub.log.parent / "keys"
    return open_context(Settings(database_url=url, keys_dir=keys, localhost_hosts=True))


async def _register(hub: Hub, clients: dict[str, Party]) -> dict[str, str]:
    opened = opened_by_owner(hub)
    secrets: dict[str, str] = {}
    for client, party in clients.items():
        made = await add_client(
            opened.context.database,
            consumer(client, party),
            randomness=opened.context.randomness,
        )
        assert made is not None
        secrets[client] = made.secret or ""
    await opened.close()
    return secrets


async def _pump(hub: Hub) -> None:
    opened = opened_by_owner(hub)
    while await drain_outbox(opened.context):
        pass
    await opened.close()
