"""Who is signed in goes along by a link, and at all brands' pages at once when they sign out."""

from typing import Any

import jwt
import pytest
from tests.flows.test_hand_off import NEWS_ORIGIN, SHOP_ORIGIN, redeem
from tests.flows.town import GRANTED, GROUP, REFUSED, Town, outcomes_of
from tests.flows.visits import Visit

from consentid.flows.answer_token_request import TokenAnswer
from consentid.flows.authenticate import authenticate
from consentid.flows.hand_off import make_hand_off
from consentid.flows.manage_devices import sign_out_elsewhere
from consentid.flows.reap import reap
from consentid.flows.sign_out import SignOutRequest, judge_sign_out, sign_out
from consentid.kit.errors import ForbiddenError, UnauthenticatedError

NEWS, SHOP = "news-spa", "shop-spa"
ALL = "openid offline_access"
HUB = "http://consent.localhost:7600"
PLAY_ORIGIN = "http://play.localhost:7600"


def at(town: Town, client: str, browser: Visit | None = None) -> Visit:
    """A brand's page, or its back end, in a browser of its own unless one is given."""
    brand, _, kind = client.partition("-")
    path = "/consent/return" if kind == "spa" else "/callback"
    visit = Visit(town=town, client=client, redirect_uri=f"http://{brand}.localhost:7600{path}")
    if browser is not None:
        visit.session, visit.device, visit.secret = browser.session, browser.device, browser.secret
    return visit


async def enter(visit: Visit, **changed: str) -> dict[str, Any]:
    """What a client holds of whoever is behind the browser, and has answered."""
    answer = await visit.redeem(
        await visit.consent(GRANTED, **{"scope": ALL, "prompt": "consent", **changed})
    )
    assert answer.status == 200, answer.body
    return answer.body


async def at_news(town: Town, sub: str = "mila") -> tuple[Visit, dict[str, Any]]:
    """Somebody who signed in, and what the page of news holds."""
    visit = at(town, NEWS)
    await visit.sign_in(sub, acr="gold")
    return visit, await enter(visit)


async def mint(town: Town, held: dict[str, Any], target: str = SHOP_ORIGIN) -> str:
    caller = await authenticate(town.context, held["access_token"])
    made = await make_hand_off(town.context, caller, origin=NEWS_ORIGIN, target=target)
    return made.code


async def at_shop(town: Town, held: dict[str, Any]) -> dict[str, Any]:
    """What the shop's page holds after a link from news."""
    answer = await redeem(town, await mint(town, held))
    assert answer.status == 200, answer.body
    return answer.body


async def lives(town: Town, client: str, held: dict[str, Any]) -> bool:
    """Whether a client's tokens go on, both of them alike."""
    try:
        await authenticate(town.context, held["access_token"])
    except UnauthenticatedError:
        is_active = False
    else:
        is_active = True
    answer = await Visit(town=town, client=client).refresh(held["refresh_token"])
    assert is_active is (answer.status == 200), answer.body
    assert is_active or answer.body["error"] == "invalid_grant"
    return is_active


