"""The web process dies by SIGKILL while ten clients write; nothing acknowledged is lost."""

import asyncio
import os
import random
import secrets
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
from tests.flows.conftest import Founded
from tests.flows.town import Town

from consentid.core.decision import SubjectId
from consentid.embedded.postgres import DatabaseUrls
from consentid.flows.show_state import public_decision_id

ROUNDS: Final = 3
CLIENTS: Final = 10
REPOSITORY: Final = Path(__file__).parents[2]


@dataclass(slots=True)
class Writer:
    """One client: a device, and what was acknowledged to it by key."""

    headers: dict[str, str]
    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    unanswered: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    is_heard: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with each acknowledgement."""


def environ(urls: DatabaseUrls, keys: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("CONSENTID_")},
        "CONSENTID_DATABASE_URL": urls.serving,
        "CONSENTID_KEYS_DIR": str(keys),
    }


@contextmanager
def serving(
    listening: socket.socket, urls: DatabaseUrls, keys: Path
) -> Generator["subprocess.Popen[bytes]"]:
    """``consentid serve`` as a process of its own, on a socket that outlives it."""
    process = subprocess.Popen(  # noqa: S603 our own program
        [sys.executable, "-m", "consentid", "serve", "--fd", str(listening.fileno())],
        env=environ(urls, keys),
        pass_fds=[listening.fileno()],
        cwd=REPOSITORY,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def write(http: httpx2.AsyncClient, writer: Writer, key: str, body: dict[str, Any]) -> bool:
    """Send one decision; whether it was acknowledged."""
    headers = {**writer.headers, "Idempotency-Key": key}
    try:
        answer = await http.post("/v1/decisions", json=body, headers=headers)
    except httpx2.TransportError:
        return False
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert writer.acknowledged.setdefault(key, told) == told
    writer.is_heard.set()
    return True


async def keep_writing(http: httpx2.AsyncClient, writer: Writer, seed: int) -> None:
    """Decide until the process is gone."""
    draw = random.Random(seed)  # noqa: S311 a test's dice
    shown = (await http.get("/v1/catalogue", params={"brand": "news"})).json()
    while True:
        body = {
            "served": shown["served"],
            "notice": shown["notice"],
            "reach": "group",
            "choices": [{"purpose": "ads", "outcome": draw.choice(["granted", "refused"])}],
        }
        key = secrets.token_hex(8)
        if not await write(http, writer, key, body):
            writer.unanswered.append((key, body))
            return


async def test_what_was_acknowledged_before_sigkill_is_there_exactly_once(
    town: Town, town_urls: DatabaseUrls, founded: Founded
) -> None:
    draw = random.Random(7)  # noqa: S311 a test's dice
    writers: list[Writer] = []
    subjects: list[SubjectId | None] = []
    for _ in range(CLIENTS):
        credential = await town.new_device()
        _, answer = await town.enter(
            "news-web",
            grant_type="urn:ietf:params:oauth:grant-type:token-exchange",
            subject_token=credential,
            subject_token_type="urn:consentid:params:oauth:token-type:device_credential",
        )
        subjects.append((await town.on_device(credential)).subject)
        writers.append(Writer({"Authorization": f"Bearer {answer.body['access_token']}"}))

    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        for number in range(ROUNDS):
            async with httpx2.AsyncClient(base_url=url, timeout=120) as http:
                with serving(listening, town_urls, founded.keys) as process:
                    # The socket listens already: the first answer is the sign that it serves.
                    assert (await http.get("/health/live")).status_code == 200
                    work = [
                        asyncio.create_task(keep_writing(http, writer, number * 100 + place))
                        for place, writer in enumerate(writers)
                    ]
                    for writer in writers:
                        writer.is_heard.clear()
                        await writer.is_heard.wait()
                    await asyncio.sleep(draw.random() / 4)
                    process.kill()
                    process.wait()
                    # Whoever connected but was not accepted waits for the next process.
                    await asyncio.wait(work, timeout=1)
                for task in work:
                    task.cancel()
                await asyncio.wait(work)
        lost = sum(len(writer.unanswered) for writer in writers)
        async with httpx2.AsyncClient(base_url=url, timeout=120) as http:
            with serving(listening, town_urls, founded.keys):
                for writer in writers:
                    for key, body in writer.unanswered:
                        assert await write(http, writer, key, body)
                        assert await write(http, writer, key, body)

    assert lost > 0
    told: defaultdict[int, int] = defaultdict(int)
    for place, (writer, subject) in enumerate(zip(writers, subjects, strict=True)):
        assert writer.acknowledged
        party = (await town.client("news-web")).client.party
        ids = [
            public_decision_id(town.context, party, decision.id)
            for decision in await town.history(subject)
        ]
        for answered in writer.acknowledged.values():
            assert ids.count(answered["decision"]) == 1
            told[place] += 1
        # A request that was cancelled by the test itself may have counted, and never twice.
        assert len(set(ids)) == len(ids)
        assert 0 <= len(ids) - told[place] <= ROUNDS
    verified = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "consentid", "ledger", "verify", "--projection"],
        env=environ(town_urls, founded.keys),
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
    )
    assert verified.returncode == 0, verified
