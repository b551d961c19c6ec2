"""What a node answers without asking the database is what the database would have said."""

import asyncio
import itertools
import shutil
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text
from tests.flows.conftest import Founded
from tests.flows.town import BRAND, GRANTED, REFUSED, Town, open_node

from consentid.brandbook.folder import load
from consentid.embedded.postgres import DatabaseUrls
from consentid.flows.context import Context
from consentid.flows.publish_catalogue import publish_catalogue
from consentid.flows.publish_status_lists import publish_status_lists
from consentid.flows.verify_batch import verify_batch
from consentid.flows.verify_forwarded import verify_forwarded
from consentid.flows.verify_from_memory import JUDGED_TOGETHER, Asked, Memory
from consentid.flows.verify_token import VerifyOut, verify_token
from consentid.flows.watch_revocations import RevocationWatch
from consentid.keyring.loading import load as load_keys
from consentid.keyring.manifest import Use
from consentid.keyring.revoking import revoke
from consentid.kit import base64url
from consentid.kit.errors import ForbiddenError, UnauthenticatedError, UnavailableError
from consentid.kit.instants import from_seconds
from consentid.store.revocations import Looking, looking
from consentid.tokens import consent

NEWS = "https://news.halcyon.example"


@dataclass(slots=True, kw_only=True)
class Node:
    """Another process of the same hub, which looks when it is told to."""

    town: Town
    context: Context
    watch: RevocationWatch
    memory: Memory
    through: Looking
    now_s: float = 0.0

    async def look(self) -> None:
        await self.watch.look(self.through)

    async def recall(
        self, token: str | None, client: str = "news-web", *purposes: str
    ) -> VerifyOut | None:
        assert token is not None
        caller = await self.town.client(client)
        answer = await self.memory.recall(
            Asked(unverified_token=token, caller=caller, purposes=purposes)
        )
        return None if answer is None else msgspec.json.decode(answer, type=VerifyOut)


@asynccontextmanager
async def opened_node(town: Town, urls: DatabaseUrls, keys: Path) -> AsyncGenerator[Node]:
    opened = open_node(urls, keys)
    context, watch = opened.context, RevocationWatch(opened.context)
    memory = Memory(context, watch)
    async with looking(context.database) as through:
        made = Node(town=town, context=context, watch=watch, memory=memory, through=through)
        context.monotonic = lambda: made.now_s
        context.look_again()
        yield made
    await opened.close()


@pytest.fixture
async def node(town: Town, town_urls: DatabaseUrls, founded: Founded) -> AsyncIterator[Node]:
    async with opened_node(town, town_urls, founded.keys) as opened:
        yield opened


async def hang_up(town: Town) -> None:
    """End every connection of the serving role but the one that does so."""
    async with town.context.database.writing() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                " usename = current_user AND datname = current_database()"
                " AND pid <> pg_backend_pid()"
            )
        )


async def test_it_says_what_the_database_says(town: Town, node: Node) -> None:
    token = (await town.decide(await town.device(), {"ads": GRANTED})).consent_token
    assert token is not None
    assert await node.recall(token) is None  # before the first look nothing is known
    await node.look()
    for client, purposes in itertools.product(
        ("news-web", "shop-web", "reach-api"),
        ((), ("ads",), ("ads", "security"), ("ads", "content"), ("no.such",)),
    ):
        caller = await town.client(client)
        asked = await verify_token(
            town.context, caller, token, audience=None, purposes=purposes, at_least=None
        )
        for _ in range(2):
            assert await node.recall(token, client, *purposes) == asked
    assert await node.recall("x.y.z") == VerifyOut(active=False)
    assert await node.recall("x.y.z", "news-web", "ads") == VerifyOut(active=False, decision="deny")
    assert node.memory.recalled > 0 < node.memory.judged


async def test_a_withdrawal_elsewhere_is_seen_by_the_next_look(town: Town, node: Node) -> None:
    news = await town.device()
    token = (await town.decide(news, {"ads": GRANTED})).consent_token
    await node.look()
    assert (found := await node.recall(token)) is not None
    assert found.active
    renewed = (await town.withdraw(news, "ads")).consent_token
    await node.look()
    assert await node.recall(token) == VerifyOut(active=False)
    assert (found := await node.recall(renewed)) is not None
    assert found.active


async def test_a_withdrawal_stays_seen_when_its_list_is_published(town: Town, node: Node) -> None:
    news = await town.device()
    tokens = [(await town.decide(news, {"ads": GRANTED})).consent_token]
    await node.look()
    for _ in range(3):
        await town.withdraw(news, "ads")
        await publish_status_lists(town.context)  # revoked and published between two looks
        await node.look()
        for token in tokens:
            assert await node.recall(token) == VerifyOut(active=False)
        tokens.append((await town.decide(news, {"ads": GRANTED})).consent_token)
        await publish_status_lists(town.context)
        await node.look()
        assert (found := await node.recall(tokens[-1])) is not None
        assert found.active


