"""What a client may know without a screen where some answers are missing."""

from dataclasses import replace

from tests.flows.town import Town
from tests.flows.visits import Visit

from consentid.core.decision import Outcome
from consentid.core.party import ReachKind

SHOP = "http://shop.localhost:7600/callback"


def at_the_shop(visit: Visit) -> Visit:
    """The same browser, sent by the shop."""
    return replace(visit, client="shop-web", redirect_uri=SHOP)


async def test_a_brand_that_takes_what_there_is_gets_it_though_something_is_missing(
    town: Town,
) -> None:
    visit = Visit(town=town)
    await visit.consent()
    shop = at_the_shop(visit)

    assert (await shop.ask_for_answer(prompt="none"))["error"] == "consent_required"
    told = await shop.ask_for_answer(prompt="none", missing_consent="accept")

    assert "code" in told


async def test_a_brand_that_nobody_answered_for_learns_nothing(town: Town) -> None:
    visit = Visit(town=town)
    await visit.choose(await visit.begin(), Outcome.GRANTED, ReachKind.BRAND)

    told = await at_the_shop(visit).ask_for_answer(prompt="none", missing_consent="accept")

    assert told["error"] == "consent_required"


async def test_with_a_screen_what_is_missing_is_asked(town: Town) -> None:
    visit = Visit(town=town)
    await visit.consent()

    assert await at_the_shop(visit).begin(missing_consent="accept")
