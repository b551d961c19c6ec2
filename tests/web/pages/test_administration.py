"""The administration where staff sign in at their own issuer: who gets in, and who may do what."""

import json
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from joserfc.jwk import RSAKey
from playwright.sync_api import Browser
from tests.web.hub import Hub, fresh_key, in_charge, running_hub
from tests.web.pages.centre import Person, told
from tests.web.pages.test_operations import EVENT, NOBODY, PATH, new_code, prepared_endpoint
from tests.web.pages.test_preferences_in_browser import browser, faults_of, visiting
from tests.web.pages.test_preferences_lists import ENGLISH
from tests.web.pages.visits import origin_of
from tests.web.programs import add_programs
from tests.web.staff_issuer import CLIENT_ID, SECRET, StaffIssuer, running_staff_issuer
from tests.web.tablets import CLIENT
from tests.web.test_administration import call
from tests.web.test_captures import capture

from consentid.brandbook.client import Scope
from consentid.embedded.postgres import DatabaseUrls
from consentid.flows.staff import MAY, Verb
from consentid.settings.staff import Role

__all__ = ["browser"]
ROLES = "privacy_officer=dpo,brand_editor=editors,support=desk,auditor=audit,operator=sre,platform"
WORDS = {
    Role.PRIVACY_OFFICER: "dpo",
    Role.BRAND_EDITOR: "editors",
    Role.SUPPORT: "desk",
    Role.AUDITOR: "audit",
    Role.OPERATOR: "platform",
}
PAGES = {
    PATH: Verb.SEE_DELIVERIES,
    f"{PATH}/catalogues": Verb.SEE_CATALOGUES,
    f"{PATH}/acts": Verb.SEE_ACTS,
    f"{PATH}/clients": Verb.SEE_CLIENTS,
    f"{PATH}/captures": Verb.SEE_CAPTURES,
    f"{PATH}/devices": Verb.SEE_DEVICES,
    f"{PATH}/support": Verb.LOOK_UP,
}
ALL = {"", "/catalogues", "/acts", "/clients", "/captures", "/devices"}
SEES = {
    Role.PRIVACY_OFFICER: ALL,
    Role.AUDITOR: ALL,
    Role.OPERATOR: ALL,
    Role.BRAND_EDITOR: {"/catalogues", "/clients"},
    Role.SUPPORT: {"/catalogues", "/support"},
}
"""Written out once more: a table that changes is to be noticed."""


@pytest.fixture(scope="module")
def staff() -> Iterator[StaffIssuer]:
    with running_staff_issuer() as running:
        yield running


@pytest.fixture(scope="module")
def hub(
    module_database_urls: DatabaseUrls,
    valkey_url: str,
    portal: tuple[str, RSAKey],
    staff: StaffIssuer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Hub]:
    """A hub whose staff sign in at an issuer of their own."""
    settings = {
        **in_charge(module_database_urls),
        "CONSENTID_STAFF_ISSUER": staff.issuer,
        "CONSENTID_STAFF_CLIENT_ID": CLIENT_ID,
        "CONSENTID_STAFF_CLIENT_SECRET": SECRET,
        "CONSENTID_STAFF_ROLES_CLAIM": "groups",
        "CONSENTID_STAFF_ROLES": ROLES,
    }
    folder = tmp_path_factory.mktemp("staff")
    with running_hub(
        folder, module_database_urls, portal, valkey_url=valkey_url, settings=settings
    ) as running:
        yield running


@pytest.fixture(scope="module")
def endpoint(hub: Hub) -> int:
    """An endpoint for which one event was given up."""
    return prepared_endpoint(hub)


@contextmanager
def visitor(hub: Hub) -> Generator[Person]:
    with httpx2.Client(base_url=hub.url, headers=ENGLISH) as http:
        yield Person(http=http, origin=origin_of(hub), page=http.get(PATH))


def reach_callback(person: Person, staff: StaffIssuer, **claims: Any) -> str:
    """Sign in at the issuer as somebody, and stop before its answer is brought to the hub."""
    begun = person.look(f"{PATH}/sign-in")
    assert begun.status_code == 303, begun.text
    staff.claims = claims
    sent = urlsplit(begun.headers["location"])
    asked = dict(httpx2.QueryParams(sent.query))
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    assert asked["scope"] == "openid profile"
    back = urlsplit(staff.authorize(asked))
    return f"{back.path}?{back.query}"


def sign_in(person: Person, staff: StaffIssuer, *words: str, **claims: Any) -> httpx2.Response:
    return person.look(reach_callback(person, staff, groups=list(words), **claims))


def acts_of(hub: Hub) -> list[dict[str, Any]]:
    rows = hub.rows(
        "SELECT body FROM entry_bodies JOIN staged_entries USING (event_id)"
        " WHERE entry_bodies.kind = 'admin' ORDER BY event_id"
    )
    return [json.loads(body) for (body,) in rows]


