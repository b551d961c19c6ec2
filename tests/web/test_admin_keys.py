"""``/v1/admin/keys``: programs see, rotate and revoke signing keys, and ask what one signed."""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec
import pytest
from tests.web.hub import Hub, forget
from tests.web.programs import program_of
from tests.web.test_administration import call, newest_act

from consentid.brandbook.client import ADMINISTRATION, Scope
from consentid.keyring.loading import load
from consentid.keyring.manifest import Use
from consentid.kit import base64url
from consentid.tokens import consent, jws

BY: Final = f"client:{program_of(Scope.ADMIN_KEYS)}"
ACTS: Final = ("rotate", "revoke", "affected")
EARLY: Final = "2026-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
def uncounted(valkey_url: str) -> None:
    """What the tests before did counts for nobody."""
    forget(valkey_url, "limit:key_*")


@pytest.fixture
def fixed(inside: Hub) -> Iterator[Path]:
    """The hub's folder of keys, as one that it cannot change: not even root opens this lock."""
    folder = folder_of(inside)
    lock, aside = folder / ".lock", folder / ".aside"
    lock.rename(aside)
    lock.mkdir()
    yield folder
    lock.rmdir()
    aside.rename(lock)


def folder_of(hub: Hub) -> Path:
    return hub.log.parent / "keys"


def ask(hub: Hub, act: str, **body: Any) -> httpx2.Response:
    return call(hub, Scope.ADMIN_KEYS, f"keys/{act}", "POST", json=body)


def shown(hub: Hub) -> dict[str, Any]:
    answer = call(hub, Scope.ADMIN, "keys")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), answer.text
    return answer.json()


def kids(hub: Hub, **having: object) -> set[str]:
    """The names of those of which all this is said."""
    return {each["kid"] for each in shown(hub)["keys"] if having.items() <= each.items()}


def published(hub: Hub) -> set[str]:
    return {each["kid"] for each in hub.http.get("/jwks.json").json()["keys"]}


def token_of(hub: Hub, headers: dict[str, str]) -> str:
    return str(hub.decide(headers)["consent_token"])


def kid_of(token: str) -> str:
    found = jws.split(token, typ=consent.TYPE, max_length=consent.MAX_LENGTH)
    assert isinstance(found, jws.Unverified)
    return found.unverified_kid


def is_active(hub: Hub, token: str) -> bool:
    headers = hub.client_token()
    return bool(
        hub.http.post("/v1/verify", json={"token": token}, headers=headers).json()["active"]
    )


def await_refusal(hub: Hub, token: str) -> None:
    """Processes hear of a revocation within a second."""
    while is_active(hub, token):
        pass


def test_keys_are_shown_without_what_signs(inside: Hub) -> None:
    told = shown(inside)
    assert {each["kid"] for each in told["keys"]} == published(inside)
    assert {each["use"] for each in told["keys"] if each["signs"]} == {"consent", "id"}
    assert told["folder_is_writable"] is True
    text = str(told)
    for private in folder_of(inside).glob("*.pem"):
        assert private.read_text().splitlines()[1] not in text
    for name in ("pairwise.key", "master.key", "ledger.key"):
        assert (folder_of(inside) / name).read_text().strip() not in text


def test_a_rotation_waits_for_verifiers_unless_it_is_forced_and_happens_once(
    inside: Hub,
) -> None:
    person = inside.sign_in()
    before = token_of(inside, person)
    active, following = kids(inside, state="active"), kids(inside, state="next")
    early = ask(inside, "rotate")
    assert (early.status_code, early.json()["code"]) == (429, "next_key_too_young")
    assert 0 < int(early.headers["retry-after"]) <= 3_600
    blind = ask(inside, "rotate", force=True)
    assert (blind.status_code, blind.json()["code"], blind.json()["where"]) == (
        422,
        "active_missing",
        "active",
    )
    assert kids(inside, state="active") == active

    done = ask(inside, "rotate", force=True, active=[*active])
    assert done.status_code == 200, done.text
    told = done.json()
    assert (set(told["active"]), set(told["retired"])) == (following, active)
    assert newest_act(inside) == {
        "act": "keys/rotate",
        "by": BY,
        "active": told["active"],
        "removed": [],
    }
    again = ask(inside, "rotate", force=True, active=[*active])
    assert (again.status_code, again.json()["code"]) == (409, "keys_changed")
    assert kids(inside, state="active") == following
    assert published(inside) == active | following | set(told["next"])
    after = token_of(inside, person)
    assert (kid_of(before) in active, kid_of(after) in following) == (True, True)
    assert is_active(inside, before)
    assert is_active(inside, after)


