"""A client that decides, withdraws and asks at either node, and never gives up.

What is not acknowledged is sent again with the same key, to the other node.  Now and then it sends
again what was acknowledged long ago: twice, and behind a newer act.  Copies may be under way, too,
as a network makes them: each arrives at either node, before what was sent, with it, or behind newer
acts.
"""

import asyncio
import contextlib
import random
import secrets
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
from tests.faults.history import Act, History, Kind, Said
from tests.web.hub import DEVICE_CREDENTIAL, EXCHANGE, bearer

PATIENCE_S: Final = 30.0
"""So long a request is waited for; then it may have been heard, and may not."""
_PAUSE_S: Final = 0.05
_RENEWED_S: Final = 240.0
_PATHS: Final = {Kind.DECIDE: "/v1/decisions", Kind.WITHDRAW: "/v1/withdrawals"}
_LATE_S: Final = 1.0
"""So much later than it was sent a copy arrives, at most."""
_TAKES_BACK: Final = {"reach": "brand", "purposes": ["ads"]}


class NodeError(Exception):
    """A node did not answer, or said that it cannot now."""


@dataclass(slots=True, kw_only=True)
class Write:
    """What was sent, and what was first answered."""

    kind: Kind
    key: str
    body: Mapping[str, Any]
    answer: dict[str, Any] = field(default_factory=dict[str, Any])
    at_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class Client:
    """One device at the news site, and the site's own back end."""

    number: int
    nodes: Sequence[httpx2.AsyncClient]
    history: History
    secret: str
    draw: random.Random
    credential: str = ""
    written: list[Write] = field(default_factory=list[Write])
    is_ending: bool = False
    again: float = 0.1
    """Of all writes, so many are sent again although they were acknowledged."""
    copied: float = 0.0
    """Of all writes, a copy of so many is under way, too."""
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with each acknowledgement."""
    may_expire: bool = False
    """Whether a clock jumps that says how long a credential holds: it holds again afterwards."""
    repeated: int = 0
    around: Callable[[], AbstractAsyncContextManager[None]] = contextlib.nullcontext
    """Entered before each write is sent, and left once it is answered."""
    _copies: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _subject: dict[str, str] = field(default_factory=dict[str, str])
    _site: dict[str, str] = field(default_factory=dict[str, str])
    _shown: dict[str, Any] = field(default_factory=dict[str, Any])
    _good_until_s: float = 0.0

    async def live(self) -> None:
        """Turn after turn, until told to end."""
        while not self.is_ending:
            await self.turn()
        await asyncio.gather(*self._copies)

    async def renew(self) -> None:
        """Get anew whatever ends by itself: access tokens, and the notice that is answered."""
        if self.history.now_s() < self._good_until_s:
            return
        for number in self._nodes_for_ever():
            try:
                if not self.credential:
                    self._site = await self._token(number, {"grant_type": "client_credentials"})
                    made = await self._send(
                        number, "POST", "/v1/devices", {}, {**self._site, **_key()}
                    )
                    self.credential = made["credential"]
                exchange = {
                    "grant_type": EXCHANGE,
                    "subject_token": self.credential,
                    "subject_token_type": DEVICE_CREDENTIAL,
                }
                self._subject = await self._token(number, exchange)
                self._site = await self._token(number, {"grant_type": "client_credentials"})
                self._shown = await self._send(number, "GET", "/v1/catalogue?brand=news", None, {})
            except NodeError:
                await asyncio.sleep(_PAUSE_S)
            else:
                self._good_until_s = self.history.now_s() + _RENEWED_S
                return

    async def all_decisions(self) -> list[str]:
        """What the API says was decided, oldest first."""
        found: list[str] = []
        cursor = ""
        while True:
            page = await self._get(f"/v1/history?limit=100{cursor}")
            found += [each["decision"] for each in page["decisions"]]
            if page["next"] is None:
                return found[::-1]
            cursor = f"&cursor={page['next']}"

    async def state(self) -> str:
        """What the API says holds for what was decided."""
        purposes = (await self._get("/v1/state"))["purposes"]
        return next(each["state"] for each in purposes if each["purpose"] == "ads")

    async def turn(self) -> None:
        """Say yes, take it back, and ask what is known of either."""
        await self.renew()
        granted = await self._write(
            Kind.DECIDE,
            {
                "served": self._shown["served"],
                "notice": self._shown["notice"],
                "reach": "brand",
                "choices": [{"purpose": "ads", "outcome": "granted"}],
            },
        )
        await self._ask(self._any(), granted, granted, at_least=True, expects=Said.YES)
        withdrawn = await self._write(Kind.WITHDRAW, _TAKES_BACK)
        await self._ask(self._any(), granted, withdrawn, at_least=True, expects=Said.NO)
        if self.draw.random() < self.again:
            await self._repeat(self.draw.choice((granted, withdrawn)))
        for number in range(len(self.nodes)):
            await self._ask_until_no(number, granted, withdrawn)

    async def _ask_until_no(self, number: int, granted: Write, withdrawn: Write) -> None:
        while True:
            if await self._ask(number, granted, withdrawn, expects=Said.NO) is Said.NO:
                return
            await asyncio.sleep(_PAUSE_S)

    async def _write(self, kind: Kind, body: Mapping[str, Any]) -> Write:
        write = Write(kind=kind, key=secrets.token_hex(4), body=body)
        if self.draw.random() < self.copied:
            copy = asyncio.create_task(self._arrive_again(write, self.draw.uniform(0, _LATE_S)))
            self._copies.add(copy)
            copy.add_done_callback(self._copies.discard)
        for number in self._nodes_for_ever():
            act = await self._send_write(number, write)
            if act.answer is not None:
                write.answer, write.at_s = act.answer, act.ended_s
                self.written.append(write)
                self.heard.set()
                return write
            await asyncio.sleep(_PAUSE_S)
        raise AssertionError

    async def _repeat(self, write: Write) -> None:
        """Send again what was sent, wherever it lies by now."""
        self.repeated += 1
        await self._send_write(self._any(), write)

    async def _arrive_again(self, write: Write, after_s: float) -> None:
        await asyncio.sleep(after_s)
        await self._repeat(write)

    async def _send_write(self, number: int, write: Write) -> Act:
        await self.renew()
        act = self.history.begin(client=self.number, kind=write.kind, node=number, key=write.key)
        headers = {**self._subject, "Idempotency-Key": f"{self.number}-{write.key}"}
        try:
            path = _PATHS[write.kind]
            if self.may_expire and "served" in write.body:  # by another clock it is too old
                write.body = {**write.body, "served": self._shown["served"]}
            async with self.around():
                act.answer = await self._send(number, "POST", path, write.body, headers)
        except NodeError as error:
            self.history.end(act, Said.FAIL, str(error))
        else:
            self.history.end(act, Said.OK, act.answer["decision"])
        return act

    async def _ask(
        self,
        number: int,
        granted: Write,
        after: Write,
        *,
        expects: Said,
        at_least: bool = False,
    ) -> Said:
        """Ask whether a token holds, knowing of a write."""
        await self.renew()
        act = self.history.begin(
            client=self.number,
            kind=Kind.VERIFY,
            node=number,
            key=after.key,
            at_least=at_least,
            expects=expects,
            since_s=after.at_s,
        )
        body = {"token": granted.answer["consent_token"], "purposes": ["ads"]}
        if at_least:
            body["at_least"] = after.answer["consistency"]
        try:
            told = await self._send(number, "POST", "/v1/verify", body, self._site)
        except NodeError as error:
            self.history.end(act, Said.FAIL, str(error))
        else:
            is_yes = told["active"] and told["decision"] == "allow"
            self.history.end(act, Said.YES if is_yes else Said.NO)
        return act.said

    async def _token(self, number: int, form: Mapping[str, str]) -> dict[str, str]:
        told = await self._send(number, "POST", "/token", None, {}, form=form)
        return bearer(told["access_token"])

    async def _get(self, path: str) -> dict[str, Any]:
        await self.renew()
        for number in self._nodes_for_ever():
            try:
                return await self._send(number, "GET", path, None, self._subject)
            except NodeError:
                await asyncio.sleep(_PAUSE_S)
        raise AssertionError

    async def _send(
        self,
        number: int,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        *,
        form: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        told = {**headers, "X-Forwarded-For": f"192.0.2.{self.number + 1}"}
        auth = None if form is None else httpx2.BasicAuth("news-web", self.secret)
        try:
            answer = await self.nodes[number].request(
                method, path, json=body, data=form, headers=told, auth=auth
            )
        except httpx2.TransportError as error:
            raise NodeError(type(error).__name__) from error
        if answer.status_code == 401 and form is None:
            self._good_until_s = 0.0
            raise NodeError("401")
        if answer.status_code in {429, 500, 503}:
            raise NodeError(str(answer.status_code))
        if self.may_expire and answer.status_code in {400, 409}:
            self._good_until_s = 0.0
            raise NodeError(answer.json().get("code", "expired"))
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def _any(self) -> int:
        return self.draw.randrange(len(self.nodes))

    def _nodes_for_ever(self) -> Generator[int]:
        """Any node, then the one after it, and so on."""
        number = self._any()
        while True:
            yield number % len(self.nodes)
            number += 1


def _key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(16)}