def test_staff_come_in_by_their_issuer_and_are_known_for_an_hour(
    hub: Hub, staff: StaffIssuer, endpoint: int
) -> None:
    with visitor(hub) as person:
        assert "Code" not in told(person.page.text)
        assert f"{PATH}/sign-in" in person.page.text
        answer = sign_in(person, staff, "sre", "cooks", name="Ada Byron", sub="ada.byron")
        assert answer.status_code == 200, answer.text
        assert answer.headers["refresh"] == f"0; url={PATH}"
        (cookie,) = [
            each
            for each in answer.headers.get_list("set-cookie")
            if each.startswith("consentid-operator")
        ]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Max-Age=3600" in cookie
        page = told(person.look(PATH).text)
        assert "Ada Byron operator" in page
        assert f"webhook:{endpoint}" in page
        (kept,) = hub.rows("SELECT who, sealed_name FROM staff_members")
        assert kept.who != b"ada.byron"
        assert b"Ada" not in kept.sealed_name
        person.send({"form_token": person.hidden["form_token"]}, path=f"{PATH}/sign-out")
        assert f"webhook:{endpoint}" not in person.look(PATH).text
        sign_in(person, staff, "sre")
        hub.rows("UPDATE staff_sessions SET expires_at = now()")
        assert f"webhook:{endpoint}" not in person.look(PATH).text
    log = hub.log.read_text().lower()
    assert "ada byron" not in log
    assert "ada.byron" not in log


def test_no_code_opens_anything_where_staff_have_an_issuer(hub: Hub, staff: StaffIssuer) -> None:
    with visitor(hub) as person:
        sign_in(person, staff, "sre")
        person.look(PATH)
        token = {"form_token": person.hidden["form_token"]}
        person.send(token, path=f"{PATH}/sign-out")
        answer = person.send({**token, "code": new_code(hub)}, path=f"{PATH}/sign-in")
        assert answer.status_code == 200
        assert "consentid-operator" not in str(answer.headers)
        assert hub.rows("SELECT count(*) FROM operator_sessions") == [(0,)]
    codes = hub.rows("SELECT count(*) FROM operator_codes")
    refused = call(add_programs(hub), Scope.ADMIN_LET_IN, "operations/let-in", "POST")
    assert (refused.status_code, refused.json()["code"]) == (409, "staff_signs_in")
    assert refused.json()["where"] == "CONSENTID_STAFF_ISSUER"
    assert hub.rows("SELECT count(*) FROM operator_codes") == codes


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"groups": ["cooks"]}, "You have no role here"),
        ({"groups": {"sre": True}}, "You have no role here"),
        ({"roles": ["sre"]}, "You have no role here"),
        ({"groups": ["sre"], "aud": "another"}, "Signing in did not work"),
        ({"groups": ["sre"], "nonce": "another"}, "Signing in did not work"),
        ({"groups": ["sre"], "iss": "http://elsewhere.localhost"}, "Signing in did not work"),
        ({"groups": ["sre"], "exp": 1}, "Signing in did not work"),
    ],
)
def test_whoever_has_no_role_or_no_good_token_gets_a_page_and_no_session(
    hub: Hub, staff: StaffIssuer, claims: dict[str, Any], said: str
) -> None:
    before = hub.rows("SELECT count(*) FROM staff_sessions")
    with visitor(hub) as person:
        answer = person.look(reach_callback(person, staff, **claims))
        assert answer.status_code in (401, 403)
        assert said in told(answer.text)
        assert "consentid-operator" not in str(answer.headers)
        assert "Sign in" in told(person.look(PATH).text)
    assert hub.rows("SELECT count(*) FROM staff_sessions") == before


def test_an_answer_counts_once_in_its_own_browser_from_its_issuer_and_at_its_door(
    hub: Hub, staff: StaffIssuer
) -> None:
    with visitor(hub) as person, visitor(hub) as victim:
        callback = reach_callback(person, staff, groups=["sre"])
        assert victim.look(callback).status_code == 403
        mixed = reach_callback(person, staff, groups=["sre"]).replace("staff.localhost", "else")
        assert person.look(mixed).status_code == 401
        customers = reach_callback(person, staff, groups=["sre"])
        refused = person.look(customers.replace(f"{PATH}/callback", "/login/callback"))
        assert refused.status_code == 403
        assert "set-cookie" not in refused.headers
        assert person.look(callback).status_code == 200
        assert person.look(callback).status_code == 403


