"""``/authorize`` below HTTP: prompts, sessions, what is asked, what the client is told."""

import time

import jwt
import msgspec
import pytest
from tests.flows.town import GRANTED, GROUP, REFUSED, Town
from tests.flows.visits import ISSUER, LAYOUT, Visit, choose_all, query_of

from consentid.core.purpose import PurposeId
from consentid.flows.answer_interaction import Cancel, Continue, WithdrawAll
from consentid.flows.finish_interaction import NextStep
from consentid.flows.finish_portal_login import finish_portal_login
from consentid.flows.interaction_state import note_sign_in
from consentid.flows.interactions import (
    Interaction,
    note_failed_login,
    open_interaction,
    start_login,
)
from consentid.flows.portal_login import ToInteraction, take_hand_over
from consentid.kit.errors import ConflictError, GoneError, MalformedError, NotFoundError
from consentid.store import clock


async def test_a_person_who_never_signs_in_consents_as_a_device(town: Town) -> None:
    visit = Visit(town=town)

    told = await visit.choose(await visit.begin(), GRANTED)

    assert told["state"] == "a state"
    assert told["iss"] == ISSUER
    assert visit.device is not None
    answer = await visit.redeem(told["code"])
    assert answer.status == 200, answer.body
    claims = town.claims(answer.body["consent_token"], "https://news.halcyon.example")
    assert "ads" in claims.consent.g


async def test_a_decision_on_the_hub_is_at_the_hubs_assurance_and_reaches_the_group(
    town: Town,
) -> None:
    visit = Visit(town=town)
    await visit.consent()

    [(actor, assurance)] = await town.rows("SELECT client_id, assurance FROM decisions")
    assert (actor, assurance) == ("consentid:hub", "self")
    shop = Visit(town=town, client="shop-web", redirect_uri="http://shop.localhost:7600/callback")
    shop.device, shop.secret = visit.device, visit.secret
    page = await open_of(shop, prompt="consent")
    assert page.prefill[PurposeId("ads")] is GRANTED


async def open_of(visit: Visit, **changed: str) -> Interaction:
    return await visit.open(await visit.begin(**changed))


async def test_a_refusal_comes_back_with_a_code_just_as_a_yes_does(town: Town) -> None:
    visit = Visit(town=town)

    code = await visit.consent(REFUSED)

    answer = await visit.redeem(code)
    claims = town.claims(answer.body["consent_token"], "https://news.halcyon.example")
    assert "ads" not in claims.consent.g
    assert "ads" in claims.consent.d


async def test_no_subject_is_made_before_the_first_explicit_choice(town: Town) -> None:
    visit = Visit(town=town)

    await visit.open(await visit.begin())

    counts = await town.counts()
    assert counts["subjects"] == counts["devices"] == counts["decisions"] == 0
    assert visit.device is None


async def test_prompt_none_without_a_session_says_login_required_and_writes_nothing(
    town: Town,
) -> None:
    before = await town.counts()
    visit = Visit(town=town)

    told = await visit.ask_for_answer(prompt="none")

    assert (told["error"], told["state"], told["iss"]) == ("login_required", "a state", ISSUER)
    assert visit.secret is None
    assert await town.counts() == before


@pytest.mark.parametrize("outcome", [GRANTED, REFUSED])
async def test_prompt_none_gives_a_code_once_every_mandatory_purpose_is_decided(
    town: Town, outcome: object
) -> None:
    visit = Visit(town=town)
    await visit.consent(GRANTED if outcome is GRANTED else REFUSED)
    before = await town.counts()

    told = await visit.ask_for_answer(prompt="none")

    assert "code" in told
    after = await town.counts()
    assert {name for name in after if after[name] != before[name]} == {"authorization_codes"}


async def test_prompt_none_gives_a_code_after_a_withdrawal(town: Town) -> None:
    visit = Visit(town=town)
    await visit.consent()
    interaction = await visit.begin(prompt="consent")
    page = await visit.open(interaction)
    await visit.answer(interaction, WithdrawAll(reach=GROUP, unverified_served=page.served))

    assert "code" in await visit.ask_for_answer(prompt="none")


