"""What was granted on authorization details ends with the purposes that it rests on."""

import json
import secrets
from typing import Any

import pytest
from tests.flows.oauth.test_device_code import TV, switch_on
from tests.flows.test_pushed_requests import CALLBACK, asked_by, detail, push
from tests.flows.town import BRAND, GRANTED, GROUP, PARTNER, REFUSED, Town
from tests.flows.visits import Visit, choose_all

from consentid.core.decision import SignalSource
from consentid.core.purpose import PurposeId
from consentid.flows.answer_interaction import WithdrawAll
from consentid.flows.authenticate import Caller, authenticate
from consentid.flows.pushed_requests import push_request
from consentid.kit.errors import ConflictError, UnauthenticatedError
from consentid.store import clients

TV_DETAILS = '[{"type":"consent_request","purposes":["tv"]}]'


@pytest.fixture
def visit(town: Town) -> Visit:
    return Visit(
        town=town, client="reach-forms", redirect_uri=CALLBACK, verifier=secrets.token_urlsafe(48)
    )


async def ask(town: Town, visit: Visit, *purposes: str) -> dict[str, Any]:
    """The partner asks for purposes, the person agrees; the partner's tokens."""
    uri = await push(town, visit, detail(*purposes))
    told = await visit.choose(await visit.begin(**asked_by(uri)), GRANTED, PARTNER)
    answer = await visit.redeem(told["code"])
    assert answer.status == 200, answer.body
    return answer.body


async def lives(town: Town, visit: Visit, tokens: dict[str, Any]) -> bool:
    """Whether a family goes on: its access token, and then its refresh token."""
    try:
        await authenticate(town.context, tokens["access_token"])
    except UnauthenticatedError:
        is_active = False
    else:
        is_active = True
    refreshed = await visit.refresh(tokens["refresh_token"])
    assert is_active is (refreshed.status == 200), refreshed.body
    assert is_active or refreshed.body["error"] == "invalid_grant"
    return is_active


async def at_news(town: Town, visit: Visit) -> Caller:
    """The same device at another party."""
    assert visit.device is not None
    return await town.on_device(visit.device, "news-web")


async def test_a_purpose_taken_back_ends_what_was_granted_with_it_at_once(
    town: Town, visit: Visit
) -> None:
    tokens = await ask(town, visit, "ads.partners", "ads.measurement")
    caller = await authenticate(town.context, tokens["access_token"])

    await town.withdraw(caller, "ads.measurement", reach=PARTNER)

    assert not await lives(town, visit, tokens)
    [(left,)] = await town.rows("SELECT count(*) FROM access_tokens WHERE family IS NOT NULL")
    assert left == 0


@pytest.mark.parametrize("purposes", [("ads",), ("ads.partners",), ()])
async def test_an_ancestor_or_all_taken_back_for_the_group_reaches_a_partner(
    town: Town, visit: Visit, purposes: tuple[str, ...]
) -> None:
    tokens = await ask(town, visit, "ads.partners.retail")
    await town.withdraw(await at_news(town, visit), *purposes, reach=GROUP)
    assert not await lives(town, visit, tokens)


async def test_a_no_on_a_notice_ends_it_as_a_withdrawal_does(town: Town, visit: Visit) -> None:
    tokens = await ask(town, visit, "ads.partners")
    await town.decide(await at_news(town, visit), {"ads": REFUSED}, GROUP)
    assert not await lives(town, visit, tokens)


async def test_a_no_on_a_page_of_the_hub_ends_it_too(town: Town, visit: Visit) -> None:
    tokens = await ask(town, visit, "ads.partners")
    again = Visit(town=town, session=visit.session, device=visit.device, secret=visit.secret)
    told = await again.choose(await again.begin(prompt="consent"), REFUSED, GROUP)
    assert "code" in told
    assert not await lives(town, visit, tokens)


async def test_what_rests_on_something_else_goes_on(town: Town, visit: Visit) -> None:
    tokens = await ask(town, visit, "ads.partners")
    caller = await authenticate(town.context, tokens["access_token"])
    news = await at_news(town, visit)
    await town.withdraw(caller, "ads.measurement", reach=PARTNER)
    await town.withdraw(news, "ads", reach=BRAND)
    await town.withdraw(news, "content", reach=GROUP)
    assert await lives(town, visit, tokens)


async def test_a_refresh_rests_on_what_is_granted_by_then(town: Town, visit: Visit) -> None:
    caller = await authenticate(
        town.context, (await ask(town, visit, "ads.partners"))["access_token"]
    )
    await town.decide(caller, {"ads.measurement": REFUSED}, PARTNER)
    both = await push(town, visit, detail("ads.partners"), detail("ads.measurement"))
    tokens = (await visit.redeem((await visit.ask_for_answer(**asked_by(both)))["code"])).body
    assert granted(tokens) == ["ads.partners"]
    await town.decide(caller, {"ads.measurement": GRANTED}, PARTNER)
    tokens = (await visit.refresh(tokens["refresh_token"])).body
    assert granted(tokens) == ["ads.partners", "ads.measurement"]
    await town.withdraw(caller, "ads.measurement", reach=PARTNER)
    assert not await lives(town, visit, tokens)


