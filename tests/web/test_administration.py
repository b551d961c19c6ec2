"""``/v1/admin``: programs of the group's staff see and do what their scope says, in the log."""

import json
from typing import Any, Final

import httpx2
import pytest
from litestar.handlers import HTTPRouteHandler
from tests.flows.readers import NEWS, consumer
from tests.web.hub import Hub, fresh_key
from tests.web.pages.centre import Person
from tests.web.pages.test_operations import NOBODY, prepared_endpoint, state_of_event
from tests.web.programs import program_of
from tests.web.tablets import CLIENT
from tests.web.test_captures import capture
from tests.web.test_events import opened_by_owner

from consentid.brandbook.client import ADMINISTRATION, Scope
from consentid.flows.register_client import add_client
from consentid.flows.staff import MAY, SCOPE_OF, Verb
from consentid.kit.errors import MalformedError
from consentid.web.routes import HANDLERS

ADMIN: Final = "/v1/admin"
EVENT: Final = "given-up-for-a-program"
ACTS: Final = {
    "DELETE /v1/admin/devices/{device:str}": "field/revoke",
    "DELETE /v1/admin/webhooks/{number:int}": "endpoint/remove",
    "GET /operations/callback": "staff/sign-in",
    "POST /operations": "endpoint/redrive, endpoint/enable, endpoint/test",
    "POST /operations/sign-in": "staff/sign-in",
    "POST /operations/support": "support/look-up",
    "POST /v1/admin/captures/{capture:str}/{act:str}": "capture/release, capture/discard",
    "POST /v1/admin/catalogues": "brands/apply",
    "POST /v1/admin/clients": "client/add",
    "POST /v1/admin/clients/{client_id:str}/secret": "client/rotate",
    "POST /v1/admin/evidence": "ledger/prove",
    "POST /v1/admin/export": "ledger/export",
    "POST /v1/admin/erasures/shred": "subjects/shred",
    "POST /v1/admin/keys/affected": "keys/affected",
    "POST /v1/admin/keys/revoke": "keys/revoke",
    "POST /v1/admin/keys/rotate": "keys/rotate",
    "POST /v1/admin/operations/let-in": "operations/let-in",
    "POST /v1/admin/notices/pictures": "notice/picture",
    "POST /v1/admin/webhooks": "endpoint/add",
    "POST /v1/admin/webhooks/{number:int}/deliveries": "endpoint/replay",
    "POST /v1/admin/webhooks/{number:int}/secrets": "endpoint/rotate",
    "POST /v1/admin/endpoints/{number:int}/{act:str}": "endpoint/disable, and as the page's",
    "POST /v1/admin/support": "support/look-up",
    "POST /v1/admin/verification": "ledger/verify",
}
"""Where an administrator acts, and what the log says of it: tested here and in ``pages``."""
NO_ACTS: Final = {"POST /operations/sign-out": "ends one's own session"}
"""Where nothing is in the log, and why."""
READS: Final = (
    *("acts", "catalogues", "clients", "systems", "webhooks", "captures", "devices", "erasures"),
    *("keys", "notices"),
)


@pytest.fixture(scope="module")
def endpoint(programs: Hub) -> int:
    return prepared_endpoint(programs, "program-crm", EVENT)


def call(hub: Hub, scope: Scope, path: str, method: str = "GET", **sent: Any) -> httpx2.Response:
    headers = hub.client_token(program_of(scope))
    if method == "POST":
        sent.setdefault("json", {})
    return hub.http.request(method, f"{ADMIN}/{path}", headers=headers, **sent)


def newest_act(hub: Hub) -> dict[str, Any]:
    found = call(hub, Scope.ADMIN, "acts").json()["acts"][0]
    return {"act": found["act"], "by": found["by"], **found["about"]}


def test_every_verb_has_a_scope_and_every_scope_a_verb() -> None:
    assert SCOPE_OF.keys() == set(Verb)
    assert set(SCOPE_OF.values()) == ADMINISTRATION
    assert all(verbs <= set(Verb) for verbs in MAY.values())