async def test_prompt_none_says_consent_required_while_a_mandatory_purpose_is_undecided(
    town: Town,
) -> None:
    visit = Visit(town=town)
    await visit.sign_in("somebody new")
    before = await town.counts()

    told = await visit.ask_for_answer(prompt="none")

    assert told["error"] == "consent_required"
    assert await town.counts() == before


async def test_whoever_has_decided_is_sent_back_without_a_page(town: Town) -> None:
    visit = Visit(town=town)
    await visit.consent()

    assert "code" in await visit.ask_for_answer()


async def test_prompt_consent_shows_the_choices_again_as_they_stand(town: Town) -> None:
    visit = Visit(town=town)
    await visit.consent()

    page = await open_of(visit, prompt="consent")

    assert set(page.prefill.values()) == {GRANTED}
    # Of that one a yes counts by a link alone: none stands yet.
    assert set(page.asked) - set(page.prefill) == {"contact.email"}
    assert page.mandatory == frozenset()


async def test_only_the_missing_purposes_are_asked(town: Town) -> None:
    visit = Visit(town=town)
    await visit.consent()
    shop = Visit(town=town, client="shop-web", redirect_uri="http://shop.localhost:7600/callback")
    shop.device, shop.secret = visit.device, visit.secret

    redirect = await shop.ask()

    if redirect.startswith(shop.redirect_uri):
        assert "code" in query_of(redirect)
    else:
        page = await shop.open(redirect.rpartition("/")[2])
        assert "ads" not in page.asked


async def test_nothing_is_ticked_that_the_person_did_not_choose(town: Town) -> None:
    page = await open_of(Visit(town=town))

    assert page.prefill == {}
    assert page.mandatory <= set(page.asked)
    assert page.reaches[0] is GROUP


async def test_going_back_records_no_choice_and_says_access_denied(town: Town) -> None:
    visit = Visit(town=town)
    interaction = await visit.begin()
    page = await visit.open(interaction)

    step = await visit.answer(interaction, Cancel(unverified_served=page.served))

    assert query_of(step.redirect)["error"] == "access_denied"
    counts = await town.counts()
    assert counts["decisions"] == counts["subjects"] == 0


async def test_an_answer_leaves_no_mandatory_purpose_open(town: Town) -> None:
    visit = Visit(town=town)
    interaction = await visit.begin()
    page = await visit.open(interaction)

    with pytest.raises(MalformedError, match="Answer yes or no"):
        await visit.answer(interaction, choose_all(page, GRANTED, but=1))

    assert (await town.counts())["subjects"] == 0


async def test_a_person_goes_on_without_choosing_only_where_nothing_is_missing(town: Town) -> None:
    visit = Visit(town=town)
    first = await visit.begin()
    page = await visit.open(first)
    with pytest.raises(MalformedError):
        await visit.answer(first, Continue(unverified_served=page.served))
    await visit.consent()
    again = await visit.begin(prompt="consent")
    page = await visit.open(again)

    step = await visit.answer(again, Continue(unverified_served=page.served))

    assert "code" in query_of(step.redirect)
    assert (await town.counts())["decisions"] == 1


async def test_a_form_is_stale_once_somebody_else_is_there(town: Town) -> None:
    visit = Visit(town=town)
    interaction = await visit.begin()
    page = await visit.open(interaction)
    await visit.sign_in("somebody")

    with pytest.raises(ConflictError) as refused:
        await visit.answer(interaction, choose_all(page, GRANTED))

    assert refused.value.code == "form_stale"
    assert (await town.counts())["decisions"] == 0


async def test_what_was_shown_in_another_interaction_answers_none(town: Town) -> None:
    visit = Visit(town=town)
    first, second = await visit.begin(), await visit.begin()
    page = await visit.open(first)

    with pytest.raises(MalformedError):
        await visit.answer(second, choose_all(page, GRANTED))


async def test_an_interaction_is_answered_once(town: Town) -> None:
    visit = Visit(town=town)
    interaction = await visit.begin()
    page = await visit.open(interaction)
    await visit.answer(interaction, choose_all(page, GRANTED))

    with pytest.raises(GoneError) as refused:
        await visit.answer(interaction, choose_all(page, GRANTED))

    assert refused.value.code == "interaction_finished"


async def test_an_interaction_belongs_to_the_browser_that_began_it(town: Town) -> None:
    interaction = await Visit(town=town).begin()
    stranger = Visit(town=town)
    await stranger.begin()

    with pytest.raises(NotFoundError):
        await stranger.open(interaction)


