"""A partner takes over a person's answer: RFC 8693 with ``act``."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.flows.town import BRAND, GRANTED, GROUP, PARTNER, REFUSED, Town, edit, exchange

from consentid.brandbook.folder import load
from consentid.flows.answer_token_request import TokenAnswer
from consentid.flows.oauth.token_types import (
    ACCESS_TOKEN,
    CONSENT_TOKEN,
    DEVICE_CREDENTIAL,
    ID_TOKEN,
)
from consentid.flows.publish_catalogue import publish_catalogue
from consentid.flows.publish_status_lists import publish_status_lists
from consentid.flows.register_client import rotate_secret
from consentid.flows.verify_token import VerifyOut, verify_token
from consentid.tokens.consent import ConsentClaims

NEWS, REACH, BAZAAR = (
    "https://news.halcyon.example",
    "https://reach-media.example",
    "https://bazaar.example",
)
SHARING = "ads.partners.retail"
YES = dict.fromkeys(["ads", "ads.measurement", "ads.partners", SHARING], GRANTED)


async def news_token(town: Town, choices: dict[str, Any] | None = None) -> tuple[Any, str]:
    visitor = await town.device("news-web")
    decided = await town.decide(visitor, choices or YES, GROUP)
    assert decided.consent_token is not None
    return visitor, decided.consent_token


async def take_over(
    town: Town, token: str, client: str = "reach-api", kind: str = CONSENT_TOKEN, **more: str
) -> TokenAnswer:
    return await town.ask_token(client, **exchange(token, kind), **more)


def actors(claims: ConsentClaims) -> list[str]:
    """The chain, the present actor first."""
    found: list[str] = []
    act = claims.act
    while act is not msgspec.UNSET:
        found.append(act.sub)
        act = act.act
    return found


async def verify(town: Town, token: str, client: str = "reach-api") -> VerifyOut:
    caller = await town.client(client)
    return await verify_token(
        town.context, caller, token, audience=None, purposes=(), at_least=None
    )


@pytest.fixture
async def bazaar(town: Town, halcyon_folder: Path) -> Town:
    """Two partners more: one takes over from reach, and one from that."""
    reach = (halcyon_folder / "partners" / "reach.toml").read_text()
    for slug, giver in (("bazaar", "reach"), ("stall", "bazaar")):
        file = halcyon_folder / "partners" / f"{slug}.toml"
        file.write_text(
            reach.replace("reach-media", slug)
            .replace("reach.localhost", f"{slug}.localhost")
            .replace("clients.reach-", f"clients.{slug}-")
            .replace("Reach Media", slug.title())
        )
        edit(file, 'news = "ads.partners.retail"\n', f'{giver} = "ads.partners.retail"\n')
        edit(file, 'shop = "ads.partners.retail"\n', "")
    await publish_catalogue(town.owner, load(halcyon_folder), randomness=town.context.randomness)
    for client in ("bazaar-api", "stall-api"):
        new = await rotate_secret(town.owner, client_id=client, randomness=town.context.randomness)
        town.secrets = {**town.secrets, client: new.secret}
    return town


async def test_a_partner_gets_a_narrower_token_for_its_own_audience(town: Town) -> None:
    visitor, token = await news_token(town)
    answer = await take_over(town, token)
    assert answer.status == 200, answer.body
    assert answer.body["token_type"] == "N_A"
    assert answer.body["issued_token_type"] == CONSENT_TOKEN
    claims = town.claims(answer.body["access_token"], REACH)
    assert set(claims.consent.g) == {"ads.measurement", "ads.partners", SHARING}
    assert actors(claims) == ["reach"]
    assert claims.sub != town.claims(token, NEWS).sub
    assert 0 < answer.body["expires_in"] <= 900
    assert (await verify(town, answer.body["access_token"])).active
    assert not await town.faults()
    del visitor


async def test_an_access_token_of_the_brand_s_subject_serves_as_well(town: Town) -> None:
    credential = await town.new_device("news-web")
    caller, answer = await town.enter("news-web", **exchange(credential, DEVICE_CREDENTIAL))
    await town.decide(caller, YES, GROUP)
    taken = await take_over(town, answer.body["access_token"], kind=ACCESS_TOKEN)
    assert taken.status == 200, taken.body
    assert actors(town.claims(taken.body["access_token"], REACH)) == ["reach"]


async def test_a_withdrawal_at_the_brand_ends_the_partner_s_token(town: Town) -> None:
    visitor, token = await news_token(town)
    taken = (await take_over(town, token)).body["access_token"]
    await town.withdraw(visitor, SHARING, reach=BRAND)
    assert not (await verify(town, taken)).active
    assert (await take_over(town, token)).body["error"] == "invalid_grant"
    await publish_status_lists(town.context)
    status = town.claims(taken, REACH).status.status_list
    ((bits,),) = await town.rows("SELECT bits FROM status_lists")
    assert bits[status.idx >> 3] >> (status.idx & 7) & 1


async def test_without_a_yes_to_the_sharing_nothing_is_passed_on(town: Town) -> None:
    _, token = await news_token(town, {**YES, SHARING: REFUSED})
    answer = await take_over(town, token)
    assert (answer.status, answer.body["error"]) == (400, "invalid_grant")


async def test_a_no_that_stands_at_the_partner_is_kept(town: Town) -> None:
    credential = await town.new_device("reach-forms")
    at_reach = await town.on_device(credential, "reach-forms")
    await town.withdraw(at_reach, "ads.measurement", reach=PARTNER)
    at_news = await town.on_device(credential, "news-web")
    decided = await town.decide(at_news, YES, GROUP)
    assert decided.consent_token is not None
    answer = await take_over(town, decided.consent_token)
    claims = town.claims(answer.body["access_token"], REACH)
    assert "ads.measurement" not in claims.consent.g
    assert "ads.measurement" in claims.consent.d


async def test_what_comes_out_never_says_more_than_what_came_in(town: Town) -> None:
    fewer = {purpose: YES[purpose] for purpose in YES if purpose not in ("ads", "ads.measurement")}
    visitor, older = await news_token(town, fewer)
    await town.decide(visitor, {"ads.measurement": GRANTED}, GROUP)
    assert (await take_over(town, older)).status == 200
    taken = town.claims((await take_over(town, older)).body["access_token"], REACH)
    assert set(taken.consent.g) == {"ads.partners", SHARING}

    before_the_yes = await town.device("news-web")
    token = (await town.decide(before_the_yes, {"content": GRANTED}, GROUP)).consent_token
    assert token is not None
    await town.decide(before_the_yes, YES, GROUP)
    assert (await take_over(town, token)).body["error"] == "invalid_grant"


@pytest.mark.parametrize("refused", ["ads.measurement", SHARING])
async def test_what_the_device_refuses_is_not_passed_on_for_the_account(
    town: Town, halcyon_folder: Path, refused: str
) -> None:
    edit(halcyon_folder / "group.toml", '"account_prevails"', '"most_protective"')
    await publish_catalogue(town.owner, load(halcyon_folder), randomness=town.context.randomness)
    account, _ = await town.enter("news-web", **exchange(town.id_token("ada"), ID_TOKEN))
    await town.decide(account, YES, GROUP)
    credential = await town.new_device("news-web")
    await town.decide(await town.on_device(credential), {refused: REFUSED}, GROUP)
    _, session = await town.enter(
        "news-web",
        **exchange(town.id_token("ada"), ID_TOKEN),
        actor_token=credential,
        actor_token_type=DEVICE_CREDENTIAL,
    )

    answer = await take_over(town, session.body["access_token"], kind=ACCESS_TOKEN)

    if refused == SHARING:
        assert answer.body["error"] == "invalid_grant"
    else:
        claims = town.claims(answer.body["access_token"], REACH)
        assert refused not in claims.consent.g


async def test_a_brand_that_the_partner_does_not_register_gives_nothing(town: Town) -> None:
    visitor = await town.device("play-web")
    decided = await town.decide(visitor, {"ads.measurement": GRANTED}, BRAND)
    assert decided.consent_token is not None
    assert (await take_over(town, decided.consent_token)).body["error"] == "invalid_grant"


async def test_a_client_that_takes_over_from_nobody_is_told_so(town: Town) -> None:
    _, token = await news_token(town)
    answer = await take_over(town, token, client="shop-web")
    assert answer.body["error"] == "unauthorized_client"


@pytest.mark.parametrize("target", ["audience", "resource"])
async def test_a_foreign_target_is_refused(town: Town, target: str) -> None:
    _, token = await news_token(town)
    answer = await take_over(town, token, **{target: NEWS})
    assert answer.body["error"] == "invalid_target"


async def test_an_access_token_is_never_given_for_another_s_token(town: Town) -> None:
    _, token = await news_token(town)
    answer = await take_over(town, token, requested_token_type=ACCESS_TOKEN)
    assert answer.body["error"] == "invalid_request"


async def test_a_scope_is_refused_and_not_passed_over(town: Town) -> None:
    _, token = await news_token(town)
    answer = await take_over(town, token, scope="verify decisions:write")
    assert answer.body["error"] == "invalid_scope"


async def test_an_id_token_is_no_consent_token(town: Town) -> None:
    answer = await take_over(town, town.id_token("mila"))
    assert answer.body["error"] == "invalid_grant"


async def test_a_second_hop_nests_the_actors_and_a_third_is_refused(bazaar: Town) -> None:
    visitor, token = await news_token(bazaar)
    first = (await take_over(bazaar, token)).body["access_token"]
    second = await take_over(bazaar, first, client="bazaar-api")
    assert second.status == 200, second.body
    claims = bazaar.claims(second.body["access_token"], BAZAAR)
    assert actors(claims) == ["bazaar", "reach"]
    third = await take_over(bazaar, second.body["access_token"], client="stall-api")
    assert (third.status, third.body["error"]) == (400, "invalid_target")
    await bazaar.withdraw(visitor)
    assert not (await verify(bazaar, second.body["access_token"], "bazaar-api")).active


async def test_a_partner_cannot_skip_the_one_before_it(bazaar: Town) -> None:
    _, token = await news_token(bazaar)
    assert (await take_over(bazaar, token, client="bazaar-api")).body["error"] == "invalid_grant"