def test_every_way_to_act_is_in_the_log_or_says_why_not() -> None:
    found: set[str] = set()
    for handler in HANDLERS:
        assert isinstance(handler, HTTPRouteHandler)
        paths = (each for each in handler.paths if each.startswith(("/operations", ADMIN)))
        methods = handler.http_methods - {"GET", "HEAD", "OPTIONS"}
        found |= {f"{method} {path}" for path in paths for method in methods}
    assert found == {each for each in ACTS.keys() | NO_ACTS.keys() if not each.startswith("GET")}


def test_what_is_seen_takes_the_scope_to_see_and_holds_no_secret(
    programs: Hub, endpoint: int
) -> None:
    for what in READS:
        answer = call(programs, Scope.ADMIN, what)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert not any(secret in answer.text for secret in programs.secrets.values())
        assert NOBODY not in answer.text
        for scope in ADMINISTRATION - {Scope.ADMIN}:
            assert call(programs, scope, what).status_code == 403
        assert call(programs, Scope.ADMIN, what, params={"brand": "news"}).status_code == 422
    systems = call(programs, Scope.ADMIN, "systems").json()["systems"]
    assert f"webhook:{endpoint}" in {each["system"] for each in systems}
    (version,) = call(programs, Scope.ADMIN, "catalogues").json()["versions"]
    assert version["changes"] == ["the first version: 22 purposes, 3 brands, 2 partners"]
    clients = call(programs, Scope.ADMIN, "clients").json()
    assert {"brand/news", "partner/reach"} <= {each["party"] for each in clients["parties"]}
    found = {each["client_id"]: each for each in clients["clients"]}
    assert found[program_of(Scope.ADMIN)]["scopes"] == ["admin"]
    assert found["news-web"]["source"] == "files"


def test_acts_are_told_page_by_page(programs: Hub, endpoint: int) -> None:
    for _ in range(51):
        assert call(
            programs, Scope.ADMIN_DELIVERIES, f"endpoints/{endpoint}/redrive", "POST"
        ).is_success
    first = call(programs, Scope.ADMIN, "acts").json()
    second = call(programs, Scope.ADMIN, "acts", params={"before": first["next"]}).json()
    entries = [each["entry"] for each in (*first["acts"], *second["acts"])]
    assert len(first["acts"]) == 50
    assert entries == sorted(entries, reverse=True)
    assert len(set(entries)) == len(entries)
    assert call(programs, Scope.ADMIN, "acts", params={"before": "x"}).status_code in (400, 422)


def test_an_endpoint_is_enabled_disabled_tried_and_driven_again(
    programs: Hub, endpoint: int
) -> None:
    programs.rows(f"UPDATE webhook_deliveries SET state = 'dead' WHERE id = '{EVENT}'")
    by = f"client:{program_of(Scope.ADMIN_DELIVERIES)}"
    told: dict[str, dict[str, Any]] = {}
    for act in ("disable", "enable", "test", "redrive"):
        path = f"endpoints/{endpoint}/{act}"
        assert call(programs, Scope.ADMIN, path, "POST").status_code == 403
        answer = call(programs, Scope.ADMIN_DELIVERIES, path, "POST")
        assert answer.status_code == 200, answer.text
        told[act] = answer.json()
        done = newest_act(programs)
        assert (done["act"], done["by"], done["endpoint"]) == (f"endpoint/{act}", by, endpoint)
    assert told["test"]["is_taken"] is False
    assert told["redrive"] == {"endpoint": endpoint, "events": 1, "outcome": None, "is_taken": None}
    assert state_of_event(programs, EVENT) == "pending"
    for path in ("endpoints/999999/redrive", f"endpoints/{endpoint}/remove"):
        assert call(programs, Scope.ADMIN_DELIVERIES, path, "POST").status_code == 404


