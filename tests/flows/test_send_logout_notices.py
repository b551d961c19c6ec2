import logging
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from tests.flows.conftest import Founded
from tests.flows.town import REFUSED, Town, edit, together
from tests.flows.visits import ISSUER, Visit
from tests.net.logout_receiver import LogoutReceiver, running_receiver

from consentid.brandbook.folder import load
from consentid.flows.context import Context
from consentid.flows.end_portal_sessions import end_portal_sessions
from consentid.flows.hub_session import find_visitor
from consentid.flows.opening import open_context
from consentid.flows.publish_catalogue import publish_catalogue
from consentid.flows.reap import reap
from consentid.flows.send_logout_notices import send_logout_notices
from consentid.flows.sign_out import sign_out
from consentid.oidc.logout_token import EVENT
from consentid.settings import Settings
from consentid.store import clock, hub_sessions

ALL = "openid offline_access"
SHOP_CALLBACK = "http://shop.localhost:7600/callback"


@pytest.fixture
def receiver() -> Iterator[LogoutReceiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture
async def told(town: Town, halcyon_folder: Path, receiver: LogoutReceiver) -> Town:
    """A town whose news-web hears of logouts by RS256, and shop-web by ES256."""
    old = "http://news.localhost:7600/backchannel-logout"
    edit(halcyon_folder / "news.toml", old, receiver.uri())
    back = f'redirect_uris = ["{SHOP_CALLBACK}"]'
    more = (
        f'{back}\nid_token_signed_response_alg = "ES256"\n'
        f'backchannel_logout_uri = "{receiver.uri("shop.localhost", "/over")}"'
    )
    edit(halcyon_folder / "shop.toml", back, more)
    await publish_catalogue(town.owner, load(halcyon_folder), randomness=secrets.token_bytes)
    return town


@pytest.fixture
async def worker(told: Town, founded: Founded) -> AsyncIterator[Context]:
    """A worker's context, which may reach this machine as in the demo."""
    settings = Settings(database_url=told.urls.serving, keys_dir=founded.keys, localhost_hosts=True)
    opened = open_context(settings)
    yield opened.context
    await opened.close()


async def visit_news(town: Town, sub: str = "mila") -> tuple[Visit, dict[str, Any]]:
    """Somebody who signed in and went to news; what its back end holds."""
    visit = Visit(town=town)
    await visit.sign_in(sub, acr="gold")
    answer = await visit.redeem(await visit.consent(REFUSED, scope=ALL))
    assert answer.status == 200, answer.body
    return visit, answer.body


async def go_to_shop(town: Town, visit: Visit) -> tuple[Visit, dict[str, Any]]:
    """The same browser at the shop."""
    there = Visit(
        town=town,
        client="shop-web",
        redirect_uri=SHOP_CALLBACK,
        session=visit.session,
        device=visit.device,
        secret=visit.secret,
    )
    answer = await there.redeem(await there.consent(REFUSED, scope=ALL, prompt="consent"))
    assert answer.status == 200, answer.body
    return there, answer.body


def told_claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


async def waiting(town: Town) -> int:
    return (await town.rows("SELECT count(*) FROM logout_notices"))[0][0]


async def test_signing_out_tells_every_client_that_took_part_and_no_other(
    told: Town, worker: Context, receiver: LogoutReceiver
) -> None:
    visit, news = await visit_news(told)
    _, shop = await go_to_shop(told, visit)
    await visit_news(told, "noah")
    before = int(time.time())

    await sign_out(told.context, visit.browser)

    assert await send_logout_notices(worker) == 2
    assert await send_logout_notices(worker) == 0
    assert await waiting(told) == 0
    assert sorted(receiver.paths) == ["/backchannel-logout", "/over"]
    assert set(receiver.types) == {"application/x-www-form-urlencoded"}
    public = {key["kid"]: key for key in told.context.keyring.public_jwks()["keys"]}
    for path, client, algorithm, tokens in (
        ("/backchannel-logout", "news-web", "RS256", news),
        ("/over", "shop-web", "ES256", shop),
    ):
        token = receiver.tokens[receiver.paths.index(path)]
        header = jwt.get_unverified_header(token)
        assert header == {"alg": algorithm, "kid": header["kid"], "typ": "logout+jwt"}
        claims = jwt.decode(
            token,
            key=jwt.PyJWK(public[header["kid"]]),
            algorithms=[algorithm],
            audience=client,
            issuer=ISSUER,
        )
        assert set(claims) == {"iss", "sub", "aud", "iat", "exp", "jti", "sid", "events"}
        assert claims["events"] == {EVENT: {}}
        assert before <= claims["iat"] < claims["exp"] == claims["iat"] + 120
        id_claims = told_claims(tokens["id_token"])
        assert (claims["sub"], claims["sid"]) == (id_claims["sub"], id_claims["sid"])
    sids = {told_claims(token)["sid"] for token in receiver.tokens}
    subs = {told_claims(token)["sub"] for token in receiver.tokens}
    assert (len(sids), len(subs)) == (2, 2)


async def test_signing_out_at_the_portal_tells_them_too(
    told: Town, worker: Context, receiver: LogoutReceiver
) -> None:
    visit, news = await visit_news(told)
    now_s = int(time.time())
    claims = told.portal.claims(
        "mila", now_s=now_s, aud="consentid", jti="once", exp=now_s + 60, events={EVENT: {}}
    )
    key = told.portal.keys[0]
    header = {"kid": key.kid, "typ": "logout+jwt"}
    logout_token = jwt.encode(claims, key.private, algorithm=key.alg, headers=header)

    assert await end_portal_sessions(told.context, logout_token) == 1

    assert await send_logout_notices(worker) == 1
    assert told_claims(receiver.tokens[0])["sid"] == told_claims(news["id_token"])["sid"]
    assert visit.session is not None


async def test_who_proves_anew_who_they_are_stays_in_the_session_that_clients_know(
    told: Town, worker: Context, receiver: LogoutReceiver
) -> None:
    visit, first = await visit_news(told)
    cookie = visit.session
    await visit.sign_in("mila")
    assert visit.session != cookie
    again = (await visit.redeem(await visit.consent(REFUSED, prompt="consent"))).body
    assert told_claims(first["id_token"])["sid"] == told_claims(again["id_token"])["sid"]
    assert await send_logout_notices(worker) == 0

    await visit.sign_in("noah")

    assert await send_logout_notices(worker) == 1
    ended = told_claims(receiver.tokens[0])
    assert ended["sid"] == told_claims(first["id_token"])["sid"]
    assert ended["sub"] == told_claims(first["id_token"])["sub"]


async def test_the_id_token_of_a_refresh_keeps_the_session_and_the_time_and_no_nonce(
    told: Town,
) -> None:
    visit, first = await visit_news(told)
    second = (await visit.refresh(first["refresh_token"])).body
    third = (await visit.refresh(second["refresh_token"])).body
    old, new = told_claims(first["id_token"]), told_claims(third["id_token"])
    kept = ("iss", "sub", "aud", "sid", "auth_time", "acr")
    assert [old[name] for name in kept] == [new[name] for name in kept]
    assert old["acr"] == "gold"
    assert "nonce" in old
    assert "nonce" not in new
    assert new["iat"] >= old["iat"]


async def test_a_receiver_that_fails_is_told_again_later_by_another_token(
    told: Town, worker: Context, receiver: LogoutReceiver
) -> None:
    visit, _ = await visit_news(told)
    await sign_out(told.context, visit.browser)
    receiver.status = 503
    assert await send_logout_notices(worker) == 0
    assert await send_logout_notices(worker) == 0, "not before it is due again"
    assert len(receiver.tokens) == 1
    wait_s = "SELECT extract(epoch FROM due_at - clock_timestamp())::float8 FROM logout_notices"
    assert 2 < (await told.rows(wait_s))[0][0] <= 6.25

    await told.change("UPDATE logout_notices SET due_at = now()")
    receiver.status = 204
    assert await send_logout_notices(worker) == 1

    first, second = map(told_claims, receiver.tokens)
    assert first["jti"] != second["jti"]
    assert first["sid"] == second["sid"]
    assert await waiting(told) == 0


@pytest.mark.parametrize("attempts", [1, 5, 50])
async def test_the_wait_grows_to_ten_minutes(
    told: Town, worker: Context, receiver: LogoutReceiver, attempts: int
) -> None:
    visit, _ = await visit_news(told)
    await sign_out(told.context, visit.browser)
    await told.change("UPDATE logout_notices SET attempts = :n", n=attempts)
    receiver.status = 400
    await send_logout_notices(worker)
    wait_s = "SELECT extract(epoch FROM due_at - clock_timestamp())::float8 FROM logout_notices"
    expected = min(5 * 2**attempts, 600)
    assert expected * 0.74 - 2 < (await told.rows(wait_s))[0][0] <= expected * 1.25


async def test_after_an_hour_it_is_told_no_more_and_the_log_says_so(
    told: Town, worker: Context, receiver: LogoutReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "consentid.logout")
    visit, _ = await visit_news(told)
    await sign_out(told.context, visit.browser)
    await told.change("UPDATE logout_notices SET queued_at = queued_at - interval '1 hour'")
    receiver.status = 500
    assert await send_logout_notices(worker) == 0
    assert await waiting(told) == 0
    assert "news-web was not told of a logout: status 500" in caplog.text
    assert receiver.tokens[0] not in caplog.text


async def test_nobody_is_followed_elsewhere(
    told: Town, worker: Context, receiver: LogoutReceiver
) -> None:
    visit, _ = await visit_news(told)
    await sign_out(told.context, visit.browser)
    receiver.status, receiver.location = 307, receiver.uri(path="/elsewhere")
    assert await send_logout_notices(worker) == 0
    assert receiver.paths == ["/backchannel-logout"]


async def test_without_the_demo_s_switch_this_machine_is_not_reached(
    told: Town, worker: Context, receiver: LogoutReceiver
) -> None:
    visit, _ = await visit_news(told)
    await sign_out(told.context, visit.browser)
    assert await send_logout_notices(told.context) == 0
    assert receiver.tokens == []
    assert await waiting(told) == 1
    await told.change("UPDATE logout_notices SET due_at = now()")
    assert await send_logout_notices(worker) == 1


async def test_of_several_workers_one_sends_each_notice(
    told: Town, worker: Context, receiver: LogoutReceiver, founded: Founded
) -> None:
    visit, _ = await visit_news(told)
    account = "SELECT account_id FROM hub_sessions LIMIT 1"
    await told.change(
        "INSERT INTO logout_notices (id, client_id, session_id, subject_id, attempts, queued_at,"
        f" due_at) SELECT gen_random_uuid(), 'news-web', gen_random_uuid(), ({account}), 0, now(),"
        " now() FROM generate_series(1, 60)"
    )
    assert visit.session is not None
    settings = Settings(database_url=told.urls.serving, keys_dir=founded.keys, localhost_hosts=True)
    other = open_context(settings)
    taken = await together(*(send_logout_notices(each) for each in (worker, other.context)))
    await other.close()
    assert sum(taken) == 60
    assert len({told_claims(token)["sid"] for token in receiver.tokens}) == 60
    assert len(receiver.tokens) == 60


async def test_what_a_worker_that_died_had_claimed_is_sent_by_another(
    told: Town, worker: Context, receiver: LogoutReceiver
) -> None:
    visit, _ = await visit_news(told)
    await sign_out(told.context, visit.browser)
    await told.change(
        "UPDATE logout_notices SET attempts = 1, due_at = now() + interval '1 minute'"
    )
    assert await send_logout_notices(worker) == 0
    await told.change("UPDATE logout_notices SET due_at = now()")
    assert await send_logout_notices(worker) == 1
    assert len(receiver.tokens) == 1


async def test_a_client_that_no_longer_wants_to_hear_is_told_nothing(
    told: Town, worker: Context, receiver: LogoutReceiver
) -> None:
    visit, _ = await visit_news(told)
    await sign_out(told.context, visit.browser)
    await told.change("UPDATE clients SET disabled_at = now() WHERE client_id = 'news-web'")
    assert await send_logout_notices(worker) == 0
    assert await waiting(told) == 0
    assert receiver.tokens == []


async def test_no_client_takes_part_in_a_session_that_has_ended(told: Town) -> None:
    visit, _ = await visit_news(told)
    async with told.context.database.writing() as connection:
        now = await clock.now(connection)
        visitor = await find_visitor(told.context, connection, visit.browser, now=now)
    assert visitor.login is not None
    await sign_out(told.context, visit.browser)
    async with told.context.database.writing() as connection:
        assert not await hub_sessions.join(connection, visitor.login, "shop-web", sid="s")
    assert await told.rows("SELECT 1 FROM session_clients") == []


async def test_a_session_that_expired_is_forgotten_with_those_who_took_part(told: Town) -> None:
    await visit_news(told)
    await told.change("DELETE FROM refresh_tokens")
    assert await told.rows("SELECT client_id FROM session_clients") == [("news-web",)]
    await told.change("UPDATE hub_sessions SET expires_at = now() - interval '1 hour'")
    await reap(told.context)
    assert await told.rows("SELECT 1 FROM session_clients") == []
    assert await waiting(told) == 0
