"""``/v1/admin/export``: the log by program, as fast as it is read, and no longer than it is."""

import json
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import pytest
from joserfc.jwk import RSAKey
from sqlalchemy import text
from tests.web.hub import Hub, forget, running_hub
from tests.web.programs import add_programs, program_of
from tests.web.test_administration import ADMIN, call, newest_act
from tests.web.test_ledger import sequenced

from consentid.brandbook.client import Scope
from consentid.embedded.postgres import DatabaseUrls
from consentid.ledger import note
from consentid.ledger.checkpoint import open_checkpoint
from consentid.ledger.tree import leaf_hash, root_of

TAKER: Final = program_of(Scope.ADMIN_EXPORT)
MANY: Final = 4_000
"""Entries of 6 kB each: more than all buffers between two processes hold."""
STAGE: Final = f"""
INSERT INTO staged_entries (event_id, kind, leaf, staged_at)
SELECT gen_random_uuid(), 'decision', convert_to(repeat('leaf', 1500) || n, 'UTF8'), now()
FROM generate_series(1, {MANY}) n
"""


@pytest.fixture(scope="module")
def kept(
    module_database_urls: DatabaseUrls,
    valkey_url: str,
    portal: tuple[str, RSAKey],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Hub]:
    """A hub whose log has one person's decision, and a great many entries after it."""
    folder = tmp_path_factory.mktemp("exported")
    with running_hub(folder, module_database_urls, portal, valkey_url=valkey_url) as hub:
        hub.decide()

        async def stage() -> None:
            async with hub.owner.begin() as connection:
                await connection.execute(text(STAGE))

        hub.asking.call(stage)
        sequenced(hub)
        yield add_programs(hub)


@pytest.fixture(autouse=True)
def unlimited(valkey_url: str) -> None:
    forget(valkey_url, "limit:export*")


def export(hub: Hub, **body: object) -> httpx2.Response:
    return call(hub, Scope.ADMIN_EXPORT, "export", "POST", json={"leaves": True, **body})


def lines(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_every_entry_comes_in_order_with_what_opens_it_and_what_was_signed(kept: Hub) -> None:
    answer = export(kept, leaves=False)
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    *entries, end, last = lines(answer)
    assert last == {"entries": len(entries), "faults": [], "unreadable": 0}
    assert [each["at"] for each in entries] == [f"1/{index}" for index in range(len(entries))]
    key = note.parse_key(end["key"])
    signed, _ = open_checkpoint(end["checkpoint"], origin=end["log"], keys=[key])
    assert signed.root == root_of([leaf_hash(each["leaf"].encode()) for each in entries])
    opened = [each for each in entries if each["record"] is not None]
    ((subject, decision),) = kept.rows("SELECT subject_id, id FROM decisions")
    assert [(each["id"], each["subject"]) for each in opened] == [(str(decision), str(subject))]
    assert newest_act(kept) == {
        "act": "ledger/export",
        "by": f"client:{TAKER}",
        "after": None,
        "opened": True,
    }
    seen = kept.rows(f"SELECT client_id, kind FROM reads WHERE subject_id = '{subject}'")
    assert (TAKER, "export") in [tuple(row) for row in seen]


def test_it_goes_on_after_a_line_and_tells_of_nobody_where_leaves_are_enough(kept: Hub) -> None:
    seen = kept.rows("SELECT * FROM reads")
    *entries, _, last = lines(export(kept, after=f"1/{MANY - 150}"))
    assert entries[0]["at"] == f"1/{MANY - 149}"
    assert last["entries"] == len(entries) > 148
    assert not any("record" in each or "subject" in each for each in entries)
    assert kept.rows("SELECT * FROM reads") == seen
    assert newest_act(kept)["after"] == f"1/{MANY - 150}"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"leaves": 1},
        {"leaves": True, "after": "x"},
        {"leaves": True, "after": "1/0\n"},
        {"leaves": True, "page": 1},
        {"leaves": True, "after": f"1/{2 * MANY}"},
        {"leaves": True, "after": "2/0"},
    ],
)
def test_what_cannot_be_meant_is_refused(kept: Hub, body: dict[str, object]) -> None:
    refused = call(kept, Scope.ADMIN_EXPORT, "export", "POST", json=body)
    assert refused.status_code == 422
    assert not refused.json()["where"].startswith("--"), refused.text  # a place of the body
    for scope in (Scope.ADMIN, Scope.ADMIN_EVIDENCE):
        assert call(kept, scope, "export", "POST", json={"leaves": True}).status_code == 403


def test_who_reads_slowly_is_waited_for_without_a_transaction_and_ends_it_by_leaving(
    kept: Hub,
) -> None:
    headers = kept.client_token(TAKER)
    asked = {"headers": headers, "json": {"leaves": True}}
    with kept.http.stream("POST", f"{ADMIN}/export", **asked) as slow:  # pyright: ignore[reportArgumentType]  of either kind
        assert slow.status_code == 200
        again = export(kept)
        assert (again.status_code, again.json()["code"]) == (429, "export_under_way")
        assert int(again.headers["retry-after"]) >= 1
        held = kept.rows(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND usename <> current_user AND xact_start < now() - interval '1 second'"
        )
        assert held == [(0,)]
    answer = export(kept, after=f"1/{MANY - 2}")
    while answer.status_code == 429:  # until the server has heard that they left
        answer = export(kept, after=f"1/{MANY - 2}")
    assert lines(answer)[-1]["faults"] == []
