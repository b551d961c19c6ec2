import time

import pytest
from tests.flows.faults import CrashError, crash_at, crash_at_commit
from tests.flows.town import (
    BRAND,
    CONSENT_TOKEN,
    DEVICE_CREDENTIAL,
    GRANTED,
    ID_TOKEN,
    REFUSED,
    Town,
    exchange,
    outcomes_of,
    together,
)
from tests.net.portal_server import rsa_key

from consentid.flows.answer_token_request import TokenAnswer
from consentid.flows.publish_status_lists import publish_status_lists
from consentid.flows.show_state import show_state
from consentid.flows.verify_token import verify_token
from consentid.kit.errors import UnauthenticatedError, UnavailableError

NEWS = "https://news.halcyon.example"
PLAY = "https://play.halcyon.example"


def was_refused(outcome: TokenAnswer | BaseException) -> bool:
    """Whether an exchange ended in a no, and not in a failure."""
    if isinstance(outcome, TokenAnswer):
        return outcome.body.get("error") == "invalid_grant"
    return isinstance(outcome, UnauthenticatedError)


async def test_an_id_token_counts_once_even_when_sent_twenty_times_at_once(town: Town) -> None:
    form = exchange(town.id_token("ada"), ID_TOKEN)
    answers = await outcomes_of(*(town.ask_token("news-web", **form) for _ in range(20)))
    taken = [each for each in answers if isinstance(each, TokenAnswer) and each.status == 200]
    assert len(taken) == 1
    assert all(was_refused(each) for each in answers if each is not taken[0]), answers
    assert (await town.counts())["known_subjects"] == 1


async def test_a_first_sign_in_at_every_brand_at_once_makes_one_subject(town: Town) -> None:
    clients = ("news-web", "shop-web", "play-web") * 4
    entered = await together(*(town.sign_in("ada", client) for client in clients))
    assert len({caller.subject for caller, _ in entered}) == 1
    assert (await town.counts())["subjects"] == 1


async def test_an_id_token_whose_exchange_failed_may_be_sent_again(town: Town) -> None:
    form = exchange(town.id_token("ada"), ID_TOKEN)
    refused = await town.ask_token("news-web", **form, scope="admin")
    assert refused.body["error"] == "invalid_scope"
    step = 0
    while True:
        step += 1
        with crash_at(town.context.database, step, after=step % 2 == 0):
            try:
                answer = await town.ask_token("news-web", **form)
            except CrashError:
                continue
        break
    assert answer.status == 200
    assert step > 10
    assert (await town.counts())["subjects"] == 1


async def test_a_sign_in_whose_commit_was_lost_from_sight_asks_for_another_id_token(
    town: Town,
) -> None:
    form = exchange(town.id_token("ada"), ID_TOKEN)
    with crash_at_commit(town.context.database, persisted=True), pytest.raises(CrashError):
        await town.ask_token("news-web", **form)
    again = await outcomes_of(town.ask_token("news-web", **form))
    assert was_refused(again[0])
    _, answer = await town.sign_in("ada")
    assert answer.status == 200


async def test_a_first_sign_in_adopts_the_devices_choices_once(town: Town) -> None:
    credential = await town.new_device()
    device = await town.on_device(credential)
    await town.decide(device, {"ads": GRANTED, "content": REFUSED})
    before = await town.history(device.subject)
    account, first = await town.sign_in("ada", device=credential)
    _, second = await town.sign_in("ada", device=credential)
    assert (first.body["adopted"], second.body["adopted"]) == (1, 0)
    adopted = await town.history(account.subject)
    assert [each.adopted_from for each in adopted] == [before[0].id]
    assert adopted[0].interval == before[0].interval
    assert await town.history(device.subject) == before
    assert "ads" in town.claims(first.body["consent_token"], NEWS).consent.g
    assert await town.faults() == []


async def test_two_first_sign_ins_at_once_adopt_once(town: Town) -> None:
    credential = await town.new_device()
    await town.decide(await town.on_device(credential), {"ads": GRANTED})
    entered = await together(
        *(town.sign_in("ada", client, credential) for client in ("news-web", "shop-web"))
    )
    assert sorted(answer.body["adopted"] for _, answer in entered) == [0, 1]


