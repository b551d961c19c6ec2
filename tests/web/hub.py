"""A whole hub for tests: ``consentid serve`` as a process of its own, and a portal beside it."""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import httpx2
import uvicorn
from anyio.from_thread import BlockingPortal, start_blocking_portal
from joserfc.jwk import RSAKey
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from consentid.brandbook.folder import load
from consentid.demo.portal import create_portal
from consentid.demo.portal_book import PortalBook
from consentid.demo.portal_customers import Customer
from consentid.demo.portal_tokens import sign_id_token
from consentid.embedded.postgres import DatabaseUrls
from consentid.flows.publish_catalogue import publish_catalogue
from consentid.flows.register_client import rotate_secret
from consentid.keyring.generating import generate
from consentid.kit.instants import from_seconds
from consentid.store import tables
from consentid.store.engine import Database

REPOSITORY = Path(__file__).parents[2]
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
CONSENT_TOKEN = "urn:consentid:params:oauth:token-type:consent_token"
DEVICE_CREDENTIAL = "urn:consentid:params:oauth:token-type:device_credential"
NEWS_ORIGIN = "http://news.localhost:7600"
_FAR_FUTURE_S = 30
_COUNTS = " UNION ALL ".join(  # every table of ours, by its own name
    f"SELECT '{name}', count(*) FROM {name}"  # noqa: S608
    for name in sorted(tables.metadata.tables)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A customer of the portal whom a test invented."""

    customer: Customer

    @classmethod
    def invent(cls, *, adult: bool = True) -> "Person":
        return cls(
            customer=Customer(
                login=secrets.token_hex(4),
                name="Invented",
                sub=secrets.token_hex(16),
                adult=adult,
                salt=b"",
                password_hash=b"",
            )
        )


@dataclass(slots=True, kw_only=True)
class Hub:
    """A running hub, and the keys to it."""

    url: str
    http: httpx2.Client
    log: Path
    pid: int
    portal_issuer: str
    portal_key: RSAKey
    asking: BlockingPortal
    owner: AsyncEngine
    """The database as its owner sees it, on the loop of ``asking``."""
    secrets: Mapping[str, str]
    _tokens: dict[str, str] = field(default_factory=dict)

    def basic(self, client: str) -> tuple[str, str]:
        return client, self.secrets[client]

    def token(self, form: Mapping[str, str], client: str | None = "news-web") -> httpx2.Response:
        auth = None if client is None else self.basic(client)
        return self.http.post("/token", data=dict(form), auth=auth)

    def client_token(self, client: str = "news-web") -> dict[str, str]:
        """The headers of a client without a subject; one token for the whole run."""
        if client not in self._tokens:
            answer = self.token({"grant_type": "client_credentials"}, client)
            assert answer.status_code == 200, answer.text
            self._tokens[client] = answer.json()["access_token"]
        return bearer(self._tokens[client])

    def id_token(
        self, person: Person, *, audience: str = "halcyon-news", nonce: str | None = None
    ) -> str:
        return sign_id_token(
            self.portal_key,
            person.customer,
            issuer=self.portal_issuer,
            audience=audience,
            now_s=int(time.time()),
            nonce=nonce,
        )

    def exchange(
        self, subject_token: str, kind: str = ID_TOKEN, client: str = "news-web", **form: str
    ) -> httpx2.Response:
        return self.token(
            {
                "grant_type": EXCHANGE,
                "subject_token": subject_token,
                "subject_token_type": kind,
                **form,
            },
            client,
        )

    def sign_in(self, person: Person | None = None) -> dict[str, str]:
        """The headers of a known subject at *news*, new unless one is given."""
        answer = self.exchange(self.id_token(person or Person.invent()))
        assert answer.status_code == 200, answer.text
        return bearer(answer.json()["access_token"])

    def device(self, client: str = "news-web") -> str:
        """A new device's credential."""
        answer = self.http.post(
            "/v1/devices", json={}, headers={**self.client_token(client), **fresh_key()}
        )
        assert answer.status_code == 201, answer.text
        return answer.json()["credential"]

    def catalogue(self, brand: str = "news") -> dict[str, Any]:
        answer = self.http.get("/v1/catalogue", params={"brand": brand, "language": "en"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def decision(self, brand: str = "news", **changed: Any) -> dict[str, Any]:
        """The body of a decision that is right unless ``changed`` says otherwise."""
        shown = self.catalogue(brand)
        return {
            "served": shown["served"],
            "notice": shown["notice"],
            "reach": "brand",
            "choices": [{"purpose": "ads", "outcome": "granted"}],
            **changed,
        }

    def decide(self, subject: Mapping[str, str] | None = None, **changed: Any) -> dict[str, Any]:
        """Record a decision, and what was answered."""
        answer = self.http.post(
            "/v1/decisions",
            json=self.decision(**changed),
            headers={**(subject or self.sign_in()), **fresh_key()},
        )
        assert answer.status_code == 201, answer.text
        return answer.json()

    def counts(self) -> dict[str, int]:
        """How many rows every table has."""
        return {name: count for name, count in self.rows(_COUNTS)}

    def rows(self, statement: str) -> list[Any]:
        """What the database's owner reads, or changes."""

        return self.asking.call(self._ask, statement)

    async def _ask(self, statement: str) -> list[Any]:
        async with self.owner.begin() as connection:
            found = await connection.execute(text(statement))
            return list(found.all()) if found.returns_rows else []


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def fresh_key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(8)}


def form_of(*pairs: tuple[str, str]) -> bytes:
    """A form in which a field may come twice."""
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs).encode()


@contextlib.contextmanager
def running_portal() -> Iterator[tuple[str, RSAKey]]:
    """Halcyon ID over real HTTP: its issuer, and the key that its ID tokens are signed with."""
    key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        issuer = f"http://id.localhost:{listening.getsockname()[1]}"
        app = create_portal(PortalBook(issuer=issuer, clients={}, customers=()), key)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield issuer, key
        server.should_exit = True
        thread.join()


@contextlib.contextmanager
def running_hub(
    folder: Path,
    database: DatabaseUrls,
    portal: tuple[str, RSAKey],
    *,
    valkey_url: str | None,
) -> Iterator[Hub]:
    """The Halcyon group's hub on a migrated, empty database."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    # The server takes what it inherits for a Unix socket, and so would leave Nagle on.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    port = listening.getsockname()[1]
    keys = folder / "keys"
    generate(keys, now=from_seconds(int(time.time())), randomness=secrets.token_bytes)
    given = asyncio.run(_furnish(database, _halcyon(folder / "brands", port, portal[0])))
    log = folder / "log"
    process = _serve(listening, database, keys, valkey_url, log)
    url = f"http://127.0.0.1:{port}"
    try:
        with (
            httpx2.Client(base_url=url, timeout=_FAR_FUTURE_S) as http,
            start_blocking_portal() as asking,
        ):
            owner = create_async_engine(database.owner)
            _await_ready(http, process, log)
            yield Hub(
                url=url,
                http=http,
                log=log,
                pid=process.pid,
                portal_issuer=portal[0],
                portal_key=portal[1],
                asking=asking,
                owner=owner,
                secrets=given,
            )
            asking.call(owner.dispose)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        listening.close()


def _halcyon(folder: Path, port: int, portal: str) -> Path:
    """The Halcyon group as it is in the repository, but for the ports."""
    for source in (REPOSITORY / "brands").rglob("*.toml"):
        told = source.read_text().replace("http://id.localhost:7600", portal)
        told = told.replace("http://consent.localhost:7600", f"http://consent.localhost:{port}")
        target = folder / source.relative_to(REPOSITORY / "brands")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(told)
    return folder


async def _furnish(urls: DatabaseUrls, brands: Path) -> dict[str, str]:
    """Apply the files; the secrets of all clients that have one."""
    owner = Database(urls.owner)
    published = await publish_catalogue(owner, load(brands), randomness=secrets.token_bytes)
    given = {
        client_id: (
            await rotate_secret(owner, client_id=client_id, randomness=secrets.token_bytes)
        ).secret
        for client_id, client in published.book.clients.items()
        if client.auth == "client_secret_basic"
    }
    await owner.close()
    return given


def _serve(
    listening: socket.socket,
    database: DatabaseUrls,
    keys: Path,
    valkey_url: str | None,
    log: Path,
) -> subprocess.Popen[bytes]:
    environ = {name: value for name, value in os.environ.items() if "CONSENTID_" not in name}
    environ |= {
        "CONSENTID_DATABASE_URL": database.serving,
        "CONSENTID_KEYS_DIR": str(keys),
        "CONSENTID_LOCALHOST_HOSTS": "true",
        "CONSENTID_LOG_LEVEL": "debug",  # whatever anything says is looked at
    }
    if valkey_url is not None:
        environ["CONSENTID_VALKEY_URL"] = valkey_url
    with log.open("ab") as stream:
        return subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-m", "consentid", "serve", "--fd", str(listening.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=environ,
            cwd=REPOSITORY,
            pass_fds=[listening.fileno()],
        )


def _await_ready(http: httpx2.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    # The socket listens already, so the first answer comes as soon as there is somebody to answer.
    while process.poll() is None:
        with contextlib.suppress(httpx2.TransportError):
            if http.get("/health/ready").status_code == httpx2.codes.OK:
                return
    raise AssertionError(log.read_text())
