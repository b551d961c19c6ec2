"""A whole hub for tests: ``consentid serve`` as a process of its own, and a portal beside it."""

import asyncio
import base64
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, final
from urllib.parse import quote_plus

import httpx2
import msgspec
import valkey
from anyio.from_thread import BlockingPortal, start_blocking_portal
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from tests.web.documented import Documented
from typing_extensions import override

from consentid.brandbook.folder import load
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
_FAR_FUTURE_S = 120
_NO_DATABASE = "postgresql+asyncpg://nobody@127.0.0.1:1/nothing"
_COUNTS = " UNION ALL ".join(  # every table of ours, by its own name
    f"SELECT '{name}', count(*) FROM {name}"
    for name in sorted(tables.metadata.tables)
    # Who was told what, and how far readers have come, is written a moment later.
    if name not in {"reads", "event_marks"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A customer of the portal whom a test invented."""

    sub: str = field(default_factory=lambda: secrets.token_hex(16))
    adult: bool = True


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
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    def basic(self, client: str) -> tuple[str, str]:
        return client, self.secrets[client]

    def token(self, form: Mapping[str, str], client: str | None = "news-web") -> httpx2.Response:
        auth = httpx2.BasicAuth(*self.basic(client)) if client else httpx2.USE_CLIENT_DEFAULT
        return self.http.post("/token", data=dict(form), auth=auth)

    def client_token(self, client: str = "news-web") -> dict[str, str]:
        """The headers of a client without a subject; one token for many tests."""
        token, good_until_s = self._tokens.get(client, ("", 0.0))
        if time.monotonic() >= good_until_s:
            answer = self.token({"grant_type": "client_credentials"}, client)
            assert answer.status_code == 200, answer.text
            token = answer.json()["access_token"]
            self._tokens[client] = (token, time.monotonic() + answer.json()["expires_in"] / 2)
        return bearer(token)

    def id_token(
        self, person: Person, *, audience: str = "halcyon-news", nonce: str | None = None
    ) -> str:
        portal = self.portal_issuer, self.portal_key
        return signed_id_token(portal, person, audience=audience, nonce=nonce)

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
        answer = self.exchange(self.id_token(person or Person()))
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

    def decision(self, brand: str = "news", /, **changed: object) -> dict[str, Any]:
        """The body of a decision that is right unless ``changed`` says otherwise."""
        shown = self.catalogue(brand)
        return {
            "served": shown["served"],
            "notice": shown["notice"],
            "reach": "brand",
            "choices": [{"purpose": "ads", "outcome": "granted"}],
            **changed,
        }

    def decide(self, subject: Mapping[str, str] | None = None, **changed: object) -> dict[str, Any]:
        """Record a decision, and what was answered."""
        answer = self.http.post(
            "/v1/decisions",
            json=self.decision("news", **changed),
            headers={**(subject or self.sign_in()), **fresh_key()},
        )
        assert answer.status_code == 201, answer.text
        return answer.json()

    def counts(self) -> dict[str, int]:
        """How many rows every table has."""
        return dict(self.rows(_COUNTS))

    def rows(self, statement: str) -> list[Any]:
        """What the database's owner reads, or changes."""

        return self.asking.call(self._ask, statement)

    async def _ask(self, statement: str) -> list[Any]:
        async with self.owner.begin() as connection:
            found = await connection.execute(text(statement))
            return list(found.all()) if found.returns_rows else []


def signed_id_token(
    portal: tuple[str, RSAKey], person: Person, *, audience: str, nonce: str | None = None
) -> str:
    """What the portal says to one of its clients of somebody who is signed in there."""
    issuer, key = portal
    now_s = int(time.time())
    claims: dict[str, str | int] = {
        "iss": issuer,
        "sub": person.sub,
        "aud": audience,
        "iat": now_s,
        "exp": now_s + 300,
        "jti": secrets.token_hex(16),
        "adult": person.adult,
    }
    if nonce is not None:
        claims["nonce"] = nonce
    header = {"alg": "RS256", "typ": "JWT", "kid": str(key.kid)}
    return jwt.encode(header, claims, key)


def forget(valkey_url: str, pattern: str) -> None:
    """Delete the keys of a pattern in Valkey."""
    with _opened(valkey_url) as connection:
        for key in connection.scan_iter(pattern):
            connection.delete(key)


def process_of(valkey_url: str) -> int:
    """The server's own process."""
    with _opened(valkey_url) as connection:
        return connection.info("server")["process_id"]


def _opened(valkey_url: str) -> Any:
    return valkey.Valkey.from_url(valkey_url)  # pyright: ignore[reportUnknownMemberType]  untyped there


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic_of(hub: Hub, client: str) -> str:
    """A client's secret as an ``Authorization`` header has it."""
    return "Basic " + base64.b64encode(":".join(hub.basic(client)).encode()).decode()


def fresh_key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(8)}


def form_of(*pairs: tuple[str, str]) -> bytes:
    """A form in which a field may come twice."""
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs).encode()


