import asyncio
import logging
import secrets
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.telemetry.scraping import Samples, address_in, scrape, value

from consentid.embedded.postgres import DatabaseUrls
from consentid.flows.opening import open_context
from consentid.keyring.generating import generate
from consentid.kit.instants import from_seconds
from consentid.settings import Settings
from consentid.worker.metrics import Rounds, exposing_metrics
from consentid.worker.roles import run_roles

_WORK = """
INSERT INTO status_lists (is_open, bits, created_at)
    VALUES (true, decode(repeat('00', 16384), 'hex'), now());
INSERT INTO status_indices (list_no, idx, revoked_at, is_published)
    SELECT 1, n, now() - interval '1 hour', false FROM generate_series(1, 3) n;
INSERT INTO outbox (event_id, kind, created_at)
    VALUES (gen_random_uuid(), 'decision', now() - interval '1 minute');
INSERT INTO clients (client_id, party_kind, party_slug, source, auth_method, scopes, collects,
                     surface, token_class, created_at)
    VALUES ('crm', 'brand', 'news', 'command', 'none', '{events:read}', 'own', 'web', 'web', now());
INSERT INTO event_streams (client_id, head, opened_at) VALUES ('crm', 1, now());
INSERT INTO events (stream_no, seq, id, kind, lane, sealed, at, narrows)
    VALUES (1, 1, 'id', 'consent', 0, 'sealed', now() - interval '1 hour', true);
INSERT INTO event_marks VALUES (1, 'feed', 0, now())
"""


def _has_begun(told: Samples) -> bool:
    """Whether the queues were looked at, and the roles in question had their first round."""
    return bool(
        value(told, "queue_depth", queue="status_list_flips")
        and value(told, "worker_rounds_total", worker_role="reaper", outcome="ok")
        and value(
            told, "worker_rounds_total", worker_role="status list publisher", outcome="failed"
        )
    )


async def test_a_worker_tells_of_its_rounds_and_of_the_queues(
    database_urls: DatabaseUrls,
    owner_engine: AsyncEngine,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "consentid.telemetry")
    async with owner_engine.begin() as connection:
        for statement in _WORK.split(";"):
            await connection.execute(text(statement))
    generate(tmp_path / "keys", now=from_seconds(1), randomness=secrets.token_bytes)
    opened = open_context(
        Settings(database_url=database_urls.serving, keys_dir=tmp_path / "keys", metrics_port=0)
    )
    rounds, stopped = Rounds(), asyncio.Event()
    async with owner_engine.connect() as elsewhere, exposing_metrics(opened.context, rounds):
        # Another worker has the pump's turn, and has not come to the row yet.
        await elsewhere.execute(text("SELECT pg_advisory_lock(hashtext('consentid.outbox'))"))
        working = asyncio.create_task(run_roles(opened.context, stopped, rounds))

        async def scraped() -> Samples:
            return await asyncio.to_thread(scrape, address_in(caplog.text))

        async with asyncio.timeout(120):
            told = await scraped()
            while not _has_begun(told):
                told = await scraped()
        stopped.set()
        await working
    await opened.close()
    # Without a configuration nothing can be published: the flips wait.
    assert value(told, "queue_depth", queue="status_list_flips") == 3
    assert 3_600 <= value(told, "queue_oldest_seconds", queue="status_list_flips") < 3_900
    assert value(told, "queue_depth", queue="outbox") == 1
    assert value(told, "queue_oldest_seconds", queue="outbox") >= 60
    assert ("consentid_queue_depth", frozenset({("queue", "logout_notices")})) in told
    assert value(told, "queue_depth", queue="logout_notices") == 0
    assert value(told, "queue_depth", queue="mails") == 0
    assert value(told, "system_lag_events", system="feed:crm") == 1
    assert value(told, "system_lag_seconds", system="feed:crm") >= 3_600
    assert value(told, "system_unconfirmed_withdrawals", system="feed:crm") == 1
    assert value(told, "worker_succeeded_timestamp_seconds", worker_role="reaper") > 0
    assert value(told, "worker_round_duration_seconds_count", worker_role="reaper") >= 1