async def test_a_withdrawal_is_seen_after_the_database_s_clock_was_years_ahead(
    town: Town, node: Node
) -> None:
    news = await town.device()
    token = (await town.decide(news, {"ads": GRANTED})).consent_token
    await publish_status_lists(town.context)
    async with town.context.database.writing() as connection:
        await connection.execute(
            text("UPDATE status_lists SET signed_at = clock_timestamp() + interval '11 years'")
        )
    await node.look()
    assert (found := await node.recall(token)) is not None
    assert found.active
    await town.withdraw(news, "ads")
    await publish_status_lists(town.context)  # revoked and published between two looks
    await node.look()
    assert await node.recall(token) == VerifyOut(active=False)


async def test_where_it_happened_the_database_is_asked_at_once(town: Town) -> None:
    watch = RevocationWatch(town.context)
    memory = Memory(town.context, watch)
    caller = await town.client("news-web")
    news = await town.device()
    token = (await town.decide(news, {"ads": GRANTED})).consent_token
    assert token is not None
    async with looking(town.context.database) as through:
        await watch.look(through)
        assert await memory.recall(Asked(unverified_token=token, caller=caller)) is not None
        await town.withdraw(news, "ads")
        assert await memory.recall(Asked(unverified_token=token, caller=caller)) is None
        found = await verify_token(
            town.context, caller, token, audience=None, purposes=(), at_least=None
        )
        assert found == VerifyOut(active=False)


async def test_what_was_seen_over_a_second_ago_is_no_answer(town: Town, node: Node) -> None:
    token = (await town.decide(await town.device(), {"ads": GRANTED})).consent_token
    await node.look()
    node.now_s += 0.999
    assert await node.recall(token) is not None
    node.now_s += 0.002
    assert await node.recall(token) is None
    await node.look()
    assert await node.recall(token) is not None


async def test_a_token_expires_by_the_database_s_clock(town: Town, node: Node) -> None:
    token = (await town.decide(await town.device(), {"ads": GRANTED})).consent_token
    claims = town.claims(token, NEWS)
    await node.look()
    assert (found := await node.recall(token)) is not None
    assert found.active
    begun_s, now_s = node.now_s, node.watch.now_s()
    assert abs(now_s - claims.iat) < 30
    node.watch._looked_at_s += claims.exp - now_s - 0.5  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - an hour of looking
    node.watch._database_s += claims.exp - now_s - 0.5  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - as above
    node.now_s = begun_s + claims.exp - now_s - 0.5
    assert (found := await node.recall(token)) is not None
    assert found.active
    node.now_s += 0.6
    assert await node.recall(token) == VerifyOut(active=False)


async def test_a_token_of_an_older_catalogue_is_for_the_database(
    town: Town, node: Node, halcyon_folder: Path
) -> None:
    token = (await town.decide(await town.device(), {"ads": GRANTED})).consent_token
    await node.look()
    assert await node.recall(token) is not None
    group = halcyon_folder / "group.toml"
    group.write_text(group.read_text().replace("Halcyon Media", "Halcyon Media Group"))
    news = halcyon_folder / "news.toml"
    news.write_text(news.read_text() + '\n[overrides."contact.sms"]\noff = true\n')
    before = (await town.book()).catalogue.version
    await publish_catalogue(town.owner, load(halcyon_folder), randomness=town.context.randomness)
    assert (await town.book()).catalogue.version == before + 1
    await node.look()
    assert await node.recall(token) is None


async def test_a_token_by_a_key_that_came_since_the_look_is_for_the_database(
    town: Town, town_urls: DatabaseUrls, founded: Founded, tmp_path: Path
) -> None:
    told = (await town.decide(await town.device(), {"ads": GRANTED})).consent_token
    assert told is not None
    keys = shutil.copytree(founded.keys, tmp_path / "keys")
    async with opened_node(town, town_urls, keys) as node:
        await node.look()
        before = load_keys(keys)
        revoke(keys, [each.kid for each in before.entries], now=from_seconds(int(time.time())))
        new = load_keys(keys).active(Use.CONSENT)
        signing_input = consent.unsigned(
            consent.read_claims(base64url.decode(told.split(".")[1])), new.kid
        )
        token = consent.assemble(signing_input, new.sign(signing_input))
        node.now_s += 0.2  # it heard of the folder's change, and has not looked again
        assert await node.recall(token) is None
        site = await town.client("news-web")
        asked = await verify_token(
            node.context, site, token, audience=None, purposes=(), at_least=None
        )
        assert asked.active
        await node.look()
        assert await node.recall(token) == asked
        assert await node.recall(told) == VerifyOut(active=False)  # of a key that is gone


async def test_what_the_caller_knows_is_for_the_database(town: Town, node: Node) -> None:
    told = await town.decide(await town.device(), {"ads": GRANTED})
    assert told.consent_token is not None
    await node.look()
    caller = await town.client("news-web")
    knows = Asked(unverified_token=told.consent_token, caller=caller, at_least=told.consistency)
    assert await node.memory.recall(knows) is None
    for audience, is_answered in (("https://market.halcyon.example", False), (NEWS, True)):
        asked = Asked(unverified_token=told.consent_token, caller=caller, audience=audience)
        assert (await node.memory.recall(asked) is not None) is is_answered


