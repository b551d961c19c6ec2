"""``/v1/admin``: programs register clients and apply configuration, where a process may write them.

The process here has ``CONSENTID_ADMIN_DATABASE_URL``; the hub of the other tests has not.
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from joserfc.jwk import ECKey
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from tests.web.hub import Hub, Person, bearer
from tests.web.programs import program_of
from tests.web.test_administration import call, newest_act

from consentid.brandbook.client import ADMINISTRATION, Scope
from consentid.embedded.postgres import DatabaseUrls
from consentid.store.engine import Database

WATCH: Final = '[clients.news-watch]\nauth = "client_secret_basic"\nscopes = ["admin"]\n'
"""A client of the administration that was in force before any program came."""
CALLS: Final = "[clients.news-calls]"
BY_CLIENTS: Final = "client:program-admin-clients"
BY_CATALOGUE: Final = "client:program-admin-catalogue"


@pytest.fixture(scope="module")
def brand_files() -> Mapping[str, str]:
    return {CALLS: f"{WATCH}\n{CALLS}"}


@pytest.fixture
def files(inside: Hub) -> dict[str, str]:
    """What is in force at first, or what the test before left."""
    return files_of(inside)


def files_of(hub: Hub) -> dict[str, str]:
    folder: Path = hub.log.parent / "brands"
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.toml")
    }


def add(hub: Hub, **client: object) -> httpx2.Response:
    return call(hub, Scope.ADMIN_CLIENTS, "clients", "POST", json=client)


def rotate(hub: Hub, client: str, **body: object) -> httpx2.Response:
    return call(hub, Scope.ADMIN_CLIENTS, f"clients/{client}/secret", "POST", json=body)


def apply(hub: Hub, files: dict[str, str], **more: object) -> httpx2.Response:
    body = {"files": files, **more}
    return call(hub, Scope.ADMIN_CATALOGUE, "catalogues", "POST", json=body)


def written(hub: Hub) -> dict[str, int]:
    """How many rows each table has, but for the access tokens that asking takes."""
    return {**hub.counts(), "access_tokens": 0}


def is_let_in(hub: Hub, client: str, secret: str) -> bool:
    form = {"grant_type": "client_credentials"}
    answer = hub.http.post("/token", data=form, auth=httpx2.BasicAuth(client, secret))
    return answer.status_code == 200


def test_a_client_is_registered_and_its_secret_opens_the_door(inside: Hub) -> None:
    made = add(inside, client_id="news-erp", party="brand/news", scopes=["decisions:read"])
    assert made.status_code == 201, made.text
    assert made.headers["cache-control"] == "no-store"
    assert made.json()["old_ends_in_s"] is None
    first = made.json()["secret"]
    assert is_let_in(inside, "news-erp", first)
    assert newest_act(inside) == {"act": "client/add", "by": BY_CLIENTS, "client": "news-erp"}
    shown = call(inside, Scope.ADMIN, "clients")
    found = {each["client_id"]: each for each in shown.json()["clients"]}["news-erp"]
    assert (found["scopes"], found["source"]) == (["decisions:read"], "command")
    assert first not in shown.text
    again = add(inside, client_id="news-erp", party="brand/news")
    assert (again.status_code, again.json()["code"]) == (409, "client_exists")

    second = rotate(inside, "news-erp", overlap_hours=1).json()
    assert second["old_ends_in_s"] == 3_600
    assert newest_act(inside) == {
        "act": "client/rotate",
        "by": BY_CLIENTS,
        "client": "news-erp",
        "overlap_s": 3_600,
    }
    assert is_let_in(inside, "news-erp", first)
    third = rotate(inside, "news-erp", overlap_hours=0)
    assert third.status_code == 201, third.text
    assert third.headers["cache-control"] == "no-store"
    assert is_let_in(inside, "news-erp", third.json()["secret"])
    assert not is_let_in(inside, "news-erp", first)
    assert not is_let_in(inside, "news-erp", second["secret"])
    log = inside.log.read_text()
    assert not any(each in log for each in (first, second["secret"], third.json()["secret"]))


def at_once(one: Callable[[int], httpx2.Response], count: int = 12) -> list[httpx2.Response]:
    with ThreadPoolExecutor(count) as pool:
        return [*pool.map(one, range(count))]


def test_of_those_who_register_one_client_at_once_one_does(inside: Hub) -> None:
    parties = ("brand/news", "brand/shop")
    answers = at_once(lambda n: add(inside, client_id="contested", party=parties[n % 2]))
    made = [each for each in answers if each.status_code == 201]
    assert len(made) == 1, [each.text for each in answers]
    assert {each.json()["code"] for each in answers if each not in made} == {"client_exists"}
    asked = parties[answers.index(made[0]) % 2]
    rows = inside.rows(
        "SELECT party_kind || '/' || party_slug, count(secret_hash) FROM clients "
        "JOIN client_secrets USING (client_id) WHERE client_id = 'contested' GROUP BY 1"
    )
    assert [tuple(row) for row in rows] == [(asked, 1)]
    assert is_let_in(inside, "contested", made[0].json()["secret"])


def test_many_at_once_take_no_connections_from_those_who_serve(inside: Hub) -> None:
    over = threading.Event()

    def most_at_once() -> int:
        seen = 0
        while not over.is_set():
            ((now,),) = inside.rows(
                "SELECT count(*) FROM pg_stat_activity WHERE usename = 'consentid_owner' "
                "AND datname = current_database()"
            )
            seen = max(seen, int(now))
        return seen

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(most_at_once)
        answers = at_once(lambda n: add(inside, client_id=f"many-{n}", party="brand/news"), 40)
        over.set()
        most = watching.result()
    assert {each.status_code for each in answers} <= {201, 503}
    assert {each.json()["code"] for each in answers if each.status_code == 503} <= {"too_busy"}
    assert most < len(answers) / 4


def test_of_secrets_that_are_made_at_once_each_but_the_last_ends(inside: Hub) -> None:
    assert add(inside, client_id="hurried", party="brand/news").status_code == 201
    answers = at_once(lambda _: rotate(inside, "hurried", overlap_hours=0))
    assert {each.status_code for each in answers} == {201}
    good = [is_let_in(inside, "hurried", each.json()["secret"]) for each in answers]
    assert good.count(True) == 1
    acts = call(inside, Scope.ADMIN, "acts").json()["acts"]
    noted = [each for each in acts if each["about"].get("client") == "hurried"]
    assert len(noted) == len(answers) + 1


def test_what_is_left_out_of_a_client_follows_from_the_rest(inside: Hub) -> None:
    key = ECKey.generate_key("P-256", {"kid": "k1", "alg": "ES256"})
    jwks = {"keys": [key.as_dict(private=False)]}
    made = add(
        inside, client_id="reach-erp", party="partner/reach", auth="private_key_jwt", jwks=jwks
    )
    assert made.status_code == 201, made.text
    assert made.json() == {"client_id": "reach-erp", "secret": None, "old_ends_in_s": None}
    ((scopes, token_class),) = inside.rows(
        "SELECT scopes, token_class FROM clients WHERE client_id = 'reach-erp'"
    )
    assert (scopes, token_class) == (["verify"], "partner")
    refused = rotate(inside, "reach-erp")
    assert (refused.status_code, refused.json()["code"]) == (422, "client_has_no_secret")


@pytest.mark.parametrize(
    ("changed", "status", "code", "where"),
    [
        ({"party": "news"}, 422, "bad_party", "party"),
        ({"party": "brand/nothing"}, 404, "party_unknown", "party"),
        ({"client_id": "Not One"}, 422, "bad_client_id", "client_id"),
        ({"scopes": ["everything"]}, 422, "invalid_body", "scopes[0]"),
        ({"secret": "of-my-own"}, 422, "invalid_body", "secret"),
        ({"party": "partner/reach", "scopes": ["erasure"]}, 422, "client_widening", "scopes"),
        ({"purposes": ["nonsense"]}, 422, "purpose_unknown", "purposes"),
        ({"audience": "https://elsewhere.example"}, 422, "audience_unknown", "audience"),
        ({"auth": "private_key_jwt"}, 422, "client_missing_key", "jwks"),
        ({"jwks": {"keys": [{"kty": "oct", "k": "AA"}]}}, 422, "bad_key", "jwks.keys[0].k"),
    ],
)
def test_a_client_that_cannot_be_is_refused_by_its_place(
    inside: Hub, changed: dict[str, Any], status: int, code: str, where: str
) -> None:
    before = written(inside)
    refused = add(inside, **{"client_id": "never", "party": "brand/news", **changed})
    told = refused.json()
    assert (refused.status_code, told["code"], told["where"]) == (status, code, where), told
    assert written(inside) == before


@pytest.mark.parametrize("scope", sorted(ADMINISTRATION))
def test_no_program_makes_an_administrator(inside: Hub, scope: Scope) -> None:
    before = written(inside)
    refused = add(inside, client_id="usurper", party="brand/news", scopes=[scope])
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_withheld")
    name = program_of(scope)
    taken = rotate(inside, name, overlap_hours=0)
    assert (taken.status_code, taken.json()["code"]) == (403, "scope_withheld")
    assert (refused.json()["where"], taken.json()["where"]) == ("scopes", "client_id")
    assert is_let_in(inside, name, inside.secrets[name])
    assert written(inside) == before


def test_the_secret_of_nobody_is_refused_without_saying_whose(inside: Hub) -> None:
    refused = rotate(inside, "nobody-saffron")
    assert (refused.status_code, refused.json()["code"]) == (404, "client_unknown")
    assert "saffron" not in refused.text
    late = rotate(inside, "news-web", overlap_hours=-1)
    assert (late.status_code, late.json()["where"]) == (422, "overlap_hours")


def test_the_files_are_in_force_at_once_and_again_change_nothing(
    inside: Hub, files: dict[str, str]
) -> None:
    same = apply(inside, files)
    assert same.status_code == 200, same.text
    assert same.json() == {"version": 1, "new": False, "applied": False, "changes": []}
    renamed = {
        **files,
        "news.toml": files["news.toml"].replace('name = "Halcyon News"\n', 'name = "The News"\n'),
        # Large as it is, it says nothing.
        "group.toml": files["group.toml"] + "# padding\n" * 10_000,
    }
    tried = apply(inside, renamed, dry_run=True)
    told = tried.json()
    assert (told["version"], told["new"], told["applied"]) == (2, True, False), tried.text
    assert told["changes"]
    assert call(inside, Scope.ADMIN, "catalogues").json()["versions"][0]["version"] == 1
    applied = apply(inside, renamed)
    assert applied.headers["cache-control"] == "no-store"
    assert applied.json() == {**told, "applied": True}
    assert newest_act(inside) == {"act": "brands/apply", "by": BY_CATALOGUE, "version": 2}
    newest = call(inside, Scope.ADMIN, "catalogues").json()["versions"][0]
    assert (newest["version"], newest["changes"]) == (2, told["changes"])
    assert "The News" in str(inside.catalogue())
    back = apply(inside, files)
    assert (back.json()["version"], back.json()["applied"]) == (3, True)


def test_every_mistake_in_the_files_is_told_by_its_place(
    inside: Hub, files: dict[str, str]
) -> None:
    before = written(inside)
    wrong = {
        **files,
        "news.toml": files["news.toml"].replace("[look]\n", '[look]\ncolour = "red"\n'),
        "shop.toml": "name = [",
        "deep.toml": "x = " + "[" * 5_000 + "]" * 5_000,
    }
    refused = apply(inside, wrong)
    told = refused.json()
    assert (refused.status_code, told["code"], told["where"]) == (
        422,
        "brandbook_invalid",
        "files",
    )
    assert refused.headers["content-type"].startswith("application/problem+json")
    found = {(each["file"], each["rule"]) for each in told["problems"]}
    assert found == {("shop.toml", "invalid_toml"), ("deep.toml", "invalid_toml")}
    del wrong["shop.toml"], wrong["deep.toml"]
    wrong["shop.toml"] = files["shop.toml"]
    (mistake,) = apply(inside, wrong, dry_run=True).json()["problems"]
    line = 1 + wrong["news.toml"].splitlines().index('colour = "red"')
    assert (mistake["file"], mistake["line"], mistake["key"], mistake["rule"]) == (
        "news.toml",
        line,
        "look.colour",
        "unknown_key",
    )
    assert mistake["message"]
    assert mistake["remedy"]
    gone = {name: said for name, said in files.items() if name != "shop.toml"}
    assert {each["rule"] for each in apply(inside, gone).json()["problems"]} & {
        *("removed", "unknown_party"),
    }
    assert written(inside) == before


@pytest.mark.parametrize(
    "name", ["../news.toml", "/etc/news.toml", "partners/../x.toml", "a/b.toml", "news.png", ""]
)
def test_a_file_of_another_name_is_read_by_nobody(
    inside: Hub, files: dict[str, str], name: str
) -> None:
    refused = apply(inside, {**files, name: files["news.toml"]})
    (mistake,) = refused.json()["problems"]
    assert (refused.status_code, mistake["file"], mistake["rule"]) == (422, name, "wrong_form")


def test_files_are_bounded(inside: Hub, files: dict[str, str]) -> None:
    assert apply(inside, {}).status_code == 422
    many = {f"brand-{number}.toml": "" for number in range(201)}
    assert apply(inside, many).json()["where"] == "files"
    long = {**files, "news.toml": "#" * 262_145}
    assert apply(inside, long).status_code == 422
    heavy = {f"b{number}.toml": "#" * 250_000 for number in range(5)}
    assert apply(inside, heavy).status_code == 413


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        (CALLS, f"{WATCH.replace('watch', 'usurper')}\n{CALLS}"),
        ('["admin"]', '["admin", "admin:clients"]'),
        (
            WATCH,
            WATCH.replace("client_secret_basic", "private_key_jwt") + "jwks = KEYS\n",
        ),
        (WATCH, ""),
        (
            CALLS,
            f'[clients.program-admin]\nauth = "none"\nscopes = ["verify"]\n\n{CALLS}',
        ),
    ],
    ids=["a new one", "more scopes", "a key of the program's own", "gone", "the id of another"],
)
def test_no_file_makes_or_changes_an_administrator(
    inside: Hub, files: dict[str, str], said: str, instead: str
) -> None:
    key = ECKey.generate_key("P-256", {"kid": "k1", "alg": "ES256"}).as_dict(private=False)
    keys = ", ".join(f'{name} = "{value}"' for name, value in key.items())
    before = written(inside)
    changed = files["news.toml"].replace(
        said, instead.replace("KEYS", f"{{ keys = [{{ {keys} }}] }}")
    )
    assert changed != files["news.toml"]
    for is_dry in (True, False):
        refused = apply(inside, {**files, "news.toml": changed}, dry_run=is_dry)
        assert (refused.status_code, refused.json()["code"]) == (403, "scope_withheld"), (
            refused.text
        )
    assert written(inside) == before
    for client in ("news-watch", "program-admin"):
        assert is_let_in(inside, client, inside.secrets[client])


def test_of_files_that_race_each_is_in_force_once(inside: Hub, files: dict[str, str]) -> None:
    def named(n: int) -> dict[str, str]:
        news = files["news.toml"].replace('name = "Halcyon News"\n', f'name = "News {n}"\n')
        return {**files, "news.toml": news}

    before = call(inside, Scope.ADMIN, "catalogues").json()["versions"][0]["version"]
    answers = at_once(lambda n: apply(inside, named(n % 3)), 6)
    assert {each.status_code for each in answers} == {200}, [each.text for each in answers]
    versions = [each.json()["version"] for each in answers if each.json()["applied"]]
    newest = call(inside, Scope.ADMIN, "catalogues").json()["versions"][0]["version"]
    assert sorted(versions) == list(range(before + 1, newest + 1))
    assert apply(inside, files).json()["version"] == newest + 1


def test_each_verb_takes_its_own_scope(inside: Hub, files: dict[str, str]) -> None:
    for path, needed, body in (
        ("clients", Scope.ADMIN_CLIENTS, {"client_id": "x", "party": "brand/news"}),
        ("clients/news-web/secret", Scope.ADMIN_CLIENTS, {}),
        ("catalogues", Scope.ADMIN_CATALOGUE, {"files": files}),
    ):
        for scope in ADMINISTRATION - {needed}:
            refused = call(inside, scope, path, "POST", json=body)
            assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")


def test_a_process_that_was_not_given_the_database_refuses(programs: Hub) -> None:
    before = written(programs)
    for refused in (
        add(programs, client_id="news-erp", party="brand/news"),
        rotate(programs, "news-web"),
        apply(programs, files_of(programs)),
        apply(programs, files_of(programs), dry_run=True),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "admin_database_unset")
        assert "CONSENTID_ADMIN_DATABASE_URL" in refused.json()["detail"]
    assert written(programs) == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE clients SET scopes = array_append(scopes, 'admin')",
        "INSERT INTO clients SELECT * FROM clients",
        "INSERT INTO client_secrets SELECT * FROM client_secrets",
        "INSERT INTO catalogues SELECT * FROM catalogues",
    ],
)
async def test_the_serving_role_writes_neither(
    inside: Hub, module_database_urls: DatabaseUrls, statement: str
) -> None:
    assert inside  # somebody who may is serving beside it
    serving = Database(module_database_urls.serving, connections=1)
    try:
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with serving.writing() as connection:
                await connection.execute(text(statement))
    finally:
        await serving.close()


def test_who_waits_to_be_destroyed_is_shown_without_who_it_is(inside: Hub) -> None:
    inside.rows(
        "UPDATE clients SET scopes = array_append(scopes, 'erasure') WHERE client_id = 'news-web'"
    )
    asked: list[str] = []
    for _ in range(3):
        person = Person()
        access = inside.exchange(inside.id_token(person)).json()["access_token"]
        inside.decide(bearer(access))
        answer = inside.http.post(
            "/v1/erasure", json={"reason": "objection"}, headers=bearer(access)
        )
        asked.append(answer.json()["erasure"])
    shown = call(inside, Scope.ADMIN, "erasures")
    assert shown.headers["cache-control"] == "no-store"
    told = shown.json()
    assert told["next"] is None
    assert [each["erasure"] for each in told["pending"]] == asked
    assert {(each["reason"], each["asked_by"]) for each in told["pending"]} == {
        ("objection", "news-web")
    }
    rest = call(inside, Scope.ADMIN, "erasures", params={"after": asked[0]}).json()
    assert rest["pending"] == told["pending"][1:]
    assert call(inside, Scope.ADMIN, "erasures", params={"after": asked[-1]}).json() == {
        "pending": [],
        "next": None,
    }
    subjects = inside.rows("SELECT subject_id FROM erasures")
    assert not any(str(subject) in shown.text for (subject,) in subjects)