def test_a_webhook_is_set_up_given_new_secrets_sent_again_and_removed(
    programs: Hub, endpoint: int
) -> None:
    assert endpoint  # its client has an event

    def act(path: str, method: str = "POST", **body: Any) -> httpx2.Response:
        sent = {} if method == "DELETE" else {"json": body}
        assert call(programs, Scope.ADMIN_DELIVERIES, path, method, **sent).status_code == 403
        return call(programs, Scope.ADMIN_ENDPOINTS, path, method, **sent)

    by = f"client:{program_of(Scope.ADMIN_ENDPOINTS)}"
    url = f"{NOBODY}/key"
    added = act("webhooks", client_id="program-crm", url=url, brands=["news"], kinds=["consent"])
    assert added.status_code == 201, added.text
    assert added.headers["cache-control"] == "no-store"
    number, secret = added.json()["endpoint"], added.json()["secret"]
    assert newest_act(programs)["act"] == "endpoint/add"
    rotated = act(f"webhooks/{number}/secrets", overlap_hours=1)
    assert rotated.status_code == 201, rotated.text
    assert rotated.json()["secret"] != secret
    kept = programs.rows(
        "SELECT expires_at IS NULL FROM webhook_secrets"
        f" WHERE endpoint_no = {number} ORDER BY secret_no"
    )
    assert [each for (each,) in kept] == [False, False, True, True]
    done = newest_act(programs)
    assert (done["act"], done["by"], done["client"]) == ("endpoint/rotate", by, "program-crm")
    shown = call(programs, Scope.ADMIN, "webhooks")
    found = {each["endpoint"]: each for each in shown.json()["endpoints"]}[number]
    assert (found["host"], found["disabled"]) == ("127.0.0.1", None)
    assert found["filters"] == {"brands": ["news"], "kinds": ["consent"]}
    assert "/key" not in shown.text
    path = f"webhooks/{number}/deliveries"
    ranged = {"json": {"first": 1, "last": 9}}
    assert call(programs, Scope.ADMIN_ENDPOINTS, path, "POST", **ranged).status_code == 403
    replayed = call(programs, Scope.ADMIN_DELIVERIES, path, "POST", **ranged)
    assert replayed.json() == {"endpoint": number, "events": 1}, replayed.text
    assert newest_act(programs)["act"] == "endpoint/replay"
    (sent,) = call(programs, Scope.ADMIN, path).json()["deliveries"]
    assert (sent["sequence"], sent["id"]) == (1, EVENT)
    dead = call(programs, Scope.ADMIN, path, params={"dead": "true"})
    assert dead.json() == {"deliveries": []}
    assert act(f"webhooks/{number}", "DELETE").status_code == 204
    assert newest_act(programs)["act"] == "endpoint/remove"
    for gone in (f"webhooks/{number}/secrets", path):
        scope = Scope.ADMIN_ENDPOINTS if "secrets" in gone else Scope.ADMIN_DELIVERIES
        answer = call(programs, scope, gone, "POST", **(ranged if gone == path else {}))
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"client_id": "nobody-at-all"}, 404, "client_unknown"),
        ({"client_id": "program-admin"}, 404, "client_unknown"),
        ({"url": "ftp://crm.example/"}, 422, "bad_webhook_url"),
        ({"url": "https://10.0.0.1/"}, 422, "endpoint_not_public"),
        ({"kinds": ["gossip"]}, 422, "invalid_body"),
        ({"filters": {}}, 422, "invalid_body"),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused_by_its_place(
    programs: Hub, endpoint: int, changed: dict[str, Any], status: int, code: str
) -> None:
    assert endpoint  # its client may read events
    wanted = {"client_id": "program-crm", "url": NOBODY, **changed}
    answer = call(programs, Scope.ADMIN_ENDPOINTS, "webhooks", "POST", json=wanted)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_what_is_held_is_released_or_discarded(programs: Hub) -> None:
    made = [capture(programs).json()["capture"] for _ in range(2)]
    programs.rows("UPDATE captures SET state = 'held' WHERE state = 'pending'")
    held = call(programs, Scope.ADMIN, "captures").json()["captures"]
    assert len(held) >= len(made)
    by = f"client:{program_of(Scope.ADMIN_CAPTURES)}"
    for each, act, state in zip(
        held, ("release", "discard"), ("pending", "discarded"), strict=False
    ):
        path = f"captures/{each['capture']}/{act}"
        assert call(programs, Scope.ADMIN, path, "POST").status_code == 403
        answer = call(programs, Scope.ADMIN_CAPTURES, path, "POST")
        assert answer.json() == {"capture": each["capture"], "state": state}, answer.text
        done = newest_act(programs)
        assert (done["act"], done["by"]) == (f"capture/{act}", by)
        again = call(programs, Scope.ADMIN_CAPTURES, path, "POST")
        assert again.json()["state"] == state
    nobodys = "captures/01890000-0000-7000-8000-000000000000/release"
    assert call(programs, Scope.ADMIN_CAPTURES, nobodys, "POST").status_code == 404
    unknown = f"captures/{held[0]['capture']}/keep"
    assert call(programs, Scope.ADMIN_CAPTURES, unknown, "POST").status_code == 404