async def test_an_interaction_that_took_too_long_is_over(town: Town) -> None:
    visit = Visit(town=town)
    interaction = await visit.begin()
    await town.change("UPDATE interactions SET expires_at = now() - interval '1 second'")

    with pytest.raises(GoneError) as refused:
        await visit.open(interaction)

    assert refused.value.code == "interaction_expired"


async def test_the_session_changes_at_sign_in_so_a_planted_one_is_worth_nothing(
    town: Town,
) -> None:
    visit = Visit(town=town)
    visit.session = planted = "x" * 43
    await visit.sign_in("somebody")
    first = visit.session
    await visit.sign_in("somebody")

    assert len({planted, first, visit.session}) == 3
    assert (await town.counts())["hub_sessions"] == 1
    old = Visit(town=town, session=first)
    assert (await old.ask_for_answer(prompt="none"))["error"] == "login_required"


async def test_a_signed_in_person_is_named_with_the_time_of_the_sign_in(town: Town) -> None:
    visit = Visit(town=town)
    await visit.sign_in("somebody", portal_sid="the portal's")

    answer = await visit.redeem(await visit.consent())

    claims = jwt.decode(answer.body["id_token"], options={"verify_signature": False})
    assert abs(claims["auth_time"] - time.time()) < 60
    assert len(claims["sid"]) == 22
    assert "acr" not in claims


async def test_max_age_without_a_sign_in_is_login_required_for_prompt_none(town: Town) -> None:
    visit = Visit(town=town)
    await visit.consent()

    assert (await visit.ask_for_answer(prompt="none", max_age="3600"))["error"] == "login_required"


async def test_max_age_is_met_by_a_young_sign_in_and_not_by_an_old_one(town: Town) -> None:
    visit = Visit(town=town)
    await visit.sign_in("somebody")
    await visit.consent()
    assert "code" in await visit.ask_for_answer(prompt="none", max_age="3600")

    await town.change("UPDATE hub_sessions SET auth_time = now() - interval '2 hours'")

    told = await visit.ask_for_answer(prompt="none", max_age="3600")
    assert told["error"] == "login_required"


async def test_max_age_0_always_asks_for_a_sign_in(town: Town) -> None:
    visit = Visit(town=town)
    await visit.sign_in("somebody")
    await visit.consent()

    assert (await visit.ask_for_answer(prompt="none", max_age="0"))["error"] == "login_required"


async def test_a_hint_at_somebody_else_is_login_required(town: Town) -> None:
    visit, other = Visit(town=town), Visit(town=town)
    mine = (await visit.redeem(await visit.consent())).body["id_token"]
    theirs = (await other.redeem(await other.consent())).body["id_token"]

    assert "code" in await visit.ask_for_answer(prompt="none", id_token_hint=mine)
    told = await visit.ask_for_answer(prompt="none", id_token_hint=theirs)
    assert told["error"] == "login_required"


async def test_a_hint_that_we_did_not_sign_is_refused(town: Town) -> None:
    visit = Visit(town=town)
    mine = (await visit.redeem(await visit.consent())).body["id_token"]
    head, body, _ = mine.split(".")
    public = next(
        key for key in town.context.keyring.public_jwks()["keys"] if key["alg"] == "RS256"
    )
    forged = jwt.encode(
        jwt.decode(mine, options={"verify_signature": False}),
        key="guessed" * 10,
        algorithm="HS256",
        headers={"kid": public["kid"]},
    )
    for hint in ("", f"{head}.{body}.", f"{head}.{body}.AAAA", forged):
        told = await visit.ask_for_answer(prompt="none", id_token_hint=hint or "no token")
        assert told["error"] == "invalid_request"


async def test_a_consent_token_is_no_hint(town: Town) -> None:
    visit = Visit(town=town)
    token = (await visit.redeem(await visit.consent())).body["consent_token"]

    told = await visit.ask_for_answer(prompt="none", id_token_hint=token)

    assert told["error"] == "invalid_request"


