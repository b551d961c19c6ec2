"""The portal's Shared Signals: accounts that are purged, sessions that are revoked (RFC 8935)."""

import base64
import json
import secrets
import time
from typing import Any
from uuid import UUID

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from tests.web.hub import Hub, Person, bearer
from tests.web.ssf_receiver import ACCOUNT_PURGED, VERIFICATION, opened_by_owner

from consentid.core.decision import SubjectId
from consentid.flows.portal_identity import identity_hash, portal_sid_hash
from consentid.kit.instants import HOUR, Instant
from consentid.store import clock, hub_sessions
from consentid.store.hub_sessions import HubSessionRow

AUDIENCE = "https://consent.example/ssf"
SESSION_REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"


def set_of(hub: Hub, sub_id: object, type_: str = ACCOUNT_PURGED, /, **changed: Any) -> str:
    """A token of the portal; None takes a claim away."""
    own = hub.portal_key.as_dict(private=True)
    key = changed.pop("key", RSAKey.import_key({name: own[name] for name in own if name != "alg"}))
    header = {"alg": "RS256", "typ": "secevent+jwt", "kid": str(hub.portal_key.kid)}
    header |= changed.pop("header", {})
    claims: dict[str, Any] = {
        "iss": hub.portal_issuer,
        "aud": AUDIENCE,
        "iat": int(time.time()),
        "jti": secrets.token_hex(8),
        "sub_id": sub_id,
        "events": {type_: {}},
        **changed,
    }
    held = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(header, held, key, algorithms=[header["alg"]])


def send(hub: Hub, token: str, media_type: str = "application/secevent+jwt") -> httpx2.Response:
    headers = {"Content-Type": media_type, "Accept": "application/json"}
    return hub.http.post("/ssf/events", content=token, headers=headers)


def about(hub: Hub, person: Person) -> dict[str, str]:
    return {"format": "iss_sub", "iss": hub.portal_issuer, "sub": person.sub}


def erasures(hub: Hub) -> list[Any]:
    return hub.rows("SELECT reason, asked_by FROM erasures ORDER BY restricted_at")


def test_an_account_that_is_purged_is_erased_here_and_once(hub: Hub) -> None:
    person = Person()
    headers = hub.sign_in(person)
    hub.decide(headers)
    before = erasures(hub)
    token = set_of(hub, about(hub, person))
    for _ in range(2):
        answer = send(hub, token)
        assert (answer.status_code, answer.content) == (202, b"")
        assert answer.headers["cache-control"] == "no-store"
    assert erasures(hub) == [*before, ("no_longer_necessary", "portal")]
    assert hub.http.get("/v1/state", headers=headers).status_code == 401
    # Whoever comes back is somebody new, whom an old token does not reach.
    again = hub.sign_in(person)
    assert send(hub, token).status_code == 202
    assert hub.http.get("/v1/state", headers=again).status_code == 200


def test_nobody_is_told_whether_somebody_is_known_here(hub: Hub) -> None:
    before = erasures(hub)
    assert send(hub, set_of(hub, about(hub, Person()))).status_code == 202
    assert send(hub, set_of(hub, {"format": "opaque", "id": "x"}, VERIFICATION)).status_code == 202
    assert erasures(hub) == before


async def _add_session(hub: Hub, person: Person, sid: str) -> bytes:
    opened = opened_by_owner(hub)
    context, issuer = opened.context, hub.portal_issuer
    mark = secrets.token_bytes(32)
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        (account,) = [SubjectId(each) for each in await _accounts(hub)]
        session = HubSessionRow(
            session_hash=mark,
            id=UUID(bytes=secrets.token_bytes(16)),
            account=account,
            device=None,
            auth_time=None,
            acr=None,
            portal_sid_hash=portal_sid_hash(context, issuer=issuer, sid=sid),
            identity_hash=identity_hash(context, issuer=issuer, sub=person.sub),
            created_at=now,
            expires_at=Instant(now + HOUR),
        )
        await hub_sessions.add(connection, session)
    await opened.close()
    return mark


async def _accounts(hub: Hub) -> list[Any]:
    async with hub.owner.begin() as connection:
        newest = "SELECT id FROM subjects WHERE kind = 'known' ORDER BY created_at DESC LIMIT 1"
        return list((await connection.exec_driver_sql(newest)).scalars())


def left(hub: Hub) -> set[bytes]:
    return {bytes(mark) for (mark,) in hub.rows("SELECT session_hash FROM hub_sessions")}


