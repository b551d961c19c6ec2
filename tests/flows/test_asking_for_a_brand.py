"""A partner asks on behalf of a brand: the brand gets the answer, the partner hears it once."""

import json
import secrets
from typing import Any

import msgspec
import pytest
from tests.flows.test_pushed_requests import asked_by, detail, push
from tests.flows.town import BRAND, GRANTED, GROUP, PARTNER, REFUSED, Town
from tests.flows.visits import Visit, query_of

from consentid.core.decision import Assurance, Channel
from consentid.core.party import Party, PartyKind, Slug
from consentid.flows.answer_interaction import Cancel, Continue
from consentid.flows.authenticate import authenticate
from consentid.kit.errors import UnauthenticatedError
from consentid.oidc.refusal import RefusedRequestError

CALLBACK = "http://bazaar.localhost:7600/callback"
OWN, SHOP = "https://bazaar-lumen.example", "https://market.halcyon.example"
MARKET = Party(kind=PartyKind.BRAND, slug=Slug("shop"))
LOYALTY, EMAIL = "shop:loyalty", "contact.email"


def for_shop(*purposes: str, **more: Any) -> dict[str, Any]:
    return detail(*purposes, brand="shop", beneficiary="brand", **more)


@pytest.fixture
def visit(town: Town) -> Visit:
    return Visit(
        town=town, client="bazaar-web", redirect_uri=CALLBACK, verifier=secrets.token_urlsafe(48)
    )


async def ask(
    town: Town, visit: Visit, *purposes: str, outcome: Any = GRANTED, **more: Any
) -> dict[str, Any]:
    """The partner asks for the shop, the person answers; the partner's tokens."""
    uri = await push(town, visit, for_shop(*purposes, **more))
    told = await visit.choose(await visit.begin(**asked_by(uri)), outcome, BRAND)
    answer = await visit.redeem(told["code"])
    assert answer.status == 200, answer.body
    return json.loads(msgspec.json.encode(answer.body))


async def test_the_brand_is_granted_and_the_partner_is_told_under_its_own_name(
    town: Town, visit: Visit
) -> None:
    body = await ask(town, visit, LOYALTY, EMAIL, channel="app")
    version = (await town.book()).catalogue.version
    assert body["authorization_details"] == [
        {
            "type": "consent_request",
            "purposes": [LOYALTY],  # a yes to e-mail waits for its link
            "locations": [SHOP],
            "catalogue": version,
            "channel": "app",
            "brand": "shop",
            "beneficiary": "brand",
        }
    ]
    own = town.claims(body["consent_token"], OWN)
    assert own.consent.g == ()  # what the brand was granted is the brand's
    caller = await authenticate(town.context, body["access_token"])
    [decision] = await town.history(caller.subject)
    assert decision.reach == MARKET
    assert decision.notice is not None
    assert decision.notice.id == "shop"
    assert decision.actor == "bazaar-web"
    assert decision.channel is Channel.APP
    assert decision.assurance is Assurance.SELF


async def test_only_what_is_missing_is_asked_and_nothing_is_told_without_the_person(
    town: Town, visit: Visit
) -> None:
    await ask(town, visit, LOYALTY)

    uri = await push(town, visit, for_shop(LOYALTY, EMAIL))
    interaction = await visit.begin(**asked_by(uri))
    page = await visit.open(interaction)
    assert page.asked == (EMAIL,)
    assert (str(page.party), str(page.asker)) == ("brand/shop", "partner/bazaar")
    told = await visit.choose(interaction, REFUSED, BRAND)
    said = (await visit.redeem(told["code"])).body["authorization_details"]
    assert [each["purposes"] for each in said] == [(LOYALTY,)]

    # All is answered: the person still decides whether the partner hears it.
    uri = await push(town, visit, for_shop(LOYALTY))
    interaction = await visit.begin(**asked_by(uri))
    page = await visit.open(interaction)
    assert page.asked == ()
    step = await visit.answer(interaction, Cancel(unverified_served=page.served))
    assert query_of(step.redirect)["error"] == "access_denied"

    uri = await push(town, visit, for_shop(LOYALTY))
    interaction = await visit.begin(**asked_by(uri))
    page = await visit.open(interaction)
    step = await visit.answer(interaction, Continue(unverified_served=page.served))
    answer = await visit.redeem(query_of(step.redirect)["code"])
    assert [each["purposes"] for each in answer.body["authorization_details"]] == [(LOYALTY,)]


