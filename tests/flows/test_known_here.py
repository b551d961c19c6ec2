"""An account in a browser where it was not seen before: told once, with its answers to change."""

import secrets

import pytest
from tests.flows.town import GRANTED, REFUSED, Town
from tests.flows.visits import LAYOUT, Visit, choose_all, query_of

from consentid.core.asking import Reason
from consentid.core.purpose import PurposeId
from consentid.flows.answer_interaction import Cancel, Continue
from consentid.flows.finish_interaction import NextStep
from consentid.flows.interaction_state import note_sign_in
from consentid.flows.interactions import Interaction, open_interaction
from consentid.store import clock

_ADS = PurposeId("ads")


def new_sub() -> str:
    return secrets.token_hex(8)


async def answered_elsewhere(town: Town, sub: str) -> None:
    """The person answers all that news asks, signed in in another browser."""
    visit = Visit(town=town)
    interaction = await visit.begin()
    await visit.sign_in(sub)
    assert "code" in await visit.choose(interaction, GRANTED)


async def begun(visit: Visit) -> str:
    """An interaction that nothing known of the browser made superfluous."""
    device, visit.device, visit.session = visit.device, None, None
    interaction = await visit.begin()
    visit.device = device
    return interaction


async def came_back(visit: Visit, sub: str) -> tuple[str, Interaction | NextStep]:
    """Begin at the site, sign in on the way, and open the page."""
    interaction = await begun(visit)
    await visit.sign_in(sub)
    found = await open_interaction(
        visit.town.context, interaction, visit.browser, languages=("en",), layout=LAYOUT
    )
    return interaction, found


@pytest.mark.parametrize("has_device", [False, True])
async def test_a_new_browser_is_told_of_until_the_person_goes_on_and_never_again(
    town: Town, has_device: bool
) -> None:
    sub = new_sub()
    await answered_elsewhere(town, sub)
    visit = Visit(town=town)
    if has_device:
        await visit.consent(GRANTED)

    interaction, page = await came_back(visit, sub)
    assert isinstance(page, Interaction)
    assert page.is_new_here
    assert page.asked == ()
    # Closing the page is not reading it.
    interaction, page = await came_back(visit, sub)
    assert isinstance(page, Interaction)
    assert page.is_new_here
    step = await visit.answer(interaction, Continue(unverified_served=page.served))
    assert "code" in query_of(step.redirect)

    _, after = await came_back(visit, sub)
    assert isinstance(after, NextStep)
    if has_device:
        visit.known = None  # the account keeps it, with the device
        _, after = await came_back(visit, sub)
        assert isinstance(after, NextStep)


async def test_whoever_goes_back_is_told_again(town: Town) -> None:
    sub = new_sub()
    await answered_elsewhere(town, sub)
    visit = Visit(town=town)
    interaction, page = await came_back(visit, sub)
    assert isinstance(page, Interaction)
    step = await visit.answer(interaction, Cancel(unverified_served=page.served))
    assert query_of(step.redirect)["error"] == "access_denied"
    _, again = await came_back(visit, sub)
    assert isinstance(again, Interaction)
    assert again.is_new_here


async def test_all_answers_may_be_looked_at_and_changed_from_there(town: Town) -> None:
    sub = new_sub()
    await answered_elsewhere(town, sub)
    visit = Visit(town=town)
    interaction, _ = await came_back(visit, sub)
    page = await open_interaction(
        town.context,
        interaction,
        visit.browser,
        languages=("en",),
        layout=LAYOUT,
        shows_all=True,
    )
    assert isinstance(page, Interaction)
    assert page.prefill[_ADS] is GRANTED
    assert page.asking[_ADS].reason is Reason.SHOWN_AGAIN
    step = await visit.answer(interaction, choose_all(page, REFUSED))
    answer = await visit.redeem(query_of(step.redirect)["code"])
    claims = town.claims(answer.body["consent_token"], "https://news.halcyon.example")
    assert "ads" in claims.consent.d