def granted(tokens: dict[str, Any]) -> list[str]:
    return [one for each in tokens["authorization_details"] for one in each["purposes"]]


async def test_a_signal_that_overrides_a_grant_ends_what_rests_on_it(
    town: Town, visit: Visit
) -> None:
    seen = {SignalSource.GPC: True}
    tokens = await ask(town, visit, "ads.partners")
    news = await at_news(town, visit)
    await town.decide(news, {"content": GRANTED}, BRAND, signals=seen)
    assert not await lives(town, visit, tokens)


async def test_a_code_that_nobody_redeemed_yet_ends(town: Town, visit: Visit) -> None:
    uri = await push(town, visit, detail("ads.partners"))
    code = (await visit.choose(await visit.begin(**asked_by(uri)), GRANTED, PARTNER))["code"]
    await town.withdraw(await at_news(town, visit), "ads.partners", reach=GROUP)
    assert (await visit.redeem(code)).body["error"] == "invalid_grant"


@pytest.mark.parametrize(("purpose", "error"), [("tv", "access_denied"), ("ads", None)])
async def test_a_device_that_was_approved_and_has_no_tokens_yet_is_denied(
    town: Town, purpose: str, error: str | None
) -> None:
    tv = await switch_on(town, authorization_details=TV_DETAILS)
    await tv.approve()
    assert tv.phone.device is not None
    phone = await town.on_device(tv.phone.device, "play-web")
    await town.withdraw(phone, purpose, reach=BRAND)
    if error is None:
        assert (await tv.tokens())["authorization_details"][0]["purposes"] == ("tv",)
    else:
        assert await tv.poll_for_error() == error


async def test_the_tokens_of_a_device_end_with_their_purpose(town: Town) -> None:
    fields = {"scope": "openid offline_access", "authorization_details": TV_DETAILS}
    tv = await switch_on(town, **fields)
    await tv.approve()
    tokens = await tv.tokens()
    assert tv.phone.device is not None
    phone = await town.on_device(tv.phone.device, "play-web")
    await town.withdraw(phone, "tv", reach=BRAND)
    assert not await lives(town, Visit(town=town, client=TV), tokens)


async def test_a_withdrawal_of_all_ends_access_tokens_at_once(town: Town) -> None:
    visit = Visit(town=town)
    tokens = (await visit.redeem(await visit.consent(scope="openid offline_access"))).body
    elsewhere = await at_news(town, visit)
    await town.withdraw(elsewhere, reach=GROUP)
    assert not await lives(town, visit, tokens)
    assert elsewhere.subject is not None


async def test_a_page_made_before_a_withdrawal_brings_nothing_back(
    town: Town, visit: Visit
) -> None:
    tokens = await ask(town, visit, "ads.partners")
    uri = await push(town, visit, detail("ads.partners"))
    late = await push(town, visit, detail("ads.partners"))
    interaction = await visit.begin(**asked_by(await push_anew(town, visit)))
    page = await visit.open(interaction)
    assert page.prefill[PurposeId("ads.partners")] is GRANTED

    await town.withdraw(await at_news(town, visit), "ads.partners", reach=GROUP)

    assert not await lives(town, visit, tokens)
    with pytest.raises(ConflictError) as stale:
        await visit.answer(interaction, choose_all(page, GRANTED, PARTNER))
    assert stale.value.code == "form_stale"
    assert (await visit.open(interaction)).prefill[PurposeId("ads.partners")] is REFUSED
    for pushed in (uri, late):
        assert (await visit.ask_for_answer(**asked_by(pushed)))["error"] == "access_denied"


async def push_anew(town: Town, visit: Visit) -> str:
    """A request that shows the choices again."""
    async with town.context.database.reading() as connection:
        client = await clients.find(connection, visit.client)
    assert client is not None
    details = json.dumps([detail("ads.partners")])
    fields = visit.request(authorization_details=details, prompt="consent")
    return (await push_request(town.context, client, fields)).request_uri


async def test_a_page_that_is_not_current_may_still_say_no(town: Town, visit: Visit) -> None:
    await ask(town, visit, "ads.partners")
    interaction = await visit.begin(**asked_by(await push_anew(town, visit)))
    page = await visit.open(interaction)
    await town.withdraw(await at_news(town, visit), "content", "ads.partners", reach=GROUP)
    step = await visit.answer(
        interaction, WithdrawAll(reach=PARTNER, unverified_served=page.served)
    )
    assert "error=access_denied" in step.redirect