async def test_a_failed_sign_in_goes_back_to_the_page_where_nobody_insists_on_it(
    town: Town,
) -> None:
    visit = Visit(town=town)
    interaction = await visit.begin()

    step = await note_failed_login(
        town.context, interaction, visit.browser, unverified_error="access_denied"
    )

    assert step == NextStep(redirect=f"{ISSUER}/interaction/{interaction}")


async def test_a_sign_in_on_the_way_leads_straight_back_where_all_is_decided(town: Town) -> None:
    first = Visit(town=town)
    await first.sign_in("somebody")
    await first.consent()
    elsewhere = Visit(town=town, known=first.known)
    interaction = await elsewhere.begin()
    await elsewhere.sign_in("somebody")

    step = await open_interaction(
        town.context, interaction, elsewhere.browser, languages=("en",), layout=LAYOUT
    )

    assert isinstance(step, NextStep)
    assert "code" in query_of(step.redirect)


async def test_an_expired_session_is_nobodys(town: Town) -> None:
    visit = Visit(town=town)
    await visit.sign_in("somebody")
    await visit.consent()
    await town.change("UPDATE hub_sessions SET expires_at = now()")

    assert (await visit.ask_for_answer(prompt="none"))["error"] == "login_required"


async def test_the_page_speaks_the_language_that_the_client_names(town: Town) -> None:
    page = await open_of(Visit(town=town), ui_locales="de fr-CA en")

    assert page.notice.language == "fr"


@pytest.fixture
def joined(town: Town) -> Town:
    """The town with a portal that people can be sent to."""
    town.context.settings = msgspec.structs.replace(
        town.context.settings, portal_client_secret="secret"
    )
    town.portal.metadata |= {
        "authorization_endpoint": f"{town.portal.issuer}/authorize",
        "token_endpoint": f"{town.portal.issuer}/token",
    }
    return town


@pytest.mark.parametrize(
    ("changed", "forwarded"),
    [
        ({"prompt": "login"}, {"prompt": "login"}),
        ({"prompt": "login consent"}, {"prompt": "login"}),
        ({"prompt": "create"}, {"prompt": "create"}),
        ({"max_age": "60"}, {"max_age": "60"}),
        (
            {"prompt": "login", "login_hint": "me", "acr_values": "2", "ui_locales": "fr en"},
            {"prompt": "login", "login_hint": "me", "acr_values": "2", "ui_locales": "fr en"},
        ),
    ],
)
async def test_who_has_to_sign_in_is_sent_to_the_portal_with_what_the_client_wants(
    joined: Town, changed: dict[str, str], forwarded: dict[str, str]
) -> None:
    visit = Visit(town=joined)

    redirect = await visit.ask(**changed)

    assert redirect.startswith(f"{joined.portal.issuer}/authorize?")
    asked = query_of(redirect)
    assert {name: asked.get(name) for name in forwarded} == forwarded
    assert visit.secret is not None


@pytest.mark.parametrize(("prompt", "is_known"), [(None, False), ("login", True)])
async def test_a_portal_that_keeps_the_time_of_a_sign_in_to_itself_is_given_none(
    joined: Town, prompt: str | None, is_known: bool
) -> None:
    visit = Visit(town=joined)
    if prompt is None:
        step = await start_login(joined.context, await visit.begin(), visit.browser)
        asked = query_of(step.redirect)
    else:
        asked = query_of(await visit.ask(prompt=prompt))
    id_token = joined.portal.id_token(
        "ada", now_s=int(time.time()), aud="consentid", nonce=asked["nonce"]
    )
    joined.portal.broken["/token"] = (200, msgspec.json.encode({"id_token": id_token}))

    back = await finish_portal_login(
        joined.context, {"state": asked["state"], "code": "a code"}, browser=visit.browser
    )

    visit.session = back.session_token
    assert (await joined.rows("SELECT auth_time IS NOT NULL FROM hub_sessions")) == [(is_known,)]
    told = await visit.ask(max_age="300")
    assert told.startswith(f"{joined.portal.issuer}/authorize?") is not is_known


async def test_prompt_login_is_met_by_a_sign_in_on_the_way_and_by_none_before(
    joined: Town,
) -> None:
    visit = Visit(town=joined)
    await visit.sign_in("somebody")
    await visit.consent()
    redirect = await visit.ask(prompt="login")
    assert redirect.startswith(joined.portal.issuer)
    interaction = await sent_for(visit, redirect)

    await visit.sign_in("somebody")

    step = await open_interaction(
        joined.context, interaction, visit.browser, languages=(), layout=LAYOUT
    )
    assert isinstance(step, NextStep)
    assert "code" in query_of(step.redirect)


