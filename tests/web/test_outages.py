"""What is answered while PostgreSQL or Valkey is away, and afterwards."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from joserfc.jwk import RSAKey
from tests.conftest import run_apart
from tests.web.hub import NEWS_ORIGIN, Hub, fresh_key, process_of, running_hub

from consentid.embedded.postgres import SERVING, EmbeddedPostgres
from consentid.embedded.valkey import EmbeddedValkey
from consentid.store.migrating import upgrade


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragile:
    """A hub with servers of its own, which a test may stop."""

    hub: Hub
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey


@pytest.fixture(scope="module")
def fragile(
    server_folder: Path,
    portal: tuple[str, RSAKey],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Fragile]:
    with (
        EmbeddedPostgres(server_folder / "fragile-postgres") as postgres,
        EmbeddedValkey(server_folder / "fragile-valkey") as cache,
    ):
        urls = postgres.urls()
        run_apart(upgrade(urls.owner, serving_role=SERVING))
        folder = tmp_path_factory.mktemp("fragile")
        with running_hub(folder, urls, portal, valkey_url=cache.url) as hub:
            yield Fragile(hub=hub, postgres=postgres, valkey=cache)


def test_without_postgresql_every_address_says_when_to_come_back(fragile: Fragile) -> None:
    hub = fragile.hub
    subject, client, body = hub.sign_in(), hub.client_token(), hub.decision()
    foreign = {"Origin": NEWS_ORIGIN}
    assert "access-control-allow-origin" in hub.http.get("/v1/state", headers=foreign).headers
    fragile.postgres.stop()
    asked = [
        hub.http.get("/.well-known/openid-configuration"),
        hub.http.get("/statuslists"),
        hub.http.get("/statuslists/1"),
        hub.http.get("/v1/catalogue?brand=news"),
        hub.http.get("/v1/state", headers=subject),
        hub.http.get("/v1/history", headers=subject),
        hub.http.post("/v1/decisions", json=body, headers={**subject, **fresh_key()}),
        hub.http.post(
            "/v1/withdrawals",
            json={"reach": "group", "all": True},
            headers={**subject, **fresh_key()},
        ),
        hub.http.post("/v1/devices", json={}, headers={**client, **fresh_key()}),
        hub.http.post("/v1/verify", json={"token": "x"}, headers=client),
    ]
    for answer in asked:
        assert answer.status_code == 503, answer.request.url
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "database_unavailable"
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["retry_after_s"] == int(answer.headers["retry-after"])
    token = hub.token({"grant_type": "client_credentials"})
    assert token.status_code == 503
    assert token.json()["error"] == "temporarily_unavailable"
    assert int(token.headers["retry-after"]) >= 1
    ready = hub.http.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json()["database"] == "database_unavailable"
    assert ready.headers["retry-after"]
    # What needs no database is there, and a brand's page can still read why it has to wait.
    assert hub.http.get("/health/live").status_code == 200
    assert hub.http.get("/jwks.json").status_code == 200
    assert hub.http.get("/schema").status_code == 200
    waiting = hub.http.get("/v1/state", headers={**subject, **foreign})
    assert waiting.headers["access-control-allow-origin"] == NEWS_ORIGIN
    fragile.postgres.start()
    assert hub.http.get("/v1/state", headers=subject).status_code == 200
    answer = hub.http.post("/v1/decisions", json=body, headers={**subject, **fresh_key()})
    assert answer.status_code == 201


def test_a_frozen_valkey_changes_no_answer(fragile: Fragile) -> None:
    pid = process_of(fragile.valkey.url)
    os.kill(pid, signal.SIGSTOP)
    try:
        _assert_all_works(fragile.hub)
        assert fragile.hub.http.get("/health/ready").json()["cache"] == "degraded"
    finally:
        os.kill(pid, signal.SIGCONT)


def test_an_absent_valkey_changes_no_answer(fragile: Fragile) -> None:
    fragile.valkey.stop()
    _assert_all_works(fragile.hub)
    assert fragile.hub.http.get("/health/ready").status_code == 200
    fragile.valkey.start()
    _assert_all_works(fragile.hub)
    give_up_at = time.monotonic() + 120
    while fragile.hub.http.get("/health/ready").json()["cache"] != "ok":
        assert time.monotonic() < give_up_at


def _assert_all_works(hub: Hub) -> None:
    assert hub.token({"grant_type": "client_credentials"}).status_code == 200
    assert hub.token({"grant_type": "client_credentials"}, None).status_code == 401
    assert hub.device()
    token = hub.decide()["consent_token"]
    answer = hub.http.post("/v1/verify", json={"token": token}, headers=hub.client_token())
    assert answer.json()["active"] is True