def said(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def assert_refused(answer: TokenAnswer) -> None:
    assert (answer.status, answer.body["error"]) == (400, "invalid_grant")


# ── By a link ────────────────────────────────────────────────────────────────────────────────────


async def test_a_link_takes_along_who_is_signed_in_as_the_hub_would_tell(town: Town) -> None:
    visit, news = await at_news(town)
    handed = await at_shop(town, news)

    at_hub = await enter(at(town, SHOP, visit))

    by_link, by_code = said(handed["id_token"]), said(at_hub["id_token"])
    same = ("iss", "sub", "aud", "sid", "auth_time", "acr")
    assert [by_link[name] for name in same] == [by_code[name] for name in same]
    assert by_link["acr"] == "gold"
    assert "nonce" not in by_link
    assert by_link["sid"] != said(news["id_token"])["sid"]
    consent = said(handed["consent_token"])
    assert consent["aud"] == "https://market.halcyon.example"
    assert "ads" in consent["consent"]["g"]
    assert set(handed["scope"].split()) == {"decisions:read", "decisions:write", *ALL.split()}
    renewed = (await Visit(town=town, client=SHOP).refresh(handed["refresh_token"])).body
    assert said(renewed["id_token"])["sid"] == by_link["sid"]


@pytest.mark.parametrize("is_adult", [True, False])
async def test_what_needs_an_adult_is_told_alike_by_link_and_by_code(
    town: Town, *, is_adult: bool
) -> None:
    visit, news = await at_news(town)
    await enter(at(town, "play-spa", visit))
    await town.change("UPDATE known_subjects SET adult = :is_adult", is_adult=is_adult)
    code = await mint(town, news, PLAY_ORIGIN)
    form = {
        "grant_type": "urn:consentid:params:oauth:grant-type:handoff",
        "client_id": "play-spa",
        "code": code,
        "referrer": NEWS_ORIGIN,
    }

    handed = await town.ask_token("play-spa", origin=PLAY_ORIGIN, **form)

    at_hub = at(town, "play-spa", visit)
    asked = await at_hub.ask_for_answer(scope=ALL, prompt="none")
    by_code = await at_hub.redeem(asked["code"])
    by_link, by_hub = (
        said(each.body["consent_token"])["consent"]["g"] for each in (handed, by_code)
    )
    assert by_link == by_hub
    assert ("ads.partners" in by_link) is is_adult


async def test_the_device_beneath_goes_along(town: Town) -> None:
    visit = at(town, NEWS)
    await visit.consent(REFUSED)
    await visit.sign_in("mila")
    news = await enter(visit)

    handed = await at_shop(town, news)

    devices = [
        (await authenticate(town.context, each["access_token"])).device for each in (news, handed)
    ]
    assert devices[0] is not None
    assert devices[0] == devices[1]


async def test_who_was_handed_on_is_handed_on_again(town: Town) -> None:
    _, news = await at_news(town)
    handed = await at_shop(town, news)
    caller = await authenticate(town.context, handed["access_token"])

    made = await make_hand_off(town.context, caller, origin=SHOP_ORIGIN, target=NEWS_ORIGIN)

    assert made.code


async def test_a_session_that_ended_hands_nobody_on_and_its_codes_end_with_it(town: Town) -> None:
    visit, news = await at_news(town)
    _, other = await at_news(town, "noah")
    caller = await authenticate(town.context, news["access_token"])
    code, others = await mint(town, news), await mint(town, other)

    await sign_out(town.context, visit.browser)

    assert await town.rows("SELECT count(*) FROM hand_offs") == [(1,)]
    assert_refused(await redeem(town, code))
    with pytest.raises(ForbiddenError, match="until they sign out"):
        await make_hand_off(town.context, caller, origin=NEWS_ORIGIN, target=SHOP_ORIGIN)
    assert (await redeem(town, others)).status == 200


async def test_a_session_whose_time_is_over_hands_nobody_on_and_ends_nothing(town: Town) -> None:
    _, news = await at_news(town)
    code, handed = await mint(town, news), await at_shop(town, news)
    await town.change("UPDATE hub_sessions SET expires_at = now()")

    assert_refused(await redeem(town, code))
    with pytest.raises(ForbiddenError):
        await mint(town, news)
    await reap(town.context)
    assert_refused(await redeem(town, code))
    assert await lives(town, NEWS, news)
    assert await lives(town, SHOP, handed)


async def test_who_proves_anew_who_they_are_is_still_handed_on(town: Town) -> None:
    visit, news = await at_news(town)
    code = await mint(town, news)

    await visit.sign_in("mila")

    assert (await redeem(town, code)).status == 200
    assert await mint(town, news)
    await visit.sign_in("noah")
    assert not await lives(town, NEWS, news)


async def test_only_a_page_hands_on_who_is_signed_in_and_not_to_the_hub(town: Town) -> None:
    visit, page = await at_news(town)
    back_end = await enter(at(town, "news-web", visit))

    for held, target in ((back_end, SHOP_ORIGIN), (page, HUB)):
        with pytest.raises(ForbiddenError) as refused:
            await mint(town, held, target)
        assert refused.value.code == "device_needed"


async def test_a_code_that_comes_again_ends_what_came_of_it_and_nothing_else(town: Town) -> None:
    _, news = await at_news(town)
    code = await mint(town, news)
    handed = (await redeem(town, code)).body

    assert_refused(await redeem(town, code))

    assert not await lives(town, SHOP, handed)
    assert await lives(town, NEWS, news)


async def test_a_code_of_an_erased_account_is_refused(town: Town) -> None:
    _, news = await at_news(town)
    code = await mint(town, news)
    await town.change("UPDATE subjects SET erased_at = now()")

    assert_refused(await redeem(town, code))


async def test_taking_everything_back_ends_what_was_not_redeemed(town: Town) -> None:
    _, news = await at_news(town)
    code = await mint(town, news)
    await town.withdraw(await authenticate(town.context, news["access_token"]), reach=GROUP)

    assert_refused(await redeem(town, code))


# ── Signing out ──────────────────────────────────────────────────────────────────────────────────


async def test_signing_out_ends_what_the_brands_pages_hold_and_what_no_other_client_holds(
    town: Town,
) -> None:
    visit, news = await at_news(town)
    shop = await enter(at(town, SHOP, visit))
    handed = await at_shop(town, news)
    back_end = await enter(at(town, "news-web", visit))
    brief = await enter(at(town, "news-web", visit), scope="openid")
    _, elsewhere = await at_news(town)
    _, other = await at_news(town, "noah")

    await sign_out(town.context, visit.browser)

    assert not await lives(town, NEWS, news)
    assert not await lives(town, SHOP, shop)
    assert not await lives(town, SHOP, handed)
    assert await lives(town, "news-web", back_end)
    assert (await authenticate(town.context, brief["access_token"])).subject is not None
    assert await lives(town, NEWS, elsewhere)
    assert await lives(town, NEWS, other)
    assert await town.faults() == []


async def test_what_was_given_without_refreshing_ends_too(town: Town) -> None:
    visit, _ = await at_news(town)
    brief = await enter(at(town, SHOP, visit), scope="openid")

    await sign_out(town.context, visit.browser)

    with pytest.raises(UnauthenticatedError):
        await authenticate(town.context, brief["access_token"])


async def test_the_device_s_own_tokens_outlive_a_sign_out_on_it(town: Town) -> None:
    visit = at(town, NEWS)
    device = await enter(visit)
    await visit.sign_in("mila")
    account = await enter(visit)

    await sign_out(town.context, visit.browser)

    assert not await lives(town, NEWS, account)
    assert await lives(town, NEWS, device)


async def leaving(town: Town, visit: Visit, client: str, held: dict[str, Any]) -> SignOutRequest:
    """A client's request, with the ID token that it holds, in a browser."""
    fields = {"client_id": client, "id_token_hint": held["id_token"]}
    return await judge_sign_out(town.context, fields, visit.browser)


async def _later(town: Town) -> None:
    """Twelve hours later, and what has ended by itself is forgotten."""
    await town.change("UPDATE hub_sessions SET expires_at = now() - interval '1 hour'")
    await reap(town.context)


async def test_signing_out_reaches_the_pages_also_once_the_session_s_time_is_over(
    town: Town,
) -> None:
    visit, news = await at_news(town)
    shop = await at_shop(town, news)
    await _later(town)
    assert await lives(town, SHOP, shop)

    asked = await judge_sign_out(town.context, {}, visit.browser)
    assert (asked.is_signed_in, asked.is_proven) == (True, False)
    await sign_out(town.context, visit.browser)

    assert not await lives(town, NEWS, news)
    assert await town.rows("SELECT 1 FROM session_clients") == []


async def test_a_session_is_forgotten_once_nobody_can_renew_what_came_of_it(town: Town) -> None:
    await at_news(town)
    await _later(town)
    (held,) = await town.rows("SELECT held_until FROM hub_sessions")
    (ends,) = await town.rows("SELECT max(expires_at) FROM refresh_tokens")
    assert held == ends
    await town.change("UPDATE refresh_tokens SET expires_at = now() - interval '1 hour'")
    await town.change("UPDATE hub_sessions SET held_until = now() - interval '1 hour'")

    await reap(town.context)

    assert await town.rows("SELECT 1 FROM hub_sessions") == []
    assert await town.rows("SELECT 1 FROM session_clients") == []


async def test_what_a_code_of_the_session_s_last_minute_gave_is_reached_by_a_sign_out(
    town: Town,
) -> None:
    visit = at(town, NEWS)
    await visit.sign_in("mila")
    code = await visit.consent(GRANTED, scope=ALL)
    await town.change("UPDATE hub_sessions SET expires_at = now() - interval '1 second'")
    await reap(town.context)
    late = await visit.redeem(code)
    assert late.status == 200

    await sign_out(town.context, visit.browser)

    assert not await lives(town, NEWS, late.body)


async def test_any_number_of_sessions_is_forgotten_at_once(town: Town) -> None:
    await town.change(
        "INSERT INTO hub_sessions (session_hash, session_id, created_at, expires_at)"
        " SELECT sha256(each::text::bytea), gen_random_uuid(), now(), now() - interval '1 hour'"
        " FROM generate_series(1, 33000) AS each"
    )

    await reap(town.context)

    assert await town.rows("SELECT count(*) FROM hub_sessions") == [(0,)]


async def test_a_session_that_a_former_release_began_is_known_by_what_its_clients_call_it(
    town: Town,
) -> None:
    visit, _ = await at_news(town)
    await town.change("UPDATE session_clients SET sid = NULL")
    news = await enter(visit)

    asked = await leaving(town, at(town, NEWS), NEWS, news)

    assert (asked.is_signed_in, asked.is_proven) == (True, True)


async def test_a_page_s_id_token_ends_its_session_where_the_browser_has_forgotten_it(
    town: Town,
) -> None:
    visit, news = await at_news(town)
    shop = await at_shop(town, news)
    _, elsewhere = await at_news(town)
    closed = at(town, SHOP)  # the cookie went with the browser, storage did not

    asked = await leaving(town, closed, SHOP, shop)
    assert (asked.is_signed_in, asked.is_proven) == (True, True)
    await sign_out(town.context, closed.browser, sessions=asked.sessions)

    assert not await lives(town, NEWS, news)
    assert not await lives(town, SHOP, shop)
    assert await lives(town, NEWS, elsewhere)
    again = await leaving(town, visit, SHOP, shop)
    assert (again.is_signed_in, again.sessions) == (False, ())


async def test_who_signed_in_since_is_asked_and_then_both_sessions_end(town: Town) -> None:
    _, old = await at_news(town)
    now, news = await at_news(town, "noah")

    asked = await leaving(town, now, NEWS, old)
    assert (asked.is_signed_in, asked.is_proven) == (True, False)
    await sign_out(town.context, now.browser, sessions=asked.sessions)

    assert not await lives(town, NEWS, old)
    assert not await lives(town, NEWS, news)


async def test_who_signs_in_again_in_the_midst_of_signing_out_is_left_no_former_tokens(
    town: Town,
) -> None:
    here, held_here = await at_news(town)
    there, held_there = await at_news(town, "noah")
    closed = at(town, NEWS)
    by_cookie = await judge_sign_out(town.context, {}, here.browser)
    by_hint = await leaving(town, closed, NEWS, held_there)
    cookie = here.browser
    await here.sign_in("mila")
    await there.sign_in("noah")

    await sign_out(town.context, cookie, sessions=by_cookie.sessions)
    await sign_out(town.context, closed.browser, sessions=by_hint.sessions)

    assert not await lives(town, NEWS, held_here)
    assert not await lives(town, NEWS, held_there)
    assert await town.rows("SELECT 1 FROM hub_sessions") == []


async def test_who_comes_again_after_the_session_s_time_goes_on_with_it(town: Town) -> None:
    visit, news = await at_news(town)
    await _later(town)

    await visit.sign_in("mila")

    assert await lives(town, NEWS, news)
    await sign_out(town.context, visit.browser)
    assert await town.rows("SELECT 1 FROM session_clients") == []


async def test_who_else_signs_in_there_ends_what_was_left_open(town: Town) -> None:
    visit, news = await at_news(town)
    await _later(town)

    await visit.sign_in("noah")

    assert not await lives(town, NEWS, news)


async def test_signing_out_elsewhere_ends_the_pages_there_and_not_here(town: Town) -> None:
    here, news = await at_news(town)
    _, there = await at_news(town)

    assert await sign_out_elsewhere(town.context, here.browser) == 1

    assert await lives(town, NEWS, news)
    assert not await lives(town, NEWS, there)


async def test_a_page_that_renews_while_its_person_signs_out_is_left_nothing(town: Town) -> None:
    for number in range(10):
        visit, news = await at_news(town, f"mila-{number}")

        renewed, _ = await outcomes_of(
            visit.refresh(news["refresh_token"]), sign_out(town.context, visit.browser)
        )

        assert isinstance(renewed, TokenAnswer), renewed
        assert not await lives(town, NEWS, news)
        if renewed.status == 200:
            assert not await lives(town, NEWS, renewed.body)


async def test_a_page_that_takes_over_while_the_person_signs_out_is_left_nothing(
    town: Town,
) -> None:
    for number in range(10):
        visit, news = await at_news(town, f"mila-{number}")
        code = await mint(town, news)

        answer, ended, _ = await outcomes_of(
            redeem(town, code),
            sign_out(town.context, visit.browser),
            visit.refresh(news["refresh_token"]),
        )

        assert ended is None
        assert isinstance(answer, TokenAnswer), answer
        if answer.status == 200:
            assert not await lives(town, SHOP, answer.body)
    assert await town.rows("SELECT 1 FROM session_clients") == []
    assert await town.rows("SELECT 1 FROM access_tokens WHERE subject_id IS NOT NULL") == []
    assert await town.faults() == []


async def test_taking_all_back_and_signing_out_at_once_wait_for_nobody_in_a_circle(
    town: Town,
) -> None:
    for number in range(10):
        visit, news = await at_news(town, f"mila-{number}")
        await at_shop(town, news)
        caller = await authenticate(town.context, news["access_token"])
        await mint(town, news)

        outcomes = await outcomes_of(
            sign_out(town.context, visit.browser), town.withdraw(caller, reach=GROUP)
        )

        assert not [each for each in outcomes if isinstance(each, BaseException)]
        assert await town.rows("SELECT 1 FROM refresh_tokens WHERE revoked_at IS NULL") == []