async def test_a_portal_that_does_not_authenticate_anew_is_not_believed(joined: Town) -> None:
    visit = Visit(town=joined)
    interaction = await sent_for(visit, await visit.ask(prompt="login"))

    await visit.sign_in("somebody", age_s=3_600)

    step = await open_interaction(
        joined.context, interaction, visit.browser, languages=(), layout=LAYOUT
    )
    assert isinstance(step, NextStep)
    assert query_of(step.redirect)["error"] == "login_required"


async def test_a_hint_at_one_person_is_not_met_by_another_signing_in(joined: Town) -> None:
    visit = Visit(town=joined)
    await visit.sign_in("somebody")
    mine = (await visit.redeem(await visit.consent())).body["id_token"]
    visit.session = None
    redirect = await visit.ask(id_token_hint=mine)
    assert query_of(redirect)["prompt"] == "login"
    interaction = await sent_for(visit, redirect)

    await visit.sign_in("somebody else")

    step = await open_interaction(
        joined.context, interaction, visit.browser, languages=(), layout=LAYOUT
    )
    assert isinstance(step, NextStep)
    assert query_of(step.redirect)["error"] == "login_required"


async def test_a_client_that_insists_on_a_sign_in_is_told_that_there_was_none(
    joined: Town,
) -> None:
    for error, told in {"access_denied": "access_denied", "server_error": "login_required"}.items():
        visit = Visit(town=joined)
        interaction = await sent_for(visit, await visit.ask(prompt="login"))

        step = await note_failed_login(
            joined.context, interaction, visit.browser, unverified_error=error
        )

        assert query_of(step.redirect)["error"] == told


async def test_signing_in_from_the_page_leads_to_the_portal_and_asks_nobody_to_do_it_twice(
    joined: Town,
) -> None:
    visit = Visit(town=joined)
    interaction = await visit.begin()

    step = await start_login(joined.context, interaction, visit.browser)

    assert step.redirect.startswith(f"{joined.portal.issuer}/authorize?")
    assert "prompt" not in query_of(step.redirect)


async def test_an_account_is_told_once_where_the_device_says_otherwise(joined: Town) -> None:
    account = Visit(town=joined)
    await account.sign_in("somebody")
    await account.consent(REFUSED)
    visit = Visit(town=joined)
    await visit.consent(GRANTED)
    interaction = await visit.begin(prompt="consent")

    signed_in = await visit.sign_in("somebody")
    async with joined.context.database.writing() as connection:
        await note_sign_in(
            joined.context,
            connection,
            interaction,
            visit.browser,
            signed_in,
            at=await clock.now(connection),
        )

    page = await visit.open(interaction)
    assert any(each.purpose == "ads" and not each.account_says_yes for each in page.contradictions)


async def test_what_is_to_be_told_leads_nobody_past_the_hint(joined: Town) -> None:
    account, visit = Visit(town=joined), Visit(town=joined)
    await account.sign_in("somebody else")
    await account.consent(REFUSED)
    mine = (await visit.redeem(await visit.consent())).body["id_token"]
    device, visit.device = visit.device, None
    redirect = await visit.ask(id_token_hint=mine, prompt="consent")
    interaction = await sent_for(visit, redirect)
    visit.device = device

    signed_in = await visit.sign_in("somebody else")
    assert signed_in.contradictions
    async with joined.context.database.writing() as connection:
        at = await clock.now(connection)
        await note_sign_in(joined.context, connection, interaction, visit.browser, signed_in, at=at)

    step = await open_interaction(
        joined.context, interaction, visit.browser, languages=(), layout=LAYOUT
    )
    assert isinstance(step, NextStep)
    assert query_of(step.redirect)["error"] == "login_required"


async def sent_for(visit: Visit, redirect: str) -> str:
    """The id of the interaction that a person was sent to the portal for."""
    hand_over = await take_hand_over(visit.town.context, query_of(redirect)["state"], visit.browser)
    assert isinstance(hand_over.back, ToInteraction)
    return hand_over.back.id
