import jwt
import pytest
from tests.flows.town import BRAND, GROUP, REFUSED, Town, together
from tests.flows.visits import Visit, choose_all

from consentid.flows.answer_interaction import WithdrawAll
from consentid.flows.authenticate import authenticate
from consentid.flows.reap import reap
from consentid.kit.errors import UnauthenticatedError

NEWS = "https://news.halcyon.example"
ALL = "openid offline_access"


async def start(town: Town) -> tuple[Visit, dict[str, str]]:
    """A browser, and the tokens of its first code."""
    visit = Visit(town=town)
    answer = await visit.redeem(await visit.consent(scope=ALL))
    assert answer.status == 200, answer.body
    return visit, answer.body


async def test_a_refresh_gives_another_refresh_token_and_resolves_again(town: Town) -> None:
    visit, first = await start(town)
    interaction = await visit.begin(prompt="consent")
    page = await visit.open(interaction)
    await visit.answer(interaction, choose_all(page, REFUSED))

    answer = await visit.refresh(first["refresh_token"])

    assert answer.status == 200, answer.body
    assert answer.body["refresh_token"] != first["refresh_token"]
    assert "ads" in town.claims(answer.body["consent_token"], NEWS).consent.d
    old, new = (
        jwt.decode(token, options={"verify_signature": False})
        for token in (first["id_token"], answer.body["id_token"])
    )
    assert (old["sub"], old["iss"], old["aud"]) == (new["sub"], new["iss"], new["aud"])
    assert "nonce" not in new


async def test_a_refresh_token_that_comes_again_ends_its_family(town: Town) -> None:
    visit, first = await start(town)
    second = (await visit.refresh(first["refresh_token"])).body

    assert (await visit.refresh(first["refresh_token"])).body["error"] == "invalid_grant"

    assert (await visit.refresh(second["refresh_token"])).body["error"] == "invalid_grant"
    with pytest.raises(UnauthenticatedError):
        await authenticate(town.context, second["access_token"])


async def test_of_ten_refreshes_at_once_one_wins_and_the_family_goes_on(town: Town) -> None:
    visit, first = await start(town)

    answers = await together(*(visit.refresh(first["refresh_token"]) for _ in range(10)))

    won = [answer for answer in answers if answer.status == 200]
    assert len(won) == 1
    assert {answer.body["error"] for answer in answers if answer.status != 200} == {"invalid_grant"}
    again = await visit.refresh(won[0].body["refresh_token"])
    assert again.status == 200

    assert (await visit.refresh(first["refresh_token"])).body["error"] == "invalid_grant"

    assert (await visit.refresh(again.body["refresh_token"])).body["error"] == "invalid_grant"


async def test_another_clients_refresh_token_is_refused_and_ends_nothing(town: Town) -> None:
    visit, first = await start(town)

    stolen = await visit.refresh(first["refresh_token"], as_client="shop-web")

    assert stolen.body["error"] == "invalid_grant"
    assert (await visit.refresh(first["refresh_token"])).status == 200


async def test_there_is_no_refresh_token_without_offline_access(town: Town) -> None:
    visit = Visit(town=town)

    answer = await visit.redeem(await visit.consent())

    assert "refresh_token" not in answer.body
    assert (await town.counts())["refresh_tokens"] == 0


async def test_a_refresh_may_ask_for_fewer_scopes_and_never_for_more(town: Town) -> None:
    visit, first = await start(town)

    more = await visit.refresh(first["refresh_token"], scope="openid admin")
    fewer = await visit.refresh(first["refresh_token"], scope="decisions:read")

    assert more.body["error"] == "invalid_scope"
    assert fewer.body["scope"] == "decisions:read"
    assert "id_token" not in fewer.body
    whole = await visit.refresh(fewer.body["refresh_token"])
    assert "id_token" in whole.body


