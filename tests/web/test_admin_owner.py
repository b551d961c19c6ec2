"""``/v1/admin``: what takes the owner's database besides clients and configuration.

Erasures that end, and codes that let an operator in.
"""

from typing import Any, Final

import httpx2
import pytest
from tests.web.hub import Hub, bearer, forget
from tests.web.pages.centre import Person as Browser
from tests.web.pages.visits import origin_of
from tests.web.programs import program_of
from tests.web.test_administration import call, newest_act
from tests.web.test_events import opened_by_owner

from consentid.brandbook.client import ADMINISTRATION, Scope
from consentid.flows.drain_outbox import drain_outbox

SHRED: Final = "erasures/shred"
NOBODYS: Final = "01890000-0000-7000-8000-000000000000"
LET_IN: Final = "operations/let-in"


@pytest.fixture(autouse=True, scope="module")
def uncounted(valkey_url: str) -> None:
    """What other files' tests made counts for nobody here."""
    forget(valkey_url, "limit:operator_codes:*")


def shred(hub: Hub, **body: Any) -> httpx2.Response:
    return call(hub, Scope.ADMIN_ERASURES, SHRED, "POST", json=body)


def set_aside(hub: Hub) -> str:
    """Somebody who is to be forgotten in a month; the erasure."""
    hub.rows(
        "UPDATE clients SET scopes = array_append(scopes, 'erasure') WHERE client_id = 'news-web'"
        " AND NOT 'erasure' = ANY (scopes)"
    )
    headers = hub.sign_in()
    hub.decide(headers)
    answer = hub.http.post("/v1/erasure", json={"reason": "objection"}, headers=headers)
    hub.asking.call(tell, hub)
    return str(answer.json()["erasure"])


async def tell(hub: Hub) -> None:
    """Whoever is to be told is told first, which a worker does."""
    opened = opened_by_owner(hub)
    while await drain_outbox(opened.context):
        pass
    await opened.close()


def waiting(hub: Hub) -> list[str]:
    return [each["erasure"] for each in call(hub, Scope.ADMIN, "erasures").json()["pending"]]


def test_who_is_due_is_destroyed_and_who_is_not_waits(inside: Hub) -> None:
    due, later = set_aside(inside), set_aside(inside)
    inside.rows(f"UPDATE erasures SET shred_at = restricted_at WHERE id = '{due}'")
    done = shred(inside)
    assert (done.status_code, done.json()) == (200, {"shredded": 1, "more": False}), done.text
    assert done.headers["cache-control"] == "no-store"
    by = f"client:{program_of(Scope.ADMIN_ERASURES)}"
    assert newest_act(inside) == {"act": "subjects/shred", "by": by}
    assert waiting(inside) == [later]
    assert shred(inside).json() == {"shredded": 0, "more": False}

    early = shred(inside, erasure=later)
    assert early.json() == {"shredded": 1, "more": False}
    assert newest_act(inside) == {"act": "subjects/shred", "by": by, "erasure": later}
    assert waiting(inside) == []
    ((keys,),) = inside.rows(
        "SELECT count(*) FROM subject_keys JOIN erasures USING (subject_id) "
        f"WHERE id IN ('{due}', '{later}')"
    )
    assert keys == 0


def test_an_erasure_that_does_not_wait_is_told_and_nothing_is_noted(inside: Hub) -> None:
    erasure = set_aside(inside)
    assert shred(inside, erasure=erasure).json()["shredded"] == 1
    before = inside.counts()
    for unknown in (erasure, NOBODYS):
        refused = shred(inside, erasure=unknown)
        told = refused.json()
        assert (refused.status_code, told["code"], told["where"]) == (
            404,
            "erasure_unknown",
            "erasure",
        )
        assert unknown not in refused.text
    for name, value in (("erasure", "nobody"), ("erasures", True), ("erasure", 7)):
        assert shred(inside, **{name: value}).status_code == 422
    assert {**inside.counts(), "access_tokens": 0} == {**before, "access_tokens": 0}


def test_a_code_by_program_lets_an_operator_in_once(inside: Hub) -> None:
    made = call(inside, Scope.ADMIN_LET_IN, LET_IN, "POST")
    assert made.status_code == 201, made.text
    assert made.headers["cache-control"] == "no-store"
    assert newest_act(inside) == {
        "act": "operations/let-in",
        "by": f"client:{program_of(Scope.ADMIN_LET_IN)}",
    }
    code = made.json()["code"]
    for is_first in (True, False):
        with httpx2.Client(base_url=inside.url) as http:
            page = http.get("/operations")
            visitor = Browser(http=http, origin=origin_of(inside), page=page)
            answer = visitor.send({**visitor.hidden, "code": code}, path="/operations/sign-in")
            assert (answer.headers.get("location") == "/operations") is is_first, answer.status_code
    assert code not in inside.log.read_text()
    rows = inside.rows("SELECT encode(body, 'escape') FROM entry_bodies WHERE kind = 'admin'")
    assert not any(code in body for (body,) in rows)


def test_codes_are_bounded(inside: Hub, valkey_url: str) -> None:
    forget(valkey_url, "limit:operator_codes:*")
    answers = [call(inside, Scope.ADMIN_LET_IN, LET_IN, "POST") for _ in range(11)]
    assert [each.status_code for each in answers] == [201] * 10 + [429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 900
    assert len({each.json()["code"] for each in answers[:-1]}) == 10


@pytest.mark.parametrize(
    ("path", "needed"),
    [(SHRED, Scope.ADMIN_ERASURES), (LET_IN, Scope.ADMIN_LET_IN)],
)
def test_each_takes_its_own_scope_and_the_owners_database(
    inside: Hub, programs: Hub, path: str, needed: Scope
) -> None:
    for scope in ADMINISTRATION - {needed}:
        refused = call(inside, scope, path, "POST")
        assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert inside.http.post(f"/v1/admin/{path}", json={}).status_code == 401
    person = inside.sign_in()
    assert inside.http.post(f"/v1/admin/{path}", json={}, headers=person).status_code == 403
    device = bearer(inside.device())
    assert inside.http.post(f"/v1/admin/{path}", json={}, headers=device).status_code == 401
    elsewhere = call(programs, needed, path, "POST")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "admin_database_unset")