def test_acts_on_keys_are_counted(inside: Hub) -> None:
    answers = [ask(inside, "rotate", active=["nobodys"]).status_code for _ in range(21)]
    assert answers == [409] * 20 + [429]


def test_a_revoked_key_is_refused_at_once_and_another_signs(inside: Hub) -> None:
    person = inside.sign_in()
    token = token_of(inside, person)
    stolen, following = kid_of(token), kids(inside, use="consent", state="next")
    done = ask(inside, "revoke", kids=[stolen], stolen_at=EARLY)
    assert done.status_code == 200, done.text
    assert done.headers["cache-control"] == "no-store"
    told = done.json()
    (row,) = told["revoked"]
    assert (row["kid"], row["stolen_at"]) == (stolen, "2026-01-01T00:00:00.000000Z"), row
    folder = told["folder"]
    assert (folder["is_changed"], folder["remedy"]) == (True, None)
    assert (set(folder["active"]), folder["removed"]) == (following, [stolen])
    act = newest_act(inside)
    assert (act["act"], act["by"], act["kid"]) == ("keys/revoke", BY, stolen)
    assert stolen not in published(inside)
    assert not (folder_of(inside) / f"{stolen}.pem").exists()
    await_refusal(inside, token)
    assert kid_of(token_of(inside, person)) in following
    assert row in shown(inside)["revoked"]

    acts = call(inside, Scope.ADMIN, "acts").json()["acts"]
    again = ask(inside, "revoke", kids=[stolen], stolen_at="2026-02-02T00:00:00Z")
    assert again.json()["revoked"] == [row]  # the first time counts
    nothing: dict[str, list[str]] = {"active": [], "created": [], "removed": []}
    assert again.json()["folder"] == {"is_changed": False, "remedy": None, **nothing}
    assert call(inside, Scope.ADMIN, "acts").json()["acts"] == acts


def test_what_cannot_be_revoked_is_told_and_nothing_is(inside: Hub) -> None:
    before = inside.rows("SELECT count(*) FROM revoked_keys")
    known = [*kids(inside, state="active")]
    refusals: tuple[tuple[dict[str, object], int, str], ...] = (
        ({"kids": [*known, "nobodys"]}, 404, "key_unknown"),
        ({"kids": [*known, "nobodys"], "stolen_at": EARLY}, 404, "key_unknown"),
        ({"kids": []}, 422, "invalid_body"),
        ({"kids": ["../master"]}, 422, "invalid_body"),
        ({"kids": known, "stolen_at": "2026-01-01"}, 422, "invalid_body"),
        ({"kids": known, "stolen_at": "2026-01-01T00:00:00"}, 422, "invalid_body"),
        ({"kids": known, "stolen_at": "0001-01-01T00:00:00+14:00"}, 422, "bad_time"),
        ({"kids": known, "stolen_at": "9999-12-31T23:59:59-14:00"}, 422, "bad_time"),
        ({"kids": known, "stolen_at": "2099-01-01T00:00:00Z"}, 422, "stolen_later"),
        ({"kids": known, "all": True}, 422, "invalid_body"),
        ({}, 422, "invalid_body"),
    )
    for body, status, code in refusals:
        refused = ask(inside, "revoke", **body)
        assert (refused.status_code, refused.json()["code"]) == (status, code), (body, refused.text)
    assert inside.rows("SELECT count(*) FROM revoked_keys") == before
    assert kids(inside, state="active") == set(known)


def test_from_a_folder_that_cannot_be_changed_keys_are_revoked_all_the_same(
    inside: Hub, fixed: Path
) -> None:
    person = inside.sign_in()
    token = token_of(inside, person)
    stolen, files = kid_of(token), {each.name for each in fixed.iterdir()}
    done = ask(inside, "revoke", kids=[stolen])
    assert done.status_code == 200, done.text
    folder = done.json()["folder"]
    assert (folder["is_changed"], folder["removed"]) == (False, [])
    assert "--folder-only" in folder["remedy"]
    assert str(fixed) not in done.text
    assert {each.name for each in fixed.iterdir()} == files
    assert stolen not in published(inside)
    await_refusal(inside, token)
    after = token_of(inside, person)
    assert kid_of(after) != stolen
    assert is_active(inside, after)

    active = [*kids(inside, state="active")]
    refused = ask(inside, "rotate", force=True, active=active)
    told = refused.json()
    assert (refused.status_code, told["code"], told["where"]) == (
        409,
        "keys_read_only",
        "CONSENTID_KEYS_DIR",
    )
    assert "consentid keys rotate" in told["detail"]
    assert str(fixed) not in refused.text
    assert newest_act(inside)["act"] == "keys/revoke"