async def test_a_refresh_token_lasts_30_days_and_its_family_13_months_at_most(town: Town) -> None:
    visit, first = await start(town)
    [(token_days, family_days)] = await town.rows(
        "SELECT extract(day FROM expires_at - issued_at)::int,"
        " extract(day FROM family_expires_at - issued_at)::int FROM refresh_tokens"
    )
    assert (token_days, family_days) == (30, 396)
    await town.change("UPDATE refresh_tokens SET family_expires_at = now() + interval '2 days'")

    await visit.refresh(first["refresh_token"])

    [(left,)] = await town.rows(
        "SELECT extract(hour FROM max(expires_at) FILTER (WHERE used_at IS NULL)"
        " - now() - interval '1 day')::int FROM refresh_tokens"
    )
    assert left <= 24


async def test_an_expired_refresh_token_is_refused(town: Town) -> None:
    visit, first = await start(town)
    await town.change("UPDATE refresh_tokens SET expires_at = now() - interval '1 second'")

    assert (await visit.refresh(first["refresh_token"])).body["error"] == "invalid_grant"


@pytest.mark.parametrize("reach", [GROUP, BRAND])
async def test_a_withdrawal_of_all_ends_refresh_tokens_and_codes(town: Town, reach: object) -> None:
    visit, first = await start(town)
    code = (await visit.ask_for_answer())["code"]
    interaction = await visit.begin(prompt="consent")
    page = await visit.open(interaction)

    await visit.answer(
        interaction,
        WithdrawAll(reach=GROUP if reach is GROUP else BRAND, unverified_served=page.served),
    )

    assert (await visit.refresh(first["refresh_token"])).body["error"] == "invalid_grant"
    assert (await visit.redeem(code)).body["error"] == "invalid_grant"


async def test_a_withdrawal_by_a_brands_page_ends_them_too(town: Town) -> None:
    visit, first = await start(town)
    caller = await authenticate(town.context, first["access_token"])

    await town.withdraw(caller)

    assert (await visit.refresh(first["refresh_token"])).body["error"] == "invalid_grant"


async def test_a_withdrawal_at_one_brand_leaves_the_others_tokens(town: Town) -> None:
    visit, first = await start(town)
    assert visit.device is not None
    at_shop = await town.on_device(visit.device, "shop-web")

    await town.withdraw(at_shop, reach=BRAND)

    assert (await visit.refresh(first["refresh_token"])).status == 200


async def test_a_withdrawal_of_one_purpose_ends_no_token_and_the_next_one_says_so(
    town: Town,
) -> None:
    visit, first = await start(town)
    caller = await authenticate(town.context, first["access_token"])

    await town.withdraw(caller, "ads")

    body = (await visit.refresh(first["refresh_token"])).body
    assert "ads" in town.claims(body["consent_token"], NEWS).consent.d


async def test_refresh_tokens_are_not_kept_in_clear(town: Town) -> None:
    _, first = await start(town)

    rows = await town.rows("SELECT row_to_json(r)::text FROM refresh_tokens r")

    assert first["refresh_token"] not in str(rows)


async def test_the_reaper_takes_what_is_past_its_time_and_nothing_else(town: Town) -> None:
    visit, first = await start(town)
    await visit.begin(prompt="consent")
    await visit.sign_in("somebody")
    kept = await town.counts()
    await reap(town.context)
    assert await town.counts() == kept

    await town.change("UPDATE authorization_codes SET expires_at = now() - interval '2 days'")
    await town.change("UPDATE interactions SET expires_at = now() - interval '2 days'")
    await town.change("UPDATE hub_sessions SET expires_at = now() - interval '1 hour'")
    await town.change("UPDATE refresh_tokens SET family_expires_at = now() - interval '1 hour'")
    await reap(town.context)

    left = await town.counts()
    assert [
        left[name]
        for name in ("authorization_codes", "interactions", "hub_sessions", "refresh_tokens")
    ] == [0, 0, 0, 0]
    assert first["refresh_token"]
