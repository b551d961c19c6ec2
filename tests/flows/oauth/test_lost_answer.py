"""A client never hears the answer to its refresh, and asks again; or somebody else does."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.flows.oauth.test_device_code import TV, switch_on
from tests.flows.town import Town, together
from tests.flows.visits import Visit

from consentid.flows.answer_token_request import TokenAnswer, answer_token_request
from consentid.flows.authenticate import authenticate
from consentid.flows.oauth.lost_answer import GRACE
from consentid.flows.oauth.request import TokenRequest
from consentid.kit.errors import UnauthenticatedError
from consentid.kit.instants import SECOND

_KEY = "as-this-client-calls-it"
_GRACE_S = GRACE // SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """A client, the tokens that it has got, and what it calls its requests."""

    town: Town
    client: str
    tokens: dict[str, Any]
    key: str | None = _KEY

    async def refresh(self, tokens: dict[str, Any]) -> TokenAnswer:
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        if self.key is not None:
            form["idempotency_key"] = self.key
        return await self.town.ask_token(self.client, **form)

    async def renew(self, tokens: dict[str, Any]) -> dict[str, Any]:
        answer = await self.refresh(tokens)
        assert answer.status == 200, answer.body
        return answer.body

    async def is_refused(self, tokens: dict[str, Any]) -> bool:
        answer = await self.refresh(tokens)
        assert answer.status == 200 or answer.body["error"] == "invalid_grant", answer.body
        return answer.status != 200

    async def is_at_work(self, tokens: dict[str, Any]) -> bool:
        try:
            await authenticate(self.town.context, tokens["access_token"])
        except UnauthenticatedError:
            return False
        return True

    async def pass_s(self, seconds: int) -> None:
        """Let time pass since the last use."""
        await self.town.change(
            f"UPDATE refresh_tokens SET used_at = used_at - interval '{seconds} seconds'"
        )


@pytest.fixture
async def tv(town: Town) -> Set:
    """A television that somebody connected."""
    waiting = await switch_on(town, device_name="Den")
    await waiting.approve()
    return Set(town=town, client=TV, tokens=await waiting.tokens())


async def test_who_never_heard_the_answer_asks_again_and_goes_on(tv: Set) -> None:
    lost = await tv.renew(tv.tokens)
    lost_too = await tv.renew(tv.tokens)
    heard = await tv.renew(tv.tokens)

    assert len({each["refresh_token"] for each in (lost, lost_too, heard)}) == 3
    assert await tv.is_at_work(heard)
    assert not await tv.is_at_work(lost)
    assert not await tv.is_at_work(lost_too)
    newer = await tv.renew(heard)
    assert await tv.is_at_work(newer)
    [(named,)] = await tv.town.rows("SELECT bool_and(sealed_name IS NOT NULL) FROM refresh_tokens")
    assert named


async def test_an_old_token_ends_the_family_once_its_successor_was_used(tv: Set) -> None:
    second = await tv.renew(tv.tokens)
    third = await tv.renew(second)

    assert await tv.is_refused(tv.tokens)

    assert not await tv.is_at_work(third)
    assert await tv.is_refused(third)


async def test_a_thief_with_the_old_token_is_found_when_the_television_next_asks(tv: Set) -> None:
    own = await tv.renew(tv.tokens)

    stolen = await tv.renew(tv.tokens)
    assert not await tv.is_at_work(own)  # so that it renews at once

    assert await tv.is_refused(own)
    assert not await tv.is_at_work(stolen)
    assert await tv.is_refused(stolen)
    assert await tv.is_refused(tv.tokens)


async def test_a_thief_who_went_on_is_found_too(tv: Set) -> None:
    own = await tv.renew(tv.tokens)
    stolen = await tv.renew(await tv.renew(tv.tokens))

    assert await tv.is_refused(own)

    assert not await tv.is_at_work(stolen)
    assert await tv.is_refused(stolen)


async def test_of_ten_who_ask_again_at_once_one_wins_and_the_family_goes_on(tv: Set) -> None:
    lost = await tv.renew(tv.tokens)

    answers = await together(*(tv.refresh(tv.tokens) for _ in range(10)))

    [won] = [answer.body for answer in answers if answer.status == 200]
    assert {answer.body["error"] for answer in answers if answer.status != 200} == {"invalid_grant"}
    assert await tv.is_at_work(won)
    newer = await tv.renew(won)

    assert await tv.is_refused(lost)
    assert not await tv.is_at_work(newer)


async def test_the_old_and_the_new_at_once_leave_one_chain_at_most(tv: Set) -> None:
    own = await tv.renew(tv.tokens)

    answers = await together(tv.refresh(tv.tokens), tv.refresh(own))

    won = [answer.body for answer in answers if answer.status == 200]
    assert len(won) <= 1  # none where one was found out at once
    at_work = [each for each in won if await tv.is_at_work(each)]
    assert await tv.is_refused(tv.tokens) or await tv.is_refused(own)
    assert not [each for each in at_work if await tv.is_at_work(each)]


async def test_it_may_come_again_for_a_while_only(tv: Set) -> None:
    lost = await tv.renew(tv.tokens)
    await tv.pass_s(_GRACE_S - 60)
    heard = await tv.renew(tv.tokens)
    assert heard["refresh_token"] != lost["refresh_token"]

    await tv.pass_s(_GRACE_S + 1)
    assert await tv.is_refused(tv.tokens)
    assert not await tv.is_at_work(heard)


@pytest.mark.parametrize("key", [None, "as-somebody-else-calls-it"])
async def test_without_the_same_key_an_old_token_ends_the_family_at_once(
    tv: Set, key: str | None
) -> None:
    own = await tv.renew(tv.tokens)

    assert await replace(tv, key=key).is_refused(tv.tokens)

    assert not await tv.is_at_work(own)
    assert await tv.is_refused(own)


async def test_a_key_that_is_none_is_refused_and_nothing_is_used(tv: Set) -> None:
    for key in ("short", "with a blank in it", "x" * 129, "é" * 20):
        answer = await replace(tv, key=key).refresh(tv.tokens)
        assert (answer.status, answer.body["error"]) == (400, "invalid_request"), key
    assert await tv.is_at_work(await tv.renew(tv.tokens))


async def test_a_page_may_ask_again_too(town: Town) -> None:
    visit = Visit(
        town=town, client="news-spa", redirect_uri="http://news.localhost:7600/spa/callback"
    )
    answer = await visit.redeem(await visit.consent(scope="openid offline_access"))
    page = Set(town=town, client="news-spa", tokens=answer.body)
    lost = await page.renew(page.tokens)
    heard = await page.renew(page.tokens)
    assert await page.is_at_work(heard)
    assert not await page.is_at_work(lost)


async def test_a_back_end_may_ask_again_too_and_nobody_else_for_it(town: Town) -> None:
    visit = Visit(town=town)
    answer = await visit.redeem(await visit.consent(scope="openid offline_access"))
    site = Set(town=town, client=visit.client, tokens=answer.body)
    lost = await site.renew(site.tokens)
    assert await replace(site, client="play-web").is_refused(site.tokens)
    unsigned = await answer_token_request(
        town.context,
        TokenRequest(
            form={
                "grant_type": "refresh_token",
                "client_id": visit.client,
                "refresh_token": site.tokens["refresh_token"],
                "idempotency_key": _KEY,
            },
            basic=None,
        ),
    )
    assert (unsigned.status, unsigned.body["error"]) == (401, "invalid_client")

    heard = await site.renew(site.tokens)
    assert not await site.is_at_work(lost)
    newer = await site.renew(heard)
    assert await site.is_refused(site.tokens)  # its successor was used: it leaked
    assert not await site.is_at_work(newer)


async def test_whoever_disconnected_it_meanwhile_is_obeyed(tv: Set) -> None:
    await tv.renew(tv.tokens)
    await tv.town.change("UPDATE refresh_tokens SET revoked_at = now()")

    assert await tv.is_refused(tv.tokens)
