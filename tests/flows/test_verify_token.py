import pytest
from tests.flows.town import BRAND, GRANTED, Town

from consentid.flows.authenticate import Caller
from consentid.flows.show_state import show_state
from consentid.flows.verify_token import VerifyOut, verify_token
from consentid.kit.errors import ForbiddenError, MalformedError, UnavailableError


async def verify(
    town: Town,
    token: str | None,
    client: str = "news-web",
    *purposes: str,
    at_least: str | None = None,
    audience: str | None = None,
) -> VerifyOut:
    assert token is not None
    caller: Caller = await town.client(client)
    return await verify_token(
        town.context, caller, token, audience=audience, purposes=purposes, at_least=at_least
    )


async def test_a_token_is_good_for_its_audience_alone(town: Town) -> None:
    news = await town.device()
    token = (await town.decide(news, {"ads": GRANTED})).consent_token
    assert (await verify(town, token)).active
    for client in ("shop-web", "play-web", "reach-api"):
        assert await verify(town, token, client) == VerifyOut(active=False)
    with pytest.raises(ForbiddenError):
        await verify(town, token, "reach-api", audience="https://news.halcyon.example")


async def test_purposes_are_allowed_where_granted_or_where_none_need_ask(town: Town) -> None:
    token = (await town.decide(await town.device(), {"ads": GRANTED})).consent_token
    for purposes, decision in (
        (("ads",), "allow"),
        (("ads", "security"), "allow"),
        (("ads", "content"), "deny"),
        (("no.such",), "deny"),
        (("",), "deny"),
    ):
        assert (await verify(town, token, "news-web", *purposes)).decision == decision
    assert (await verify(town, token)).decision is None
    assert (await verify(town, "x", "news-web", "ads")).decision == "deny"


async def test_a_narrowing_ends_the_token_and_a_widening_does_not(town: Town) -> None:
    news = await town.device()
    first = (await town.decide(news, {"ads": GRANTED})).consent_token
    second = (await town.decide(news, {"content": GRANTED})).consent_token
    assert (await verify(town, first)).active
    assert (await verify(town, second)).active
    audience = "https://news.halcyon.example"
    assert town.claims(first, audience).status == town.claims(second, audience).status
    third = (await town.withdraw(news, "content")).consent_token
    assert not (await verify(town, second)).active
    assert not (await verify(town, first)).active  # the index they share has ended
    assert (await verify(town, third)).active
    revs = [town.claims(each, audience).consent.rev for each in (first, second, third)]
    assert revs == sorted(set(revs))


async def test_a_withdrawal_at_one_brand_is_seen_at_every_other_at_once(town: Town) -> None:
    credential = await town.new_device()
    await town.decide(await town.on_device(credential), {"ads": GRANTED})
    shop = await town.on_device(credential, "shop-web")
    token = (await town.withdraw(shop, "contact", reach=BRAND)).consent_token
    assert (await verify(town, token, "shop-web")).active
    await town.withdraw(await town.on_device(credential, "play-web"))
    assert not (await verify(town, token, "shop-web")).active


async def test_what_the_caller_knows_is_never_answered_with_less(town: Town) -> None:
    news = await town.device()
    told = await town.decide(news, {"ads": GRANTED})
    assert (await verify(town, told.consent_token, at_least=told.consistency)).active
    await town.change("UPDATE projections SET version = 0")
    with pytest.raises(UnavailableError):
        await verify(town, told.consent_token, at_least=told.consistency)
    with pytest.raises(UnavailableError):
        await show_state(town.context, news, at_least=told.consistency)


async def test_a_consistency_token_is_of_one_sector_and_one_subject(town: Town) -> None:
    credential = await town.new_device()
    told = await town.decide(await town.on_device(credential), {"ads": GRANTED})
    shop = await town.on_device(credential, "shop-web")
    for caller in (shop, await town.device()):
        for unverified in (told.consistency, told.consistency[:-2], "", "é"):
            with pytest.raises(MalformedError):
                await show_state(town.context, caller, at_least=unverified)


async def test_an_erased_subject_and_an_index_never_given_out_are_no(town: Town) -> None:
    news = await town.device()
    token = (await town.decide(news, {"ads": GRANTED})).consent_token
    await town.change("DELETE FROM subject_keys")
    assert not (await verify(town, token)).active
    other = await town.device()
    token = (await town.decide(other, {"ads": GRANTED})).consent_token
    assert (await verify(town, token)).active
    await town.change("UPDATE status_indices SET subject_id = NULL")
    assert not (await verify(town, token)).active