async def test_an_account_with_choices_adopts_nothing_and_the_contradiction_is_told_once(
    town: Town,
) -> None:
    account, _ = await town.sign_in("ada")
    await town.decide(account, {"ads": GRANTED})
    credential = await town.new_device()
    await town.decide(await town.on_device(credential), {"ads": REFUSED})
    session, first = await town.sign_in("ada", device=credential)
    _, second = await town.sign_in("ada", device=credential)
    assert first.body["adopted"] == 0
    assert {"purpose": "ads", "account_says_yes": True} in first.body["contradictions"]
    assert second.body["contradictions"] == []
    state = await show_state(town.context, session, at_least=None)
    assert {each.purpose: each.state for each in state.purposes}["ads"] == "given"
    device = await town.on_device(credential)
    alone = await show_state(town.context, device, at_least=None)
    assert {each.purpose: each.state for each in alone.purposes}["ads"] == "refused"


async def test_only_the_portals_word_makes_an_adult(town: Town) -> None:
    play, _ = await town.sign_in("ada", "play-web")
    shown = await show_state(town.context, play, at_least=None)
    assert "ads.partners" not in {
        each.purpose for each in shown.purposes if each.state != "not_offered"
    }
    play, _ = await town.sign_in("ada", "play-web", adult=True)
    told = await town.decide(play, {"ads.partners": GRANTED}, BRAND)
    assert "ads.partners" in town.claims(told.consent_token, PLAY).consent.g


async def test_whoever_is_an_adult_no_longer_takes_tokens_elsewhere_back(town: Town) -> None:
    play, _ = await town.sign_in("ada", "play-web", adult=True)
    token = (await town.decide(play, {"ads.partners": GRANTED}, BRAND)).consent_token
    before = town.claims(token, PLAY).status
    await town.sign_in("ada", "news-web", adult=False)
    assert token is not None
    found = await verify_token(town.context, play, token, audience=None, purposes=(), at_least=None)
    assert not found.active
    revoked = await town.rows(
        f"SELECT revoked_at IS NOT NULL FROM status_indices WHERE idx = {before.status_list.idx}"
    )
    assert revoked == [(True,)]
    assert await publish_status_lists(town.context) == 1


async def test_a_consent_token_can_be_had_by_exchange_alone(town: Town) -> None:
    form = exchange(town.id_token("ada"), ID_TOKEN)
    answer = await town.ask_token("news-web", **form, requested_token_type=CONSENT_TOKEN)
    assert answer.body["token_type"] == "N_A"
    assert town.claims(answer.body["access_token"], NEWS).consent.g
    credential = exchange(await town.new_device(), DEVICE_CREDENTIAL)
    answer = await town.ask_token("play-tv", **credential, requested_token_type=CONSENT_TOKEN)
    claims = town.claims(answer.body["access_token"], PLAY)
    assert claims.exp - claims.iat == 24 * 3_600


async def test_a_rotated_portal_key_is_found_at_the_next_sign_in(town: Town) -> None:
    await town.sign_in("ada")
    assert town.portal.asked.count("/jwks.json") == 1
    new = rsa_key("second")
    town.portal.keys.append(new)
    form = exchange(town.portal.id_token("ada", now_s=int(time.time()), key=new, jti="1"), ID_TOKEN)
    early = await outcomes_of(town.ask_token("news-web", **form))
    assert was_refused(early[0])
    assert town.portal.asked.count("/jwks.json") == 1


async def test_a_portal_that_is_down_makes_sign_in_unavailable_and_nothing_else(
    town: Town,
) -> None:
    town.portal.broken["/jwks.json"] = (503, b"")
    with pytest.raises(UnavailableError):
        await town.sign_in("ada")
    device = await town.device()
    await town.decide(device, {"ads": GRANTED})
    assert (await town.counts())["known_subjects"] == 0