@pytest.mark.parametrize("purposes", [(LOYALTY,), ()])
async def test_what_is_taken_back_at_the_brand_ends_what_the_partner_holds(
    town: Town, visit: Visit, purposes: tuple[str, ...]
) -> None:
    tokens = await ask(town, visit, LOYALTY, EMAIL)
    assert visit.device is not None
    await town.withdraw(await town.on_device(visit.device, "shop-web"), *purposes, reach=BRAND)
    with pytest.raises(UnauthenticatedError):
        await authenticate(town.context, tokens["access_token"])
    assert (await visit.refresh(tokens["refresh_token"])).body["error"] == "invalid_grant"


async def test_what_else_is_taken_back_ends_nothing_and_a_later_yes_is_not_told(
    town: Town, visit: Visit
) -> None:
    tokens = await ask(town, visit, LOYALTY)
    assert visit.device is not None
    at_shop = await town.on_device(visit.device, "shop-web")
    await town.withdraw(at_shop, "content", reach=BRAND)
    await town.withdraw(at_shop, "ads", reach=GROUP)
    await town.decide(at_shop, {EMAIL: GRANTED}, BRAND)
    body = (await visit.refresh(tokens["refresh_token"])).body
    assert [each["purposes"] for each in body["authorization_details"]] == [(LOYALTY,)]


@pytest.mark.parametrize(
    ("client", "asked", "why"),
    [
        pytest.param(
            "bazaar-web",
            detail("content", brand="shop", beneficiary="brand"),
            "may not ask for",
            id="a purpose it may not ask",
        ),
        pytest.param(
            "bazaar-web",
            detail(EMAIL, brand="news", beneficiary="brand"),
            "may not ask for: news",
            id="a foreign brand",
        ),
        pytest.param(
            "bazaar-web",
            detail(EMAIL, brand="reach", beneficiary="brand"),
            "may not ask for: reach",
            id="another partner",
        ),
        pytest.param(
            "bazaar-web", detail(EMAIL), "may not ask for", id="the brand's purpose for itself"
        ),
        pytest.param(
            "bazaar-web", detail(EMAIL, brand="shop"), "not whether", id="nobody named to gain"
        ),
        pytest.param(
            "bazaar-web", detail(EMAIL, beneficiary="brand"), "does not name it", id="no brand"
        ),
        pytest.param(
            "bazaar-web", for_shop(EMAIL, locations=[OWN]), "location", id="its own audience"
        ),
        pytest.param(
            "bazaar-web", for_shop(EMAIL, on_behalf="shop"), "unknown field", id="unknown member"
        ),
        pytest.param(
            "news-web",
            detail(LOYALTY, brand="shop", beneficiary="brand"),
            "may not ask for: shop",
            id="a brand for its sister",
        ),
        pytest.param(
            "reach-forms", for_shop(EMAIL), "may not ask for", id="a partner without the right"
        ),
    ],
)
async def test_a_request_beyond_the_right_is_refused_when_it_is_pushed(
    town: Town, client: str, asked: dict[str, Any], why: str
) -> None:
    redirects = {
        "bazaar-web": CALLBACK,
        "news-web": "http://news.localhost:7600/callback",
        "reach-forms": "http://reach.localhost:7600/callback",
    }
    visit = Visit(town=town, client=client, redirect_uri=redirects[client])
    with pytest.raises(RefusedRequestError) as caught:
        await push(town, visit, asked)
    assert caught.value.error == "invalid_authorization_details"
    assert why in caught.value.description


async def test_one_request_asks_for_one_and_never_without_a_page(town: Town, visit: Visit) -> None:
    with pytest.raises(RefusedRequestError, match="one request asks for one"):
        await push(town, visit, for_shop(EMAIL), detail("ads.partners"))
    with pytest.raises(RefusedRequestError, match="needs the person"):
        await push(town, visit, for_shop(EMAIL), prompt="none")


async def test_a_partner_is_asked_for_nothing_beside_what_it_named(
    town: Town, visit: Visit
) -> None:
    uri = await push(town, visit, detail("ads.partners.retail", brand="shop", beneficiary="self"))
    interaction = await visit.begin(**asked_by(uri))
    page = await visit.open(interaction)
    assert page.asked == ("ads.partners.retail",)
    told = await visit.choose(interaction, GRANTED, PARTNER)
    body = (await visit.redeem(told["code"])).body
    assert town.claims(body["consent_token"], OWN).consent.g == ("ads.partners.retail",)
    # Asked again, it is known: nothing is missing, and nothing is shown.
    uri = await push(town, visit, detail("ads.partners.retail"))
    assert "code" in await visit.ask_for_answer(**asked_by(uri))
