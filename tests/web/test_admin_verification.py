"""``/v1/admin/verification``: checked beside who is served, for as long as somebody listens."""

import json
import os
import signal
from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
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
from consentid.ledger.note import COSIGNATURE, NoteKey, format_key

ASKS: Final = program_of(Scope.ADMIN_VERIFY)


@pytest.fixture(scope="module")
def sound(
    module_database_urls: DatabaseUrls,
    valkey_url: str,
    portal: tuple[str, RSAKey],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Hub]:
    """A hub of which all is well."""
    folder = tmp_path_factory.mktemp("verified")
    with running_hub(folder, module_database_urls, portal, valkey_url=valkey_url) as hub:
        for _ in range(3):
            hub.decide()
        sequenced(hub)
        yield add_programs(hub)


@pytest.fixture(autouse=True)
def unlimited(valkey_url: str) -> None:
    forget(valkey_url, "limit:verification:*")


def verify(hub: Hub, **body: object) -> httpx2.Response:
    return call(hub, Scope.ADMIN_VERIFY, "verification", "POST", json=body)


def told(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def listening(hub: Hub) -> AbstractContextManager[httpx2.Response]:
    headers = hub.client_token(ASKS)
    return hub.http.stream("POST", f"{ADMIN}/verification", json={}, headers=headers)


def test_what_is_whole_is_told_to_be_with_how_much_it_is(sound: Hub) -> None:
    begun, *between, verdict = told(verify(sound))
    assert (begun["is"], verdict["is"]) == ("begun", "verdict")
    assert begun["entries"] == verdict["entries"] > 3
    assert (verdict["whole"], verdict["faults"]) == (True, 0)
    assert verdict["decisions"] == 3
    assert [each["part"] for each in between] == ["log", "projection", "tokens"]
    assert newest_act(sound) == {"act": "ledger/verify", "by": f"client:{ASKS}", "only": None}
    assert between[0]["done"] == verdict["entries"]


def test_what_is_not_what_it_was_is_named(sound: Hub) -> None:
    checkpoint = sound.http.get("/v1/ledger/checkpoint").text
    spoilt = checkpoint.replace(checkpoint.splitlines()[2], "A" * 43 + "=")
    witness = format_key(NoteKey(name="witness.example/w1", public=bytes(32), kind=COSIGNATURE))
    policy = {"quorum": 1, "witnesses": [witness]}
    kept = [checkpoint, spoilt]
    found = told(verify(sound, only="log", checkpoints=kept, policy=policy))
    *faults, progress, verdict = found[1:]
    assert {each["is"] for each in faults} == {"fault"}
    messages = [each["message"] for each in faults]
    assert any("checkpoints[0]" in each and "0 of 1 cosignatures" in each for each in messages)
    assert any("checkpoints[1]" in each and "signature" in each for each in messages)
    assert (progress["faults"], verdict["faults"]) == (len(faults), len(faults))
    assert (verdict["whole"], verdict["decisions"]) == (False, 0)


def test_what_cannot_be_meant_is_refused_before_anything_is_checked(sound: Hub) -> None:
    before = sound.rows("SELECT count(*) FROM entry_bodies")
    log = sound.http.get("/v1/ledger/key").text.strip()
    for body, place in (
        ({"only": "all"}, "only"),
        ({"checkpoints": [1]}, "checkpoints[0]"),
        ({"policy": {"quorum": 1, "witnesses": [log]}}, "policy: witnesses[0]"),
        ({"tables": True}, "tables"),
    ):
        answer = verify(sound, **body)
        assert answer.status_code == 422, answer.text
        assert answer.json()["where"].endswith(place), answer.text
    assert call(sound, Scope.ADMIN, "verification", "POST").status_code == 403
    assert sound.rows("SELECT count(*) FROM entry_bodies") == before


def child_of(hub: Hub) -> int:
    """The process that verifies."""
    (found,) = (
        int(each.parent.name)
        for each in Path("/proc").glob("[0-9]*/cmdline")
        if b"ledger_lines" in _read(each)
        and f"\nPPid:\t{hub.pid}\n".encode() in _read(each.parent / "status")
    )
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it has ended


@asynccontextmanager
async def _locked(hub: Hub) -> AsyncGenerator[None]:
    """Nobody reads on beyond this while it lasts, but for five seconds."""
    async with hub.owner.begin() as connection:
        await connection.execute(text("LOCK TABLE notice_pictures IN ACCESS EXCLUSIVE MODE"))
        yield


def test_one_runs_at_a_time_and_ends_with_who_leaves(sound: Hub) -> None:
    with sound.asking.wrap_async_context_manager(_locked(sound)), listening(sound) as heard:
        lines = heard.iter_lines()  # let go it would leave
        assert json.loads(next(lines))["is"] == "begun"
        child = child_of(sound)
        os.kill(child, signal.SIGSTOP)  # by itself it never ends
        again = verify(sound)
        assert (again.status_code, again.json()["code"]) == (429, "verification_under_way")
        assert int(again.headers["retry-after"]) >= 1
    while Path(f"/proc/{child}").exists():
        assert sound.http.get("/health/live").is_success
    answer = verify(sound)
    while answer.status_code == 429 and answer.json()["code"] == "verification_under_way":
        answer = verify(sound, only="log")  # until the database has noticed, too
    assert told(answer)[-1]["whole"] is True


def test_where_it_is_killed_that_is_the_last_word(sound: Hub) -> None:
    with sound.asking.wrap_async_context_manager(_locked(sound)), listening(sound) as heard:
        lines = heard.iter_lines()
        next(lines)
        os.kill(child_of(sound), signal.SIGKILL)
        last = json.loads([*lines][-1])
    assert (last["is"], last["code"]) == ("broken", "verification_ended")
