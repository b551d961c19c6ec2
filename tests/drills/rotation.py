"""``python -m tests.drills.rotation``: keys rotate under load, and no verification fails.

Two web processes and a worker serve; clients are given tokens and have each verified at both nodes,
introspected with a signed answer, and by the package's verifiers, strict and not, which fetch keys
and lists from either node as behind a load balancer.  Meanwhile ``consentid keys rotate`` runs
``--rounds`` times, each as soon as both nodes publish the key that comes next, or every ``--every``
seconds; clients' secrets are rotated beside.  Tokens of keys that have retired are verified again
and again.  Told are counts, and of a failure what failed.
"""

import argparse
import asyncio
import json
import os
import random
import secrets
import shutil
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias, final

import httpx2
import jwt
from tests.faults.deployment import Deployment, command, deployed
from tests.faults.runs import opened
from tests.web.hub import (
    CONSENT_TOKEN,
    DEVICE_CREDENTIAL,
    EXCHANGE,
    bearer,
    fresh_key,
)
from typing_extensions import override

from consentid.embedded.places import scratch_folder
from consentid.keyring import manifest
from consentid.keyring.manifest import State, Use
from consentid.verify import Active, AsyncVerifier

AUDIENCE: Final = "https://news.halcyon.example"
CLIENTS: Final = 4
_KEPT: Final = 400
"""Tokens that are verified again, of keys that signed once."""
_LOOK_S: Final = 0.02
_RENEWED_S: Final = 240.0
_JWT: Final = "application/token-introspection+jwt"


Ask: TypeAlias = Callable[[str], Awaitable[str]]
"""Says why a token does not hold; nothing where it does."""


@dataclass(slots=True, kw_only=True)
class Told:
    """What came of it."""

    rotations: int = 0
    secrets_rotated: int = 0
    issued: int = 0
    verified: Counter[str] = field(default_factory=Counter[str])
    """By who verified."""
    kids: set[str] = field(default_factory=set[str])
    """Keys that signed what was verified."""
    old: int = 0
    """Verifications of tokens of keys that had retired."""
    failed: list[str] = field(default_factory=list[str])
    seconds: float = 0.0


@final
class Balanced(httpx2.AsyncBaseTransport):
    """Sends each request to either node."""

    def __init__(self, ports: Sequence[int], draw: random.Random) -> None:
        self._ports = ports
        self._draw = draw
        self._below = httpx2.AsyncHTTPTransport()

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        port = self._draw.choice(self._ports)
        request.url = request.url.copy_with(host="127.0.0.1", port=port)
        return await self._below.handle_async_request(request)

    @override
    async def aclose(self) -> None:
        await self._below.aclose()


@final
class RelyingParty:
    """Verifies signed answers as OpenID Connect libraries do: it looks again for unknown keys."""

    def __init__(self, issuer: str, node: httpx2.AsyncClient) -> None:
        self._issuer = issuer
        self._node = node
        self._keys: dict[str, Any] = {}

    async def verify(self, signed: str) -> Mapping[str, Any]:
        kid = jwt.get_unverified_header(signed)["kid"]
        if kid not in self._keys:
            found = jwt.PyJWKSet.from_dict((await self._node.get("/jwks.json")).json())
            self._keys = {str(each.key_id): each.key for each in found.keys}
        return jwt.decode(
            signed,
            self._keys[kid],
            algorithms=["RS256"],
            audience="news-web",
            issuer=self._issuer,
        )