def test_once_it_can_be_changed_the_folder_follows_and_all_of_them_are_revoked_at_once(
    inside: Hub,
) -> None:
    # The one that was revoked while the folder was fixed is there still.
    (left,) = {each["kid"] for each in shown(inside)["revoked"]} & {
        path.stem for path in folder_of(inside).glob("*.pem")
    }
    followed = ask(inside, "revoke", kids=[left]).json()["folder"]
    assert (followed["is_changed"], followed["removed"]) == (True, [left])
    every = kids(inside)
    done = ask(inside, "revoke", kids=[*every]).json()
    assert {each["kid"] for each in done["revoked"]} == every
    assert len(done["folder"]["created"]) == 4
    assert kids(inside) == set(done["folder"]["created"]) == published(inside)
    assert is_active(inside, token_of(inside, inside.sign_in()))


def test_what_was_issued_meanwhile_is_counted_and_forged_tokens_are_told_apart(
    inside: Hub,
) -> None:
    person = inside.sign_in()
    ours = token_of(inside, person)
    kid = kid_of(ours)
    untold = ask(inside, "affected", kid=kid)
    assert (untold.status_code, untold.json()["code"]) == (404, "key_not_revoked")
    key = load(folder_of(inside)).active(Use.CONSENT)
    assert key.kid == kid
    claims = consent.read_claims(base64url.decode(ours.split(".")[1]))
    signing_input = consent.unsigned(msgspec.structs.replace(claims, exp=claims.exp - 1), kid)
    forged = consent.assemble(signing_input, key.sign(signing_input))
    assert is_active(inside, forged)  # until its key is revoked
    hour_ago = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3_600))
    asked = {"kid": kid, "since": hour_ago, "signed": [ours, forged, secrets.token_hex(8)]}
    told = ask(inside, "affected", **asked).json()
    assert (told["kid"], told["tokens"], told["next"]) == (kid, [], None)
    assert [(each["verdict"], each["issued_here"]) for each in told["judged"]] == [
        ("ours", True),
        ("forged", False),
        ("no signature of ours", False),
    ]
    assert newest_act(inside) == {"act": "keys/affected", "by": BY, "kid": kid, "listed": 0}
    assert ask(inside, "revoke", kids=[kid]).status_code == 200
    await_refusal(inside, forged)


def test_who_was_told_of_is_named_page_by_page_and_sees_it(inside: Hub) -> None:
    person = inside.sign_in()
    kid = kid_of(token_of(inside, person))
    asked: dict[str, Any] = {"kid": kid, "since": EARLY, "list": True}
    while not (told := ask(inside, "affected", **asked).json())["tokens"]:
        pass  # what was read is written down a moment later
    assert "news-web" in {each["client_id"] for each in told["issued"]}
    assert newest_act(inside)["listed"] == len(told["tokens"])
    assert told["next"] is None
    rest = ask(inside, "affected", **asked, skip=len(told["tokens"]) + 1_000).json()
    assert (rest["tokens"], rest["issued"]) == ([], rest["issued"])
    seen = "SELECT count(*) FROM reads WHERE client_id = 'operator' AND kind = 'export'"
    assert inside.rows(seen)[0][0] > 0


def test_no_refusal_says_again_which_key_was_meant(inside: Hub) -> None:
    known = [*kids(inside, state="active")]
    for refused in (
        ask(inside, "revoke", kids=[*known, "saffron"]),
        ask(inside, "revoke", kids=[*known, "saffron"], stolen_at=EARLY),
        ask(inside, "affected", kid="saffron"),
        ask(inside, "rotate", active=["saffron"]),
        ask(inside, "rotate", active=["saffron/"]),
        ask(inside, "affected", kid="k", signed=["saffron"]),
        ask(inside, "revoke", kids=known, reason="saffron"),
    ):
        assert refused.status_code in {404, 409, 422}
        assert refused.json()["where"], refused.text
        assert "saffron" not in refused.text
    assert ask(inside, "revoke", kids=[*known, "saffron"]).json()["where"] == "kids[2]"
    assert "saffron" not in inside.log.read_text()


def test_each_takes_its_own_scope_and_the_owners_database(inside: Hub, programs: Hub) -> None:
    before = {**programs.counts(), "access_tokens": 0}
    for act in ACTS:
        for scope in ADMINISTRATION - {Scope.ADMIN_KEYS}:
            refused = call(inside, scope, f"keys/{act}", "POST")
            assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    (active, *_) = kids(programs, state="active")
    for act, body in (
        ("rotate", {"force": True, "active": [active]}),
        ("revoke", {"kids": [active]}),
        ("affected", {"kid": active, "since": EARLY}),
    ):
        refused = ask(programs, act, **body)
        assert (refused.status_code, refused.json()["code"]) == (403, "admin_database_unset")
    assert {**programs.counts(), "access_tokens": 0} == before