def test_sessions_that_are_revoked_end_here_and_nobody_else_s(hub: Hub) -> None:
    person, other = Person(), Person()
    hub.sign_in(person)
    one, two, foreign = (
        hub.asking.call(_add_session, hub, whose, sid)
        for whose, sid in ((person, "s1"), (person, "s2"), (other, "s3"))
    )
    complex_ = {
        "format": "complex",
        "user": about(hub, person),
        "session": {"format": "opaque", "id": "s1"},
    }
    assert send(hub, set_of(hub, complex_, SESSION_REVOKED)).status_code == 202
    assert left(hub) >= {two, foreign}
    assert one not in left(hub)
    # A token that was long under way ends nothing that began after it.
    late = int(time.time()) - 3_600
    assert send(hub, set_of(hub, about(hub, person), SESSION_REVOKED, iat=late)).status_code == 202
    assert two in left(hub)
    assert send(hub, set_of(hub, about(hub, person), SESSION_REVOKED)).status_code == 202
    assert two not in left(hub)
    by_sid = {"format": "opaque", "id": "s3"}
    older = set_of(hub, None, SESSION_REVOKED, events={SESSION_REVOKED: {"subject": by_sid}})
    assert send(hub, older).status_code == 202
    assert foreign not in left(hub)


WEEK_S = 7 * 86_400


@pytest.mark.parametrize(
    ("err", "changed"),
    [
        ("invalid_audience", {"aud": "consentid"}),
        ("invalid_audience", {"aud": [AUDIENCE, "https://evil.example"]}),
        ("invalid_issuer", {"iss": "https://evil.example"}),
        ("invalid_key", {"header": {"kid": "another"}}),
        ("invalid_key", {"key": RSAKey.generate_key(2048)}),
        ("invalid_key", {"header": {"alg": "HS256"}, "key": OctKey.generate_key(256)}),
        ("invalid_key", {"header": {"alg": "PS256"}}),
        ("invalid_request", {"header": {"typ": "JWT"}}),
        ("invalid_request", {"header": {"typ": "logout+jwt"}}),
        ("invalid_request", {"iat": int(time.time()) - WEEK_S - 60}),
        ("invalid_request", {"iat": int(time.time()) + 3_600}),
        ("invalid_request", {"iat": "now"}),
        ("invalid_request", {"iat": 2**70}),
        ("invalid_request", {"jti": None}),
        ("invalid_request", {"jti": ""}),
        ("invalid_request", {"exp": int(time.time()) + 60}),
        ("invalid_request", {"sub": "somebody"}),
        ("invalid_request", {"events": {}}),
        ("invalid_request", {"events": [ACCOUNT_PURGED]}),
        ("invalid_request", {"events": {ACCOUNT_PURGED: True}}),
        ("invalid_request", {"sub_id": None}),
        ("invalid_request", {"sub_id": "sub"}),
        ("invalid_request", {"sub_id": {"format": "opaque", "id": "sid"}}),
        ("invalid_request", {"sub_id": {"format": "email", "email": "a@halcyon.example"}}),
        ("invalid_request", {"sub_id": {"format": "complex"}}),
        ("invalid_request", {"sub_id": {"format": "iss_sub", "iss": "x", "sub": "y"}}),
    ],
)
def test_a_token_that_does_not_hold_does_nothing(
    hub: Hub, err: str, changed: dict[str, Any]
) -> None:
    before = erasures(hub), left(hub)
    told = {"sub_id": about(hub, Person()), **changed}
    answer = send(hub, set_of(hub, told.pop("sub_id"), **told))
    assert (answer.status_code, answer.json()["err"]) == (400, err)
    assert answer.json()["description"]
    assert (erasures(hub), left(hub)) == before


def test_what_is_no_token_is_refused_in_the_words_of_delivery(hub: Hub) -> None:
    unsigned = ".".join(
        base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode()
        for each in ({"alg": "none", "typ": "secevent+jwt"}, {"iss": hub.portal_issuer})
    )
    for body, media_type, status in (
        ("", "application/secevent+jwt", 400),
        ("a.b.c", "application/secevent+jwt", 400),
        ("\u00e9", "application/secevent+jwt", 400),
        (f"{unsigned}.", "application/secevent+jwt", 400),
        ("a" * 9_000, "application/secevent+jwt", 400),
        ("a" * 70_000, "application/secevent+jwt", 413),
        (set_of(hub, about(hub, Person())), "application/json", 415),
    ):
        answer = send(hub, body, media_type)
        told = answer.json()
        assert (answer.status_code, told["err"] in {"invalid_request", "invalid_key"}) == (
            status,
            True,
        )
    assert hub.http.get("/ssf/events", headers=bearer("x")).status_code == 405