@dataclass(slots=True, kw_only=True)
class Site:
    """A site's back end with one device, and all who verify its tokens."""

    number: int
    nodes: Sequence[httpx2.AsyncClient]
    verifiers: Mapping[str, AsyncVerifier]
    parties: Sequence[RelyingParty]
    told: Told
    draw: random.Random
    secret: Callable[[], str]
    is_ending: bool = False
    turns: int = 0
    tokens: list[str] = field(default_factory=list[str])
    _credential: str = ""
    _site: dict[str, str] = field(default_factory=dict[str, str])
    _good_until_s: float = 0.0

    async def enter(self) -> None:
        """A new device that says yes."""
        await self._renew()
        made = await self._post("/v1/devices", self._site, json={})
        self._credential = made["credential"]
        shown = (await self.nodes[0].get("/v1/catalogue?brand=news")).json()
        choice = {
            "served": shown["served"],
            "notice": shown["notice"],
            "reach": "brand",
            "choices": [{"purpose": "ads", "outcome": "granted"}],
        }
        subject = bearer((await self._exchange())["access_token"])
        await self._post("/v1/decisions", subject, json=choice)

    async def live(self) -> None:
        """Turn after turn, until told to end."""
        while not self.is_ending:
            await self.turn()

    async def turn(self) -> None:
        """Get a token, and have it verified by everybody; then one of before."""
        await self.issue()
        if len(self.tokens) > _KEPT:
            self.tokens.pop(self.draw.randrange(len(self.tokens)))
        newest, any_ = self.tokens[-1], self.draw.choice(self.tokens)
        for token in {newest: None, any_: None}:
            await self.verify(token)
            self.told.old += token != newest and kid_of(token) != kid_of(newest)
        self.turns += 1

    async def issue(self) -> str:
        """A new token."""
        await self._renew()
        answer = await self._exchange(requested_token_type=CONSENT_TOKEN)
        self.told.issued += 1
        self.tokens.append(answer["access_token"])
        return self.tokens[-1]

    async def verify(self, token: str) -> None:
        """Have a token verified by everybody."""
        self.told.kids.add(kid_of(token))
        for who, ask in self.asked().items():
            self.told.verified[who] += 1
            if words := await ask(token):
                self.told.failed.append(f"{who}: {words}")

    def asked(self) -> dict[str, Ask]:
        """All who verify, by name."""
        found: dict[str, Ask] = {}
        for number, node in enumerate(self.nodes):
            found[f"node {number}"] = partial(self._online, node)
            found[f"introspection {number}"] = partial(self._introspect, number, node)
        for name, verifier in self.verifiers.items():
            found[name] = partial(self._offline, verifier)
        return found

    async def _online(self, node: httpx2.AsyncClient, token: str) -> str:
        answer = await node.post(
            "/v1/verify",
            json={"token": token, "purposes": ["ads"]},
            headers={**self._site, **self._from()},
        )
        is_yes = answer.is_success and answer.json() == {**answer.json(), "decision": "allow"}
        return "" if is_yes else f"{answer.status_code} {answer.text}"

    async def _introspect(self, number: int, node: httpx2.AsyncClient, token: str) -> str:
        answer = await node.post(
            "/introspect",
            data={"token": token},
            headers={"Accept": _JWT, **self._from()},
            auth=httpx2.BasicAuth("news-web", self.secret()),
        )
        if not answer.is_success:
            return f"{answer.status_code} {answer.text}"
        try:
            # By whoever has its keys from the other node.
            claims = await self.parties[1 - number].verify(answer.text)
        except (jwt.PyJWTError, KeyError) as error:
            return repr(error)
        return "" if claims["token_introspection"]["active"] else "inactive"

    async def _offline(self, verifier: AsyncVerifier, token: str) -> str:
        found = await verifier.verify(token)
        return "" if isinstance(found, Active) else found.reason

    async def _renew(self) -> None:
        if time.monotonic() < self._good_until_s:
            return
        told = await self._token({"grant_type": "client_credentials"})
        self._site = bearer(told["access_token"])
        self._good_until_s = time.monotonic() + _RENEWED_S

    async def _exchange(self, **form: str) -> dict[str, Any]:
        return await self._token(
            {
                "grant_type": EXCHANGE,
                "subject_token": self._credential,
                "subject_token_type": DEVICE_CREDENTIAL,
                **form,
            }
        )

    async def _token(self, form: Mapping[str, str]) -> dict[str, Any]:
        auth = httpx2.BasicAuth("news-web", self.secret())
        return await self._post("/token", {}, data=dict(form), auth=auth)

    async def _post(self, path: str, headers: Mapping[str, str], **sent: Any) -> dict[str, Any]:
        node = self.draw.choice(self.nodes)
        answer = await node.post(path, headers={**headers, **self._from(), **fresh_key()}, **sent)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def _from(self) -> dict[str, str]:
        return {"X-Forwarded-For": f"192.0.2.{self.number + 1}"}


def kid_of(token: str) -> str:
    """The name of the key that signed a token."""
    return str(jwt.get_unverified_header(token)["kid"])


def issuer_of(deployment: Deployment) -> str:
    """Its first node's port is in its name."""
    return f"http://consent.localhost:{deployment.nodes[0].url.rpartition(':')[2]}"


def verifiers_of(deployment: Deployment, draw: random.Random) -> dict[str, AsyncVerifier]:
    """The package's, each as if on a machine of its own."""
    ports = [int(node.url.rpartition(":")[2]) for node in deployment.nodes]
    return {
        name: AsyncVerifier(
            issuer=issuer_of(deployment),
            audience=AUDIENCE,
            strict=name == "strict",
            transport=Balanced(ports, draw),
        )
        for name in ("strict", "default")
    }