def test_a_lost_device_of_any_client_is_revoked(programs: Hub) -> None:
    headers = {**programs.client_token(CLIENT), **fresh_key()}
    made = programs.http.post("/v1/field/devices", json={"name": "Tablet 7"}, headers=headers)
    device = made.json()["device"]
    assert newest_act(programs) == {
        "act": "field/invite",
        "by": f"client:{CLIENT}",
        "client": CLIENT,
        "device": device,
    }
    path = f"devices/{device}"
    assert call(programs, Scope.ADMIN, path, "DELETE").status_code == 403
    assert call(programs, Scope.ADMIN_DEVICES, path, "DELETE").status_code == 204
    assert newest_act(programs)["by"] == f"client:{program_of(Scope.ADMIN_DEVICES)}"
    found = call(programs, Scope.ADMIN, "devices").json()["devices"]
    assert {each["device"]: each["state"] for each in found}[device] == "revoked"
    assert call(programs, Scope.ADMIN_DEVICES, "devices/nothing", "DELETE").status_code == 404


def test_a_program_sees_somebody_by_their_code_once_and_they_see_that_it_looked(
    programs: Hub,
) -> None:
    with httpx2.Client(base_url=programs.url) as http:
        person = Person.arrive(programs, http)
        person.answer("granted", "content")
        person.look("/preferences/support")
        page = person.send(person.hidden, path="/preferences/support").text
        code = page.partition('<p class="code shown">')[2].partition("<")[0]
        looking = {"json": {"code": code}}
        assert call(programs, Scope.ADMIN, "support", "POST", **looking).status_code == 403
        answer = call(programs, Scope.ADMIN_SUPPORT, "support", "POST", **looking)
        assert answer.status_code == 200, answer.text
        seen = answer.json()
        (decision,) = seen["decisions"]
        assert (seen["of"], decision["granted"], decision["reach"]) == (
            "device",
            ["content"],
            "group",
        )
        news = {
            each["purpose"]: one["permitted"]
            for each in seen["purposes"]
            for one in each["parties"]
            if one["party"] == "brand/news"
        }
        assert news["content"] is True
        assert call(programs, Scope.ADMIN_SUPPORT, "support", "POST", **looking).status_code == 404
        told = person.look("/preferences/reads?lang=en").text
        assert "looked at your choices, by a code of yours" in told
        assert "Halcyon News" in told
    subjects = programs.rows("SELECT subject_id FROM reads WHERE kind = 'support'")
    assert not any(str(subject) in json.dumps(seen) for (subject,) in subjects)


async def _declare(hub: Hub, *scopes: Scope) -> None:
    opened = opened_by_owner(hub)
    declared = consumer("program-of-all", NEWS, scopes=frozenset(scopes))
    try:
        await add_client(opened.context.database, declared, randomness=opened.context.randomness)
    finally:
        await opened.close()


def test_no_client_of_a_brand_is_an_administrator_beside(hub: Hub) -> None:
    with pytest.raises(MalformedError, match="for administration alone"):
        hub.asking.call(_declare, hub, Scope.ADMIN_SUPPORT, Scope.DECISIONS_READ)
