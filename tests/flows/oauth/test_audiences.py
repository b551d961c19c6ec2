"""A brand that registered several audiences: ``resource`` chooses, and each is judged alone."""

import json
from pathlib import Path

import pytest
from tests.flows.town import GRANTED, Town, edit, exchange
from tests.flows.visits import Visit

from consentid.brandbook.folder import load
from consentid.core.decision import Outcome
from consentid.flows.introspect import introspect
from consentid.flows.oauth.token_types import CONSENT_TOKEN, DEVICE_CREDENTIAL
from consentid.flows.publish_catalogue import publish_catalogue
from consentid.flows.pushed_requests import push_request
from consentid.flows.verify_from_memory import Asked, Memory
from consentid.flows.verify_token import verify_token
from consentid.flows.watch_revocations import RevocationWatch
from consentid.kit.errors import ForbiddenError
from consentid.store.revocations import looking

NEWS = "https://news.halcyon.example"
API = "https://api.news.halcyon.example"
MARKET = "https://market.halcyon.example"
ALL = "openid offline_access"


def place(town: Town, token: str, audience: str) -> tuple[str, int]:
    status = town.claims(token, audience).status.status_list
    return status.uri, status.idx


async def is_active(town: Town, token: str, audience: str | None = None) -> bool:
    caller = await town.client()
    answer = await verify_token(
        town.context, caller, token, audience=audience, purposes=(), at_least=None
    )
    return answer.active


async def test_resource_chooses_among_the_registered_audiences(town: Town) -> None:
    for asked, expected in ((None, NEWS), (NEWS, NEWS), (API, API)):
        visit = Visit(town=town)
        body = (await visit.redeem(await visit.consent(resource=asked))).body
        assert town.claims(body["consent_token"], expected).aud == expected


async def test_what_was_asked_for_at_the_beginning_stays(town: Town) -> None:
    visit = Visit(town=town)
    code = await visit.consent(resource=API, scope=ALL)
    other = await visit.redeem(code, resource=NEWS)
    assert other.body["error"] == "invalid_target"
    first = (await visit.redeem(code)).body
    again = (await visit.refresh(first["refresh_token"])).body
    assert town.claims(again["consent_token"], API).aud == API
    other = await visit.refresh(again["refresh_token"], resource=NEWS)
    assert other.body["error"] == "invalid_target"


async def test_where_nothing_was_asked_for_each_refresh_may_choose(town: Town) -> None:
    visit = Visit(town=town)
    body = (await visit.redeem(await visit.consent(scope=ALL))).body
    for audience in (API, NEWS, API):
        body = (await visit.refresh(body["refresh_token"], resource=audience)).body
        assert town.claims(body["consent_token"], audience).aud == audience
    foreign = await visit.refresh(body["refresh_token"], resource=MARKET)
    assert foreign.body["error"] == "invalid_target"


async def test_each_audience_has_a_place_of_its_own_and_a_withdrawal_ends_all(town: Town) -> None:
    credential = await town.new_device()
    visitor = await town.on_device(credential)
    site = (await town.decide(visitor, {"ads": GRANTED})).consent_token
    assert site is not None
    exchanged = await town.ask_token(
        "news-web",
        **exchange(credential, DEVICE_CREDENTIAL),
        resource=API,
        audience=API,
        requested_token_type=CONSENT_TOKEN,
    )
    api = exchanged.body["access_token"]
    assert place(town, site, NEWS) != place(town, api, API)
    assert await is_active(town, site)
    assert await is_active(town, api, API)
    await town.withdraw(visitor, "ads")
    assert not await is_active(town, site)
    assert not await is_active(town, api, API)


async def test_a_token_for_one_audience_is_none_for_another_of_the_same_brand(town: Town) -> None:
    visit = Visit(town=town)
    token = (await visit.redeem(await visit.consent(resource=API))).body["consent_token"]
    assert not await is_active(town, token)
    assert not await is_active(town, token, NEWS)
    with pytest.raises(ForbiddenError):
        await is_active(town, token, MARKET)
    caller = await town.client()
    assert (await introspect(town.context, caller.client, token)).aud == API

    watch = RevocationWatch(town.context)
    memory = Memory(town.context, watch)
    async with looking(town.context.database) as through:
        await watch.look(through)
    for audience, says in ((API, b"true"), (NEWS, b"false"), (None, b"false"), (API, b"true")):
        asked = Asked(unverified_token=token, caller=caller, audience=audience)
        answer = await memory.recall(asked)
        assert answer is not None
        assert answer.startswith(b'{"active":' + says)