async def consentid(
    deployment: Deployment, *words: str, may_say_no: bool = False, **environ: str
) -> str:
    """A command of an operator's; what it says."""
    return await command({**deployment.environ, **environ}, *words, may_say_no=may_say_no)


async def announced(deployment: Deployment, nodes: Sequence[httpx2.AsyncClient]) -> None:
    """Until every node publishes the keys that come next."""
    keys = manifest.read(deployment.folder / "keys")
    wanted = {keys.only(use, State.NEXT).kid for use in Use}
    for node in nodes:
        while True:
            found = (await node.get("/jwks.json")).json()["keys"]
            if wanted <= {each["kid"] for each in found}:
                break
            await asyncio.sleep(_LOOK_S)


async def enter(
    deployment: Deployment,
    nodes: Sequence[httpx2.AsyncClient],
    verifiers: Mapping[str, AsyncVerifier],
    draw: random.Random,
    told: Told,
    *,
    clients: int,
) -> list[Site]:
    """Sites, each with a token to begin with."""
    issuer = issuer_of(deployment)
    parties = [RelyingParty(issuer, node) for node in nodes]
    sites = [
        Site(
            number=number,
            nodes=nodes,
            verifiers=verifiers,
            parties=parties,
            told=told,
            draw=random.Random(draw.random()),  # noqa: S311 a test's dice
            secret=lambda: deployment.secret,
        )
        for number in range(clients)
    ]
    for site in sites:
        await site.enter()
    return sites


async def run(
    deployment: Deployment,
    draw: random.Random,
    *,
    rounds: int,
    every_s: float = 0.0,
    clients: int = CLIENTS,
) -> Told:
    """Rotate under load."""
    told, begun_s = Told(), time.monotonic()
    verifiers = verifiers_of(deployment, draw)
    async with opened(deployment) as nodes:
        sites = await enter(deployment, nodes, verifiers, draw, told, clients=clients)
        async with asyncio.TaskGroup() as group:
            for site in sites:
                group.create_task(site.live())
            await _all_turned(sites)
            for number in range(rounds):
                await announced(deployment, nodes)
                await consentid(deployment, "keys", "rotate", "--force")
                told.rotations += 1
                await asyncio.gather(_all_turned(sites), asyncio.sleep(every_s))
                if number % 2:
                    await _rotate_secret(deployment)
                    told.secrets_rotated += 1
            await _all_turned(sites)
            for site in sites:
                site.is_ending = True
    for verifier in verifiers.values():
        await verifier.aclose()
    told.seconds = round(time.monotonic() - begun_s, 1)
    return told


async def _all_turned(sites: Sequence[Site]) -> None:
    """Until each has begun and ended a turn."""
    wanted = [site.turns + 2 for site in sites]
    for site, turns in zip(sites, wanted, strict=True):
        while True:
            if site.turns >= turns:
                break
            await asyncio.sleep(_LOOK_S)


async def _rotate_secret(deployment: Deployment) -> None:
    """Clients go over to the new secret when they are told of it; the old one holds meanwhile."""
    answer = await consentid(
        deployment,
        *("clients", "rotate", "news-web", "--overlap-hours", "1", "--json"),
        CONSENTID_MIGRATION_DATABASE_URL=deployment.postgres.urls().owner,
    )
    deployment.secret = json.loads(answer)["secret"]


def main() -> int:
    """Rotate, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.drills.rotation", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--every", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--clients", type=int, default=CLIENTS)
    given = parser.parse_args()

    async def all_of_it(folder: Path) -> Told:
        draw = random.Random(secrets.randbits(32))  # noqa: S311 a test's dice
        async with deployed(folder) as deployment:
            return await run(
                deployment,
                draw,
                rounds=int(given.rounds),
                every_s=float(given.every),
                clients=int(given.clients),
            )

    folder = scratch_folder()
    try:
        told = asyncio.run(all_of_it(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    plain = {
        **asdict(told),
        "verified": dict(told.verified),  # asdict makes another Counter, of pairs
        "kids": len(told.kids),
        "failed": told.failed[:20],
        "failures": len(told.failed),
        "load": [round(each, 1) for each in os.getloadavg()],
    }
    print(json.dumps(plain, indent=2))  # noqa: T201 a command speaks
    return 1 if told.failed else 0


if __name__ == "__main__":
    sys.exit(main())
