"""Asks a node something, and notes how long that took from the moment at which it was due."""

import base64
import contextlib
import random
import secrets
from array import array
from collections import Counter, defaultdict
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import msgspec
from joserfc.jwk import RSAKey
from tests.bench.day import wire
from tests.bench.day.people import People, Person
from tests.web.hub import EXCHANGE, bearer, signed_id_token
from tests.web.hub import Person as Customer

PORTAL_CLIENTS: Final = {"news": "halcyon-news", "shop": "halcyon-market", "play": "halcyon-play"}
"""What brands are called at the portal: ``brands/group.toml``."""
_ACCESS_S: Final = 480.0
"""Access tokens live ten minutes; so long one is used."""


class RefusedError(Exception):
    """An answer that was not to be expected, or none; it is counted already."""


@dataclass(slots=True)
class Seen:
    """What came back while it was measured, by what was asked."""

    is_measuring: bool = False
    took_s: defaultdict[str, "array[float]"] = field(
        default_factory=lambda: defaultdict(lambda: array("d"))
    )
    failed: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    visits: Counter[str] = field(default_factory=Counter[str])
    left_out: Counter[str] = field(default_factory=Counter[str])
    """Visits of whom nobody was there who carries what it takes."""
    late_s: "array[float]" = field(default_factory=lambda: array("d"))
    """How late this program itself was with each arrival; it counts as latency."""
    events: int = 0
    """Those that readers of the feed were told."""
    visible_s: "array[float]" = field(default_factory=lambda: array("d"))
    """From an acknowledged withdrawal to a node's first no, answered."""
    stale_s: "array[float]" = field(default_factory=lambda: array("d"))
    """From there to the last question that was still answered yes."""


@dataclass(slots=True, kw_only=True)
class Asking:
    """The nodes, whoever asks them, and what was seen."""

    wires: wire.Wires
    nodes: int
    origin: str
    """The hub's own."""
    secrets: Mapping[str, str]
    people: People
    draw: random.Random
    portal: tuple[str, RSAKey]
    """Its issuer, and what it signs ID tokens with."""
    seen: Seen = field(default_factory=Seen)
    etags: dict[str, str] = field(default_factory=dict[str, str])
    """Of status lists, as offline verifiers have them."""
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]])

    async def ask(
        self,
        label: str,
        request: tuple[str, str],
        *,
        due_s: float | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        expects: int = 200,
        also: int = HTTPStatus.NOT_MODIFIED,
        node: int | None = None,
        of: Person | None = None,
    ) -> wire.Answer:
        """Send ``METHOD``, ``path`` to a node of chance; the answer.

        Raises:
            RefusedError: it was another, or none.
        """
        begun_s = wire.now_s() if due_s is None else due_s
        address = of.address if of else f"172.16.0.{self.draw.randrange(1, 250)}"
        told = {"X-Forwarded-For": address, **(headers or {})}
        encoded = wire.encode(*request, told, json=json, form=form)
        where = self.draw.randrange(self.nodes) if node is None else node
        try:
            answer = await self.wires.ask(where, encoded)
        except (OSError, TimeoutError) as error:
            self.fail(label, type(error).__name__)
            raise RefusedError from error
        if self.seen.is_measuring:
            self.seen.took_s[label].append(wire.now_s() - begun_s)
        if answer.status not in {expects, also}:
            self.fail(label, f"{answer.status} {_brief(answer.body)}")
            raise RefusedError
        return answer

    def fail(self, label: str, words: str) -> None:
        if self.seen.is_measuring:
            self.seen.failed[label, words] += 1
        else:
            self.seen.failed[f"(before) {label}", words] += 1

    def basic(self, client: str) -> dict[str, str]:
        pair = f"{client}:{self.secrets[client]}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    async def client(self, client: str) -> dict[str, str]:
        """The headers of a client without a subject."""
        token, until_s = self._tokens.get(client, ("", 0.0))
        if wire.now_s() >= until_s:
            answer = await self.ask(
                "POST /token, client_credentials",
                ("POST", "/token"),
                headers=self.basic(client),
                form={"grant_type": "client_credentials"},
            )
            token = answer.json()["access_token"]
            self._tokens[client] = token, wire.now_s() + _ACCESS_S
        return bearer(token)

    async def exchange(
        self, client: str, token: str, kind: str, *, of: Person, due_s: float | None = None
    ) -> dict[str, Any]:
        """RFC 8693: what somebody carries for an access token that names them."""
        answer = await self.ask(
            f"POST /token, exchange of {kind.rpartition(':')[2].replace('_', ' ')}",
            ("POST", "/token"),
            due_s=due_s,
            headers=self.basic(client),
            form={"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": kind},
            of=of,
        )
        return answer.json()

    def id_token(self, person: Person, brand: str) -> str:
        """What the portal says of a customer to a brand."""
        customer = Customer(sub=person.portal_sub)
        return signed_id_token(self.portal, customer, audience=PORTAL_CLIENTS[brand])

    def pick(self, shares: Mapping[str, float]) -> str:
        return self.draw.choices([*shares], [*shares.values()])[0]


def _brief(body: bytes) -> str:
    """What an error says of itself: its code, or its first words."""
    with contextlib.suppress(msgspec.DecodeError):
        said = msgspec.json.decode(body)
        return str(said.get("code") or said.get("error"))
    return body[:40].decode(errors="replace").partition("\n")[0]


def keyed(headers: Mapping[str, str]) -> dict[str, str]:
    """With a fresh ``Idempotency-Key``."""
    return {**headers, "Idempotency-Key": secrets.token_hex(8)}


@contextlib.contextmanager
def coming(person: Person) -> Generator[Person]:
    """A person who comes, and is not here twice."""
    person.is_busy = True
    try:
        yield person
    finally:
        person.is_busy = False