async def test_what_is_asked_at_once_is_judged_each_by_itself(town: Town, node: Node) -> None:
    told = [await town.decide(await town.device(), {"ads": GRANTED}) for _ in range(3)]
    good = [each.consent_token for each in told if each.consent_token is not None]
    await node.look()
    caller = await town.client("news-web")
    forged = good[0][:-4] + ("AAAA" if good[0][-4:] != "AAAA" else "BBBB")
    tokens = [*good, "x.y.z", forged, *good] * JUDGED_TOGETHER
    asking = [
        asyncio.create_task(node.memory.recall(Asked(unverified_token=each, caller=caller)))
        for each in tokens
    ]
    await asyncio.sleep(0)
    asking[0].cancel()  # who goes away takes nobody along
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    for token, answer in zip(tokens[1:], answers[1:], strict=True):
        assert isinstance(answer, bytes)
        assert answer.startswith(b'{"active":true' if token in good else b'{"active":false}')


async def test_without_the_database_nothing_is_known(town: Town, node: Node) -> None:
    token = (await town.decide(await town.device(), {"ads": GRANTED})).consent_token
    await node.look()
    await hang_up(town)
    with pytest.raises(UnavailableError):
        await node.look()
    node.now_s += 1.1
    assert await node.recall(token) is None


async def test_it_follows_by_itself_and_again_after_a_break(town: Town) -> None:
    watch = RevocationWatch(town.context)
    following = asyncio.create_task(watch.follow())

    async def looked(count: int) -> None:
        async with asyncio.timeout(120):
            while watch.looks < count:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)

    try:
        await looked(2)
        assert watch.ground() is not None
        await hang_up(town)
        await looked(watch.looks + 3)
        assert watch.ground() is not None
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_a_batch_asks_the_database_only_where_it_must(town: Town, node: Node) -> None:
    news = await town.device()
    token = (await town.decide(news, {"ads": GRANTED})).consent_token
    assert token is not None
    caller = await town.client("news-web")
    questions = [
        Asked(caller=caller, unverified_token=token),
        Asked(caller=caller, unverified_token="x"),
        Asked(caller=caller, unverified_token=token, purposes=("content",)),
    ]
    slow = await verify_batch(town.context, node.memory, caller, questions)
    await node.look()
    assert await verify_batch(town.context, node.memory, caller, questions) == slow
    told = [msgspec.json.decode(each) for each in slow]
    assert [each["active"] for each in told] == [True, False, True]
    assert told[2]["decision"] == "deny"
    with pytest.raises(ForbiddenError) as refused:
        await verify_batch(
            town.context,
            node.memory,
            caller,
            [
                questions[0],
                Asked(caller=caller, unverified_token=token, audience="https://x.example"),
            ],
        )
    assert refused.value.where == "[1].audience"


async def test_a_proxy_hears_the_same_on_both_ways(town: Town, node: Node) -> None:
    news = await town.device()
    token = (await town.decide(news, {"ads": GRANTED, "content": REFUSED})).consent_token
    assert token is not None

    async def may(audience: str, *purposes: str, presented: str = token) -> bool:
        return await verify_forwarded(
            town.context,
            node.memory,
            audience=audience,
            unverified_token=presented,
            purposes=purposes,
        )

    for _ in range(2):
        assert await may(NEWS)
        assert await may(NEWS, "ads")
        assert not await may(NEWS, "ads", "content")
        assert not await may("https://market.halcyon.example", "ads")
        assert not await may(NEWS, presented="x.y.z")
        with pytest.raises(ForbiddenError):
            await may("https://nobody.example")
        await node.look()
    await town.withdraw(news, reach=BRAND)
    await node.look()
    assert not await may(NEWS)


async def test_a_caller_is_asked_for_once_a_second_and_never_believed_when_gone(
    town: Town,
) -> None:
    now_s = [0.0]
    town.context.monotonic = lambda: now_s[0]
    memory = Memory(town.context, RevocationWatch(town.context))
    answer = await town.ask_token("news-web", grant_type="client_credentials")
    access = answer.body["access_token"]
    known = await memory.caller(access)
    assert known.client.client_id == "news-web"
    await town.change("DELETE FROM access_tokens")
    now_s[0] += 0.4
    assert await memory.caller(access) is known
    now_s[0] += 0.7
    with pytest.raises(UnauthenticatedError):
        await memory.caller(access)
    with pytest.raises(UnauthenticatedError):
        await memory.caller("nobody")


async def test_callers_are_forgotten_at_once_where_their_tokens_end(town: Town) -> None:
    memory = Memory(town.context, RevocationWatch(town.context))
    answer = await town.ask_token("news-web", grant_type="client_credentials")
    access = answer.body["access_token"]
    await memory.caller(access)
    await town.change("DELETE FROM access_tokens")
    memory.forget_callers()
    with pytest.raises(UnauthenticatedError):
        await memory.caller(access)
