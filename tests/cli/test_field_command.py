import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
from tests.cli.running import Command, Ended, run_process

from consentid.cli import field_queue
from consentid.cli.terminal import Exit
from consentid.embedded.postgres import DatabaseUrls
from consentid.store import entry_bodies
from consentid.store.engine import Database

CLIENT = ("news-field", "--party", "brand/news", "--scope", "captures:write")


async def acts(urls: DatabaseUrls) -> list[dict[str, Any]]:
    """What was done in the administration, as the log has it."""
    database = Database(urls.owner)
    async with database.reading() as connection:
        found = await entry_bodies.newest_acts(connection, before=None, limit=9)
    await database.close()
    return [json.loads(each.body) for each in found]


def test_a_device_is_invited_listed_and_revoked(
    installed: Command, database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    installed.set("KEYS_DIR", tmp_path / "keys")
    installed("keys", "generate")
    installed("brands", "apply")
    inviting = ("field", "enrol", "--name", "Tablet 7", "--json", "--client")
    assert "no client of this name" in installed(*inviting, "nobody").out
    assert "captures:write" in installed(*inviting, "news-web").out
    installed("clients", "add", *CLIENT)
    invited = installed(*inviting, "news-field").json
    assert len(invited["code"].replace("-", "")) == 20
    (listed,) = installed("field", "list", "--json").json
    assert (listed["device"], listed["state"]) == (invited["device"], "invited")
    assert "Tablet 7" in installed("field", "list").out
    assert installed("field", "revoke", invited["device"]).out == "revoked\n"
    assert (
        installed("field", "list", "--client", "news-field", "--json").json[0]["state"] == "revoked"
    )
    assert installed("field", "list", "--client", "news-web", "--json").json == []
    assert installed("field", "revoke", "nothing").code == Exit.NO
    told = asyncio.run(acts(database_urls))[:2]  # the newest
    assert [each["act"] for each in told] == ["field/revoke", "field/invite"]
    assert {each["device"] for each in told} == {invited["device"]}


def test_a_device_without_a_kit_says_what_to_do(consentid: Command, tmp_path: Path) -> None:
    queue = ("--queue", tmp_path / "device.json")
    ended = consentid("field", "sync", *queue)
    assert (ended.code, "consentid field join" in ended.err) == (Exit.NO, True)


def test_captures_at_the_same_time_follow_one_another(tmp_path: Path) -> None:
    file = tmp_path / "device.json"
    notice = {"id": "halcyon-news", "version": 1, "language": "en", "digest": "a" * 64}
    enrolled = field_queue.enrolled(
        field_queue.new_queue(hub="https://hub.example", issuer="https://hub.example", code="x"),
        "device",
        "Tablet 7",
    )
    kit = json.dumps({"notices": [{"notice": notice}]})
    field_queue.write_queue(file, msgspec.structs.replace(enrolled, kit=kit, sync="proof"))

    def capture(operator: str) -> Ended:
        words = ("--operator", operator, "--grant", "ads", "--version", "form-3")
        return run_process("field", "capture", "--queue", str(file), *words)

    operators = ["agent-1", "agent-2", "agent-3"]
    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(capture, operators))
    assert sorted(each.out for each in ended) == [
        f"bundle {seq} waits for a sync\n" for seq in (1, 2, 3)
    ]
    assert [each.seq for each in field_queue.read_queue(file).bundles] == [1, 2, 3]
