"""What becomes of a hand-off code while its subject goes another way."""

import secrets

import pytest
from tests.flows.town import GROUP, REFUSED, Town, outcomes_of, together

from consentid.flows.answer_token_request import TokenAnswer, answer_token_request
from consentid.flows.authenticate import Caller, authenticate
from consentid.flows.hand_off import make_hand_off
from consentid.flows.oauth.request import TokenRequest
from consentid.flows.reap import reap
from consentid.kit.errors import UnauthenticatedError

NEWS_ORIGIN = "http://news.localhost:7600"
SHOP_ORIGIN = "http://shop.localhost:7600"


async def mint(town: Town, caller: Caller) -> str:
    made = await make_hand_off(town.context, caller, origin=NEWS_ORIGIN, target=SHOP_ORIGIN)
    return made.code


async def redeem(town: Town, code: str) -> TokenAnswer:
    form = {
        "grant_type": "urn:consentid:params:oauth:grant-type:handoff",
        "client_id": "shop-spa",
        "code": code,
        "referrer": NEWS_ORIGIN,
    }
    return await answer_token_request(
        town.context, TokenRequest(form=form, basic=None, origin=SHOP_ORIGIN)
    )


async def test_a_code_of_an_erased_device_is_refused(town: Town) -> None:
    caller = await town.device()
    code = await mint(town, caller)
    await town.change("UPDATE subjects SET erased_at = now() WHERE id = :id", id=caller.subject)

    answer = await redeem(town, code)

    assert (answer.status, answer.body["error"]) == (400, "invalid_grant")


async def test_a_device_whose_key_is_gone_is_known_no_longer(town: Town) -> None:
    caller = await town.device()
    code = await mint(town, caller)
    await town.change("DELETE FROM subject_keys WHERE subject_id = :id", id=caller.subject)

    answer = await redeem(town, code)

    assert (answer.status, answer.body["error"]) == (400, "invalid_grant")
    with pytest.raises(UnauthenticatedError):
        await town.decide(caller, {"ads": REFUSED})


async def test_a_withdrawal_and_a_redemption_at_once_do_not_wait_for_each_other(
    town: Town,
) -> None:
    for _ in range(10):
        caller = await town.device()
        code = await mint(town, caller)

        answer, withdrawn = await outcomes_of(
            redeem(town, code), town.withdraw(caller, reach=GROUP)
        )

        assert not isinstance(withdrawn, BaseException), withdrawn
        assert isinstance(answer, TokenAnswer)
        assert answer.status in {200, 400}
        if answer.status == 200:
            # It was faster; what it got says no, or ended with the withdrawal.
            again = await redeem(town, code)
            assert again.body["error"] == "invalid_grant"
    assert await town.faults() == []


async def test_twenty_at_once_leave_one_family(town: Town) -> None:
    code = await mint(town, await town.device())

    answers = await together(*(redeem(town, code) for _ in range(20)))

    assert sorted(answer.status for answer in answers) == [200] + [400] * 19
    (won,) = (answer.body for answer in answers if answer.status == 200)
    assert await town.rows("SELECT count(*) FROM refresh_tokens") == [(1,)]
    # Whoever asked at the same time lost a race, and took nothing from the winner.
    assert (await authenticate(town.context, won["access_token"])).client.client_id == "shop-spa"


async def test_a_refused_redemption_writes_nothing_about_anybody(town: Town) -> None:
    await mint(town, await town.device())
    before = await town.counts()

    assert (await redeem(town, secrets.token_urlsafe(32))).status == 400

    assert await town.counts() == before


async def test_codes_that_ended_are_forgotten_after_a_day(town: Town) -> None:
    code = await mint(town, await town.device())
    assert (await redeem(town, code)).status == 200
    await town.change("UPDATE hand_offs SET expires_at = now() - interval '23 hours'")
    await reap(town.context)
    assert (await town.counts())["hand_offs"] == 1
    await town.change("UPDATE hand_offs SET expires_at = now() - interval '25 hours'")

    await reap(town.context)

    assert (await town.counts())["hand_offs"] == 0