@pytest.mark.parametrize("role", list(Role))
def test_every_page_and_every_act_asks_for_its_role(
    hub: Hub, staff: StaffIssuer, endpoint: int, role: Role
) -> None:
    with visitor(hub) as person:
        sign_in(person, staff, WORDS[role])
        person.look(PATH)
        for path, verb in PAGES.items():
            answer = person.look(path)
            is_seen = path.removeprefix(PATH) in SEES[role]
            assert is_seen == (verb in MAY[role])
            if path == PATH and not is_seen:
                assert answer.headers["location"] == f"{PATH}/catalogues"
                continue
            assert answer.status_code == (200 if is_seen else 403), path
            assert ("Your role does not allow this" in answer.text) != is_seen
        page = person.look(f"{PATH}/catalogues").text
        token = person.hidden["form_token"]
        tab = rf'<li><a href="{PATH}([^?"]*)\?lang=en"(?: aria-current="page")?>'
        assert set(re.findall(tab, page)) == SEES[role]
        for act in ("redrive", "enable", "test"):
            before = len(acts_of(hub))
            done = person.send({"form_token": token, "act": f"{act} {endpoint}"}, path=PATH)
            may = role is Role.OPERATOR
            assert done.status_code == (303 if may else 403), (act, done.text)
            assert (Verb(act) in MAY[role]) == may
            assert len(acts_of(hub)) == before + may
        if role is not Role.OPERATOR:
            assert ">Enable<" not in person.look(PATH).text


def test_each_act_is_in_the_log_under_the_pseudonym_of_whoever_did_it(
    hub: Hub, staff: StaffIssuer, endpoint: int
) -> None:
    hub.rows(f"UPDATE webhook_deliveries SET state = 'dead' WHERE id = '{EVENT}'")
    with visitor(hub) as person:
        sign_in(person, staff, "sre", name="Grace Hopper", sub="grace")
        person.look(PATH)
        send = {"form_token": person.hidden["form_token"], "act": f"redrive {endpoint}"}
        assert person.send(send, path=PATH).status_code == 303
        signed_in, done = acts_of(hub)[-2:]
        assert (signed_in["act"], signed_in["roles"]) == ("staff/sign-in", ["operator"])
        assert re.fullmatch(r"staff-[0-9a-f]{16}", done["by"])
        assert done == {
            "v": 1,
            "act": "endpoint/redrive",
            "by": signed_in["by"],
            "client": "operations-crm",
            "endpoint": endpoint,
            "events": 1,
        }
    with visitor(hub) as auditor:
        sign_in(auditor, staff, "audit", sub="somebody else")
        page = told(auditor.look(f"{PATH}/acts").text)
        assert f"Tried again what was given up Grace Hopper {done['by']}" in page
        assert "On the command line" in page  # as the endpoint was added
        assert f"endpoint: {endpoint}" in page
        french = told(auditor.look(f"{PATH}/acts?lang=fr").text)
        assert "Nouvel essai de ce qui avait été abandonné" in french


def test_versions_and_clients_are_shown_without_secrets_or_people(
    hub: Hub, staff: StaffIssuer, endpoint: int
) -> None:
    assert endpoint  # its client was added by command
    with visitor(hub) as person:
        sign_in(person, staff, "dpo")
        versions = told(person.look(f"{PATH}/catalogues").text)
        assert "Version 1 · in force" in versions
        assert "the first version: " in versions
        page = person.look(f"{PATH}/clients").text
        clients = told(page)
        for said in ("Halcyon News", "news-web", "operations-crm", "added by command"):
            assert said in clients, said
        assert not any(secret in page for secret in hub.secrets.values())
        assert NOBODY not in page
        assert person.look(f"{PATH}/catalogues?before=1").status_code == 200


def test_what_is_held_and_every_capture_device_are_shown(hub: Hub, staff: StaffIssuer) -> None:
    with visitor(hub) as person:
        sign_in(person, staff, "audit")
        assert "Nothing is held." in told(person.look(f"{PATH}/captures").text)
        assert "No capture device was invited yet." in told(person.look(f"{PATH}/devices").text)
        made = [capture(hub).json()["capture"] for _ in range(2)]
        hub.rows("UPDATE captures SET state = 'held' WHERE state = 'pending'")
        held = told(person.look(f"{PATH}/captures").text)
        assert "2 captures are held." in held
        assert all(f"{each}" in held for each in made)
        assert "agent-7" in held
        headers = {**hub.client_token(CLIENT), **fresh_key()}
        hub.http.post("/v1/field/devices", json={"name": "Tablet 7"}, headers=headers)
        devices = told(person.look(f"{PATH}/devices").text)
        assert f"{CLIENT} Tablet 7 · invited, not joined yet" in devices
        assert "never synchronised Nothing brought yet." in devices
        french = told(person.look(f"{PATH}/captures?lang=fr").text)
        assert "2 recueils sont retenus." in french


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_on_any_page_and_the_strict_cookie_survives_the_way_back(
    browser: Browser, hub: Hub, staff: StaffIssuer, endpoint: int, width: int
) -> None:
    staff.claims = {"groups": ["sre"], "name": "Ada Byron"}
    with visiting(browser, hub, width, scripts=True, bypass_csp=True) as page:
        page.goto(PATH)
        assert faults_of(page) == ""
        page.get_by_role("link", name="Sign in").click()
        page.locator("article", has_text=f"webhook:{endpoint}").wait_for()
        for path in (PATH + page_of_theirs for page_of_theirs in sorted(SEES[Role.OPERATOR])):
            page.goto(path)
            assert faults_of(page) == ""
            wide: int = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, path