@pytest.mark.parametrize(("target", "error"), [(API, None), (MARKET, "invalid_target")])
async def test_a_client_by_itself_may_name_no_foreign_target(
    town: Town, target: str, error: str | None
) -> None:
    answer = await town.ask_token("news-web", grant_type="client_credentials", resource=target)
    assert answer.body.get("error") == error


async def test_two_targets_at_once_are_refused(town: Town) -> None:
    answer = await town.ask_token(
        "news-web",
        **exchange(await town.new_device(), DEVICE_CREDENTIAL),
        resource=API,
        audience=NEWS,
    )
    assert answer.body["error"] == "invalid_target"


async def test_a_partner_takes_over_from_whichever_audience(town: Town) -> None:
    visit = Visit(town=town)
    token = (await visit.redeem(await visit.consent(resource=API))).body["consent_token"]
    answer = await town.ask_token("reach-api", **exchange(token, CONSENT_TOKEN))
    assert answer.status == 200, answer.body


async def test_an_audience_that_is_given_up_ends_its_tokens(
    town: Town, halcyon_folder: Path
) -> None:
    visit = Visit(town=town)
    body = (await visit.redeem(await visit.consent(resource=API, scope=ALL))).body
    client = (await town.client()).client
    assert (await introspect(town.context, client, body["consent_token"])).active
    edit(halcyon_folder / "news.toml", "other_audiences = ", "# other_audiences = ")
    await publish_catalogue(town.owner, load(halcyon_folder), randomness=town.context.randomness)
    assert not (await introspect(town.context, client, body["consent_token"])).active
    refused = await visit.refresh(body["refresh_token"])
    assert refused.body["error"] == "invalid_target"


async def test_an_audience_that_another_brand_takes_over_brings_no_tokens_along(
    town: Town, halcyon_folder: Path
) -> None:
    visit, before = Visit(town=town), await town.client()
    code = await visit.consent(Outcome.REFUSED, resource=API)
    token = (await visit.redeem(code)).body["consent_token"]
    assert (await introspect(town.context, before.client, token)).active
    edit(halcyon_folder / "news.toml", f'other_audiences = ["{API}"]', "")
    market = f'audience = "{MARKET}"'
    edit(halcyon_folder / "shop.toml", market, f'{market}\nother_audiences = ["{API}"]')
    stricter = '[overrides.audience]\nbasis = "consent"'
    edit(halcyon_folder / "shop.toml", stricter, "[overrides.audience]\nvalidity_days = 300")
    await publish_catalogue(town.owner, load(halcyon_folder), randomness=town.context.randomness)
    shop = (await town.client("shop-web")).client
    assert not (await introspect(town.context, shop, token)).active


async def test_details_that_name_a_location_are_granted_for_no_other(town: Town) -> None:
    client, visit = (await town.client()).client, Visit(town=town)
    details = [{"type": "consent_request", "purposes": ["ads"], "locations": [NEWS]}]
    fields = visit.request(authorization_details=json.dumps(details))
    pushed = await push_request(town.context, client, fields)
    alone = dict.fromkeys(name for name in fields if name != "client_id")
    interaction = await visit.begin(**alone, request_uri=pushed.request_uri)
    code = (await visit.choose(interaction, Outcome.GRANTED))["code"]
    other = await visit.redeem(code, resource=API)
    assert other.body["error"] == "invalid_target"
    granted = (await visit.redeem(code)).body["authorization_details"]
    assert [list(each["locations"]) for each in granted] == [[NEWS]]


async def test_a_client_may_have_a_default_of_its_own(town: Town, halcyon_folder: Path) -> None:
    edit(
        halcyon_folder / "news.toml",
        'redirect_uris = ["http://news.localhost:7600/callback"]',
        f'redirect_uris = ["http://news.localhost:7600/callback"]\naudience = "{API}"',
    )
    await publish_catalogue(town.owner, load(halcyon_folder), randomness=town.context.randomness)
    visit = Visit(town=town)
    token = (await visit.redeem(await visit.consent())).body["consent_token"]
    assert town.claims(token, API).client_id == "news-web"
    assert await is_active(town, token)
    assert not await is_active(town, token, NEWS)
    visit = Visit(town=town)
    token = (await visit.redeem(await visit.consent(resource=NEWS))).body["consent_token"]
    assert town.claims(token, NEWS).client_id == "news-web"
