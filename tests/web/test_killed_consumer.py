"""A consumer that is killed again and again, and stays away, ends with what the database says."""

import json
import random
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.flows.readers import NEWS, consumer
from tests.web.hub import Hub
from tests.web.test_events import opened_by_owner, pump

from consentid.flows.register_client import add_client

PROGRAM = Path(__file__).with_name("feed_consumer.py")
KILLS = 4
ABSENT = 12
"""Acts of each person while nobody reads."""


async def _register(hub: Hub) -> str:
    opened = opened_by_owner(hub)
    made = await add_client(
        opened.context.database,
        consumer("news-lake", NEWS),
        randomness=opened.context.randomness,
    )
    await opened.close()
    assert made is not None
    return made.secret


@contextmanager
def reading(hub: Hub, file: Path, **environ: str) -> Generator["subprocess.Popen[str]"]:
    """The consumer as a process, which is killed in the end."""
    token = hub.client_token("news-lake")["Authorization"].removeprefix("Bearer ")
    process = subprocess.Popen(  # noqa: S603 our own program
        [sys.executable, "-I", str(PROGRAM), hub.url, str(file)],
        env={"TOKEN": token, **environ},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def what_holds(hub: Hub) -> dict[tuple[str, str], tuple[int, Any]]:
    found: dict[tuple[str, str], tuple[int, Any]] = {}
    page: dict[str, Any] = {"next": None}
    while True:
        query = {} if page["next"] is None else {"page": page["next"]}
        headers = hub.client_token("news-lake")
        page = hub.http.get("/v1/events/snapshot", headers=headers, params=query).json()
        for person in page["subjects"]:
            for each in person["effective"]:
                key = (person["subject"], "/".join([each["party"], *each["via"]]))
                found[key] = (each["revision"], each["now"])
        if page["next"] is None:
            return found


def choose(hub: Hub, person: dict[str, str], draw: random.Random) -> None:
    purpose, outcome = draw.choice(["ads", "content"]), draw.choice(["granted", "refused"])
    hub.decide(person, choices=[{"purpose": purpose, "outcome": outcome}])


def test_a_consumer_that_is_killed_and_stays_away_ends_with_what_holds(
    hub: Hub, tmp_path: Path
) -> None:
    hub.secrets = {**hub.secrets, "news-lake": hub.asking.call(_register, hub)}
    draw, file = random.Random(11), tmp_path / "kept.sqlite"  # noqa: S311 - a test's dice
    people = [hub.sign_in() for _ in range(3)]
    for _ in range(KILLS):
        with reading(hub, file) as process:
            assert process.stdout is not None
            for _ in range(draw.randrange(3)):
                choose(hub, draw.choice(people), draw)
                pump(hub)
                assert process.stdout.readline()
    for person in people * ABSENT:
        choose(hub, person, draw)
    pump(hub)
    with reading(hub, file, ONCE="yes") as process:
        assert process.wait(timeout=120) == 0
    with sqlite3.connect(file) as kept:
        places = [each for (each,) in kept.execute("SELECT sequence FROM seen ORDER BY sequence")]
        held = {
            (subject, line): (revision, json.loads(now))
            for subject, line, revision, now in kept.execute("SELECT * FROM standing")
        }
    kept.close()
    assert places == list(range(places[0], places[0] + len(places)))
    assert len(places) >= len(people) * ABSENT
    assert held == what_holds(hub)