async def test_an_account_without_choices_has_nothing_to_be_told(town: Town) -> None:
    visit = Visit(town=town)
    interaction, page = await came_back(visit, new_sub())
    assert isinstance(page, Interaction)
    assert not page.is_new_here
    assert page.asking[_ADS].reason is Reason.FIRST
    assert "code" in await visit.choose(interaction, GRANTED)
    assert visit.known is not None


async def test_two_persons_of_one_browser_are_each_told_once(town: Town) -> None:
    one, other = new_sub(), new_sub()
    visit = Visit(town=town)
    for sub in (one, other):
        await answered_elsewhere(town, sub)
        interaction, page = await came_back(visit, sub)
        assert isinstance(page, Interaction)
        assert page.is_new_here
        await visit.answer(interaction, Continue(unverified_served=page.served))
    for sub in (one, other):
        _, after = await came_back(visit, sub)
        assert isinstance(after, NextStep)


@pytest.mark.parametrize("planted", ["", ".", "x" * 43, "A" * 43, "\N{SNOWMAN}" * 43, "A" * 10_000])
async def test_a_cookie_that_is_not_ours_says_nothing(town: Town, planted: str) -> None:
    sub = new_sub()
    await answered_elsewhere(town, sub)
    visit = Visit(town=town, known=planted)
    _, page = await came_back(visit, sub)
    assert isinstance(page, Interaction)
    assert page.is_new_here


async def test_the_cookie_of_one_account_is_none_of_another(town: Town) -> None:
    one, other = new_sub(), new_sub()
    first = Visit(town=town)
    interaction, page = await came_back(first, one)
    assert isinstance(page, Interaction)
    await first.choose(interaction, GRANTED)
    await answered_elsewhere(town, other)
    visit = Visit(town=town, known=first.known)
    _, page = await came_back(visit, other)
    assert isinstance(page, Interaction)
    assert page.is_new_here


async def test_a_contradiction_is_told_until_its_page_was_answered_and_then_no_more(
    town: Town,
) -> None:
    """Who closed the page unseen is told at the next sign-in; who answered it is not."""
    sub = new_sub()
    await answered_elsewhere(town, sub)
    visit = Visit(town=town)
    await visit.consent(REFUSED)
    assert (await visit.sign_in(sub)).contradictions  # and the page was closed
    interaction = await begun(visit)
    signed_in = await visit.sign_in(sub)
    async with town.context.database.writing() as connection:
        at = await clock.now(connection)
        await note_sign_in(town.context, connection, interaction, visit.browser, signed_in, at=at)
    page = await open_interaction(
        town.context, interaction, visit.browser, languages=("en",), layout=LAYOUT
    )
    assert isinstance(page, Interaction)
    assert page.contradictions
    step = await visit.answer(interaction, Continue(unverified_served=page.served))
    assert "code" in query_of(step.redirect)
    assert not (await visit.sign_in(sub)).contradictions


async def test_how_the_page_was_laid_out_is_kept_with_what_was_answered_on_it(town: Town) -> None:
    layout = bytes(range(32))
    visit = Visit(town=town)
    interaction = await visit.begin()
    page = await open_interaction(
        town.context, interaction, visit.browser, languages=("en",), layout=layout
    )
    assert isinstance(page, Interaction)
    assert await town.rows("SELECT * FROM served_events") == [], "looking records nothing"
    await visit.answer(interaction, choose_all(page, GRANTED))
    rows = await town.rows(
        "SELECT d.served, e.event, e.layout, n.digest FROM decisions d"
        " JOIN served_events e ON e.served = d.served JOIN served_notices n ON n.id = d.served"
    )
    assert [(event, bytes(kept), bytes(digest)) for _, event, kept, digest in rows] == [
        ("shown", layout, page.notice.digest)
    ]


async def test_who_goes_back_was_shown_that_layout_and_dismissed_it(town: Town) -> None:
    visit = Visit(town=town)
    interaction = await visit.begin()
    page = await visit.open(interaction)
    await visit.answer(interaction, Cancel(unverified_served=page.served))
    rows = await town.rows("SELECT event, layout FROM served_events ORDER BY event")
    assert [(event, bytes(kept)) for event, kept in rows] == [
        ("dismissed", LAYOUT),
        ("shown", LAYOUT),
    ]
