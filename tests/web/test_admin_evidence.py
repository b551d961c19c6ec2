"""``/v1/admin/evidence``: what a person decided is proven for who names them, and they see it."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx2
import pytest
from joserfc.jwk import RSAKey
from tests.web.hub import Hub, forget, in_charge, running_hub
from tests.web.hub import Person as Customer
from tests.web.pages.centre import Person
from tests.web.programs import add_programs, program_of
from tests.web.test_administration import call, newest_act
from tests.web.test_events import opened_by_owner
from tests.web.test_ledger import sequenced

from consentid.brandbook.client import Scope
from consentid.core.decision import SubjectId
from consentid.embedded.postgres import DatabaseUrls
from consentid.flows.restrict_subject import OPERATOR, Asked, Reason, restrict_subject

TAKER: Final = program_of(Scope.ADMIN_EVIDENCE)


@pytest.fixture(autouse=True)
def unlimited(valkey_url: str) -> None:
    forget(valkey_url, "limit:evidence*")


def ask(hub: Hub, name: object) -> httpx2.Response:
    return call(hub, Scope.ADMIN_EVIDENCE, "evidence", "POST", json={"name": name})


def decided(hub: Hub, who: Customer | None = None) -> tuple[str, str]:
    """Of somebody new: their subject, and a decision that is in the log."""
    record = hub.decide(None if who is None else hub.sign_in(who))["receipt"]["record"]
    sequenced(hub)
    return subject_of(hub, record["id"]), record["id"]


def subject_of(hub: Hub, decision: str) -> str:
    ((subject,),) = hub.rows(f"SELECT subject_id FROM decisions WHERE id = '{decision}'")
    return str(subject)


def manifest_of(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return json.loads(archive.read("evidence/manifest.json"))


def test_evidence_is_the_zip_that_the_command_writes_and_checks_itself(
    programs: Hub, tmp_path: Path
) -> None:
    who = Customer()
    subject, decision = decided(programs, who)
    for name in (decision, subject, f"portal:{who.sub}"):
        answer = ask(programs, name)
        assert manifest_of(answer)["decisions"] == [decision]
        assert answer.headers["content-type"] == "application/zip"
        assert answer.headers["cache-control"] == "no-store"
        assert newest_act(programs) == {"act": "ledger/prove", "by": f"client:{TAKER}"}
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(  # noqa: S603 our own program
        [sys.executable, tmp_path / "evidence/verify.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "ALL OF IT HOLDS" in done.stdout) == (0, True), done
    for scope in (Scope.ADMIN, Scope.ADMIN_SUPPORT):
        refused = call(programs, scope, "evidence", "POST", json={"name": decision})
        assert refused.status_code == 403


def test_the_person_sees_who_took_it(programs: Hub) -> None:
    with httpx2.Client(base_url=programs.url) as http:
        person = Person.arrive(programs, http)
        person.answer("granted", "content")
        sequenced(programs)
        ((decision,),) = programs.rows("SELECT id FROM decisions ORDER BY recorded_at DESC LIMIT 1")
        assert ask(programs, str(decision)).status_code == 200
        told = person.look("/preferences/reads?lang=en").text
    assert "Halcyon News" in told
    subject = subject_of(programs, str(decision))
    rows = programs.rows(f"SELECT client_id, kind FROM reads WHERE subject_id = '{subject}'")
    assert (TAKER, "proof") in [tuple(row) for row in rows]


def test_nobody_is_found_who_is_not_named_exactly(programs: Hub, valkey_url: str) -> None:
    """Somebody who decided nothing, and nobody at all: one answer, and nothing is noted."""
    programs.sign_in(known := Customer())
    before = programs.rows("SELECT count(*) FROM entry_bodies")
    names = (
        "01890000-0000-7000-8000-000000000000",
        f"portal:{known.sub}",
        "portal:nobody",
        "portal:",
        "%",
        "nonsense",
    )
    answers = [ask(programs, name) for name in names]
    assert {each.status_code for each in answers} == {404}
    assert {each.text for each in answers} == {answers[0].text}
    assert answers[0].json()["code"] == "evidence_unknown"
    assert programs.rows("SELECT count(*) FROM entry_bodies") == before
    assert [ask(programs, each).status_code for each in ("a", "b", "c", "d", "e")][-1] == 429
    forget(valkey_url, "limit:evidence*")
    for body in ({}, {"name": ""}, {"name": 1}, {"name": "x", "brand": "news"}):
        answer = call(programs, Scope.ADMIN_EVIDENCE, "evidence", "POST", json=body)
        assert answer.status_code == 422, body


def test_what_is_not_in_the_log_yet_is_asked_for_again(programs: Hub) -> None:
    record = programs.decide()["receipt"]["record"]
    before = programs.rows("SELECT count(*) FROM entry_bodies")
    answer = ask(programs, record["id"])
    assert (answer.status_code, answer.json()["code"]) == (503, "entry_waiting")
    assert int(answer.headers["retry-after"]) >= 1
    assert programs.rows("SELECT count(*) FROM entry_bodies") == before
    sequenced(programs)
    assert manifest_of(ask(programs, record["id"]))["decisions"] == [record["id"]]


@pytest.fixture(scope="module")
def inside(
    module_database_urls: DatabaseUrls,
    valkey_url: str,
    portal: tuple[str, RSAKey],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Hub]:
    """A hub whose process has the owner's database."""
    with running_hub(
        tmp_path_factory.mktemp("evidence"),
        module_database_urls,
        portal,
        valkey_url=valkey_url,
        settings=in_charge(module_database_urls),
    ) as hub:
        yield add_programs(hub)


async def _set_aside(hub: Hub, subject: str) -> None:
    opened = opened_by_owner(hub)
    asked = Asked(reason=Reason.OBJECTION, asked_by=OPERATOR)
    try:
        async with opened.context.database.writing() as connection:
            found = SubjectId(UUID(subject))
            assert await restrict_subject(opened.context, connection, found, asked)
    finally:
        await opened.close()


def test_who_is_set_aside_is_proven_by_the_owners_process_alone(inside: Hub, programs: Hub) -> None:
    for hub, status in ((programs, 404), (inside, 200)):
        subject, decision = decided(hub)
        hub.asking.call(_set_aside, hub, subject)
        answer = ask(hub, decision)
        assert answer.status_code == status, answer.text
    assert manifest_of(answer)["decisions"] == [decision]