@contextlib.contextmanager
def running_portal() -> Generator[tuple[str, RSAKey]]:
    """A customer portal over real HTTP: its issuer, and the key of its ID tokens.

    Of a portal the hub needs discovery and keys; here the test signs people in.
    """
    key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
    documents: dict[str, bytes] = {}

    @final
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = documents.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer = f"http://id.localhost:{server.server_port}"
        documents["/.well-known/openid-configuration"] = msgspec.json.encode(
            {"issuer": issuer, "jwks_uri": f"{issuer}/jwks.json"}
        )
        documents["/jwks.json"] = msgspec.json.encode({"keys": [key.as_dict(private=False)]})
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield issuer, key
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def running_hub(
    folder: Path,
    database: DatabaseUrls,
    portal: tuple[str, RSAKey],
    *,
    valkey_url: str | None,
    settings: Mapping[str, str] | None = None,
    changed: Mapping[str, str] | None = None,
) -> Generator[Hub]:
    """The Halcyon group's hub on a migrated, empty database; ``settings`` win over ours.

    ``changed``: what its brand files say otherwise here, by what they say.
    """
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    # The server takes what it inherits for a Unix socket, and so would leave Nagle on.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    port = listening.getsockname()[1]
    keys = folder / "keys"
    generate(keys, now=from_seconds(int(time.time())), randomness=secrets.token_bytes)
    brands = halcyon(folder / "brands", port, portal[0], changed or {})
    given = asyncio.run(furnish(database, brands))
    log = folder / "log"
    process = serve(listening, database, keys, valkey_url, log, settings=settings or {})
    url = f"http://127.0.0.1:{port}"
    try:
        with (
            httpx2.Client(base_url=url, timeout=_FAR_FUTURE_S) as http,
            start_blocking_portal() as asking,
        ):
            owner = create_async_engine(database.owner)
            _await_ready(http, process, log)
            document = http.get("/schema").json()
            http.event_hooks = {"response": [Documented(document)]}
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


def in_charge(database: DatabaseUrls) -> Mapping[str, str]:
    """Settings of a process whose programs may register clients and apply configuration."""
    return {"CONSENTID_ADMIN_DATABASE_URL": database.owner}


def halcyon(
    folder: Path,
    port: int,
    portal: str,
    changed: Mapping[str, str],
    repository: Path = REPOSITORY,
) -> Path:
    """The Halcyon group as it is in a repository, but for the ports and what is changed."""
    for source in (repository / "brands").rglob("*.toml"):
        told = source.read_text().replace("http://id.localhost:7600", portal)
        told = told.replace("http://consent.localhost:7600", f"http://consent.localhost:{port}")
        for said, instead in changed.items():
            told = told.replace(said, instead)
        target = folder / source.relative_to(repository / "brands")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(told)
    return folder


async def furnish(urls: DatabaseUrls, brands: Path) -> dict[str, str]:
    """Apply the files; the secrets of all clients that have one."""
    owner = Database(urls.owner)
    published = await publish_catalogue(owner, load(brands), randomness=secrets.token_bytes)
    given = {
        str(client_id): (
            await rotate_secret(owner, client_id=client_id, randomness=secrets.token_bytes)
        ).secret
        for client_id, client in published.book.clients.items()
        if client.auth == "client_secret_basic"
    }
    await owner.close()
    return given


def serve(
    listening: socket.socket,
    database: DatabaseUrls,
    keys: Path,
    valkey_url: str | None,
    log: Path,
    *,
    settings: Mapping[str, str],
) -> subprocess.Popen[bytes]:
    with log.open("ab") as stream:
        return subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-m", "consentid", "serve", "--fd", str(listening.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=environ_of(database, keys, valkey_url, settings),
            cwd=REPOSITORY,
            pass_fds=[listening.fileno()],
        )


def environ_of(
    database: DatabaseUrls, keys: Path, valkey_url: str | None, settings: Mapping[str, str]
) -> dict[str, str]:
    """What a web process is told."""
    environ = {name: value for name, value in os.environ.items() if "CONSENTID_" not in name}
    environ |= {
        "CONSENTID_DATABASE_URL": database.serving,
        "CONSENTID_KEYS_DIR": str(keys),
        "CONSENTID_LOCALHOST_HOSTS": "true",
        "CONSENTID_LOG_LEVEL": "debug",  # whatever anything says is looked at
    }
    if valkey_url is not None:
        environ["CONSENTID_VALKEY_URL"] = valkey_url
    return {**environ, **settings}


def _await_ready(http: httpx2.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    # The socket listens already, so the first answer comes as soon as there is somebody to answer.
    while process.poll() is None:
        with contextlib.suppress(httpx2.TransportError):
            if http.get("/health/ready").is_success:
                return
    raise AssertionError(log.read_text())
