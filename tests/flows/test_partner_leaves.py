"""A partner is removed from the group's files: its tokens die, and people are told."""

import secrets
from pathlib import Path

import pytest
from tests.flows.oauth.test_passing_on import REACH, news_token, take_over, verify
from tests.flows.test_asking_for_a_brand import CALLBACK, LOYALTY, OWN, ask
from tests.flows.test_pushed_requests import asked_by, detail, push
from tests.flows.town import GRANTED, PARTNER, Town, edit
from tests.flows.visits import Visit

from consentid.brandbook.folder import load
from consentid.core.party import Party, PartyKind, Slug
from consentid.flows.authenticate import authenticate
from consentid.flows.note_read import write_reads
from consentid.flows.own_history import OwnDecision, show_own_history
from consentid.flows.own_reads import show_own_reads
from consentid.flows.preference_page import Coming
from consentid.flows.publish_catalogue import publish_catalogue
from consentid.flows.restate_after_catalogue import restate_after_catalogue
from consentid.flows.show_preferences import show_preferences
from consentid.kit.errors import GoneError, UnauthenticatedError
from consentid.store import statuses
from consentid.store.statuses import StatusIndex
from consentid.tokens.consent import StatusListRef

REASON = "Its contract has ended."


async def has_ended(town: Town, place: StatusListRef) -> bool:
    """Whether the place that a token points to is revoked, so that it is refused offline too."""
    number = int(place.uri.rpartition("/")[2])
    async with town.context.database.reading() as connection:
        holder = await statuses.find_holder(connection, StatusIndex(list_no=number, idx=place.idx))
    assert holder is not None
    return holder.is_revoked


async def leave(town: Town, folder: Path, slug: str) -> None:
    """Take a partner's file away, and say so in the group's."""
    (folder / "partners" / f"{slug}.toml").unlink()
    retired = f'[retired.parties]\n{slug} = {{ on = 2026-11-20, reason = "{REASON}" }}\n\n'
    edit(folder / "group.toml", "[texts.en]", f"{retired}[texts.en]")
    await publish_catalogue(town.owner, load(folder), randomness=town.context.randomness)
    await restate_after_catalogue(town.context)


@pytest.fixture
def visit(town: Town) -> Visit:
    return Visit(
        town=town, client="bazaar-web", redirect_uri=CALLBACK, verifier=secrets.token_urlsafe(48)
    )


async def test_the_tokens_of_a_partner_that_leaves_die_and_the_person_sees_it(
    town: Town, visit: Visit, halcyon_folder: Path
) -> None:
    for_shop = await ask(town, visit, LOYALTY)
    uri = await push(town, visit, detail("ads.partners.retail"))
    told = await visit.choose(await visit.begin(**asked_by(uri)), GRANTED, PARTNER)
    own = (await visit.redeem(told["code"])).body
    place = town.claims(own["consent_token"], OWN).status.status_list
    uri = await push(town, visit, detail("ads.partners"))
    waiting = await visit.begin(**asked_by(uri))

    await leave(town, halcyon_folder, "bazaar")

    for tokens in (for_shop, own):
        with pytest.raises(UnauthenticatedError):
            await authenticate(town.context, tokens["access_token"])
        assert (await visit.refresh(tokens["refresh_token"])).body["error"] == "invalid_client"
    told = await town.ask_token("bazaar-web", grant_type="client_credentials")
    assert told.body["error"] == "invalid_client"
    with pytest.raises(GoneError):
        await visit.open(waiting)
    assert await has_ended(town, place)

    coming = Coming(browser=visit.browser, languages=("en",))
    overview = await show_preferences(town.context, coming)
    [gone] = overview.partners.departed
    assert (gone.name, gone.reason) == ("Bazaar Lumen", REASON)
    # What the person told the brand stays, and history says who asked.
    history = await show_own_history(town.context, coming, unverified_cursor=None)
    gone_party = Party(kind=PartyKind.PARTNER, slug=Slug("bazaar"))
    shown = [each for each in history.entries if isinstance(each, OwnDecision)]
    assert {each.party for each in shown} == {None, gone_party}
    await write_reads(town.context)
    reads = await show_own_reads(town.context, coming, unverified_cursor=None)
    assert {each.party for each in reads.entries} == {gone_party}
    given = {
        each.purpose
        for each in overview.purposes
        for standing in each.parties
        if str(standing.party) == "brand/shop" and standing.found.permitted
    }
    assert LOYALTY in given


async def test_what_was_passed_on_dies_with_whoever_holds_it(
    town: Town, halcyon_folder: Path
) -> None:
    _, token = await news_token(town)
    passed = (await take_over(town, token)).body["access_token"]
    place = town.claims(passed, REACH).status.status_list
    assert (await verify(town, passed)).active
    assert not await has_ended(town, place)
    await leave(town, halcyon_folder, "reach")
    assert await has_ended(town, place)
    assert (await take_over(town, token)).body["error"] == "invalid_client"
