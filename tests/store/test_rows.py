"""What the small tables keep: idempotency keys, one-use marks, identities, links, signals."""

import asyncio
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine
from tests.store.test_statuses import AT, make_subject

from consentid.core.decision import CatalogueVersion, ServedId, SignalSource, SubjectId
from consentid.core.party import Party, PartyKind, Slug
from consentid.kit.instants import Instant
from consentid.store import (
    access_tokens,
    acts,
    catalogues,
    clients,
    clock,
    idempotency,
    served,
    signals,
    subjects,
)
from consentid.store.access_tokens import AccessToken
from consentid.store.acts import Act, NewProjection
from consentid.store.catalogues import CatalogueRow
from consentid.store.clients import Client, Registration
from consentid.store.engine import Database
from consentid.store.idempotency import IdempotencyKey
from consentid.store.served import ServedNotice
from consentid.store.subjects import NewSubject

KEY = IdempotencyKey(client_id="c", route="decisions", key_hash=b"h")


async def test_a_key_is_taken_by_one_and_shows_the_others_its_answer(database: Database) -> None:
    async def send() -> bytes | None:
        async with database.writing() as connection:
            first = await idempotency.claim(connection, KEY, request_digest=b"d", at=AT)
            if first is not None:
                assert first.request_digest == b"d"
                return first.sealed_answer
            subject = await make_subject(connection, "one")
            await idempotency.save_answer(connection, KEY, subject=subject, sealed_answer=b"a")
            return None

    answers = await asyncio.gather(*(send() for _ in range(8)))
    assert sorted(answers, key=str) == sorted([None, *[b"a"] * 7], key=str)


async def test_a_key_belongs_to_its_client_and_route(database: Database) -> None:
    async with database.writing() as connection:
        for client, route in (("c", "decisions"), ("c", "withdrawals"), ("d", "decisions")):
            key = IdempotencyKey(client_id=client, route=route, key_hash=b"h")
            assert await idempotency.claim(connection, key, request_digest=b"d", at=AT) is None
        assert await idempotency.delete_before(connection, Instant(AT + 1)) == 3
        assert await idempotency.claim(connection, KEY, request_digest=b"d", at=AT) is None


async def test_a_one_use_mark_is_given_once_even_at_once(database: Database) -> None:
    async def mark() -> bool:
        async with database.writing() as connection:
            return await access_tokens.mark_used(connection, b"h", expires_at=AT)

    assert sorted(await asyncio.gather(*(mark() for _ in range(8)))) == [False] * 7 + [True]


async def test_an_access_token_of_a_disabled_client_is_not_found(
    database: Database, owner_engine: AsyncEngine
) -> None:
    client = Client(
        client_id="c",
        party=Party(kind=PartyKind.BRAND, slug=Slug("news")),
        source="files",
        auth_method="client_secret_basic",
        scopes=frozenset({"verify"}),
        collects_for_group=True,
        surface="web",
        token_class="web",
        registration=Registration(redirect_uris=("https://news.example/back",)),
    )
    token = AccessToken(
        token_hash=b"h",
        client_id="c",
        subject=None,
        device=None,
        scopes=frozenset({"verify"}),
        issued_at=AT,
        expires_at=Instant(AT + 1),
    )
    async with owner_engine.begin() as connection:
        await clients.save(connection, client, at=AT)
        await clients.save(connection, client, at=AT)
        await clients.add_secret(connection, "c", secret_hash=b"s", at=AT)
        assert await clients.find(connection, "c") == client
        assert await clients.secret_hashes(connection, "c", at=AT) == [b"s"]
        await clients.expire_secrets(connection, "c", at=Instant(AT + 5))
        assert await clients.secret_hashes(connection, "c", at=Instant(AT + 4)) == [b"s"]
        assert await clients.secret_hashes(connection, "c", at=Instant(AT + 5)) == []
    async with database.writing() as connection:
        await access_tokens.add(connection, token)
        assert await access_tokens.find(connection, b"h") == token
    async with owner_engine.begin() as connection:
        await clients.disable_all_but(connection, ["d"], source="files", at=AT)
        assert [each.disabled_at for each in await clients.every(connection)] == [AT]
    async with database.writing() as connection:
        assert await clients.find(connection, "c") is None
        assert await access_tokens.find(connection, b"h") is None
        assert await access_tokens.delete_expired(connection, before=Instant(AT + 2)) == 1


async def test_catalogue_versions_are_found_by_number_and_the_newest_by_none(
    database: Database, owner_engine: AsyncEngine
) -> None:
    rows = [
        CatalogueRow(version=CatalogueVersion(n), digest=b"d", body=b"b%d" % n, applied_at=AT)
        for n in (1, 2)
    ]
    async with database.reading() as connection:
        assert await catalogues.newest_version(connection) is None
        assert await catalogues.find(connection) is None
    async with owner_engine.begin() as connection:
        for row in rows:
            await catalogues.add(connection, row)
    async with database.reading() as connection:
        assert await catalogues.newest_version(connection) == 2
        assert await catalogues.find(connection) == rows[1]
        assert await catalogues.find(connection, CatalogueVersion(1)) == rows[0]
        assert await catalogues.find(connection, CatalogueVersion(3)) is None


async def test_a_known_subject_is_found_by_its_identity_alone(database: Database) -> None:
    async with database.writing() as connection:
        device = await make_subject(connection, "device")
        account = SubjectId(UUID(int=7))
        new = NewSubject(id=account, wrapped_key=b"k", sealed_projection=b"p", created_at=AT)
        await subjects.create_known(connection, new, identity_hash=b"i", adult=False)
        assert await subjects.find_known(connection, b"i") == account
        assert await subjects.find_known(connection, b"j") is None
        assert not await subjects.set_adult(connection, account, adult=False)
        assert await subjects.set_adult(connection, account, adult=True)
        found = await subjects.find(connection, account, lock=True)
        assert found is not None
        assert (found.adult, found.version, found.wrapped_key) == (True, 0, b"k")
        assert await subjects.link_device(connection, account=account, device=device, at=AT)
        assert await subjects.find_told(connection, account=account, device=device) is None
        await subjects.save_told(connection, account=account, device=device, sealed=b"t")
        assert not await subjects.link_device(connection, account=account, device=device, at=AT)
        assert await subjects.find_told(connection, account=account, device=device) == b"t"
        row = await subjects.find_device(connection, b"device")
        assert row is not None
        assert (row.id, row.expires_at) == (device, AT)
        assert await subjects.find_device(connection, b"other") is None
        assert set(await subjects.every_id(connection)) == {account, device}


async def test_whoever_locks_a_subject_sees_what_the_one_before_wrote(database: Database) -> None:
    async with database.writing() as connection:
        subject = await make_subject(connection, "one")

    async def count_up() -> None:
        async with database.writing() as connection:
            found = await subjects.find(connection, subject, lock=True)
            assert found is not None
            counted = NewProjection(version=found.version + 1, sealed=b"p")
            await acts.write(connection, [Act(subject=subject, at=AT, projection=counted)])

    await asyncio.gather(*(count_up() for _ in range(15)))
    async with database.reading() as connection:
        found = await subjects.find(connection, subject)
    assert found is not None
    assert found.version == 15


async def test_a_signal_is_remembered_per_device(database: Database) -> None:
    async with database.writing() as connection:
        one, other = [await make_subject(connection, name) for name in ("one", "other")]
        gpc = SignalSource.GPC
        assert not await signals.find_on(connection, subject=one, device=one)
        await signals.save(connection, subject=one, device=one, source=gpc, is_on=True)
        assert await signals.find_on(connection, subject=one, device=one) == {gpc}
        assert not await signals.find_on(connection, subject=one, device=other)
        await signals.save(connection, subject=one, device=one, source=gpc, is_on=False)
        assert not await signals.find_on(connection, subject=one, device=one)


async def test_a_served_notice_is_kept_once_and_its_events_too(
    database: Database, owner_engine: AsyncEngine
) -> None:
    del owner_engine
    async with database.writing() as connection:
        subject = await make_subject(connection, "one")
        notice = ServedNotice(
            id=ServedId(subject),
            client_id="c",
            notice_id="news",
            version=1,
            language="fr",
            digest=bytes(32),
            catalogue=CatalogueVersion(1),
        )
        for _ in range(2):
            await served.add(connection, notice, at=AT)
            await served.note_event(connection, notice.id, event="shown", layout=None, at=AT)
        assert await served.find(connection, notice.id) == notice
        assert await served.find(connection, ServedId(UUID(int=1))) is None


async def test_the_next_act_of_whoever_never_acted_is_now(database: Database) -> None:
    async with database.writing() as connection:
        subject = await make_subject(connection, "one")
        before = await clock.now(connection)
        assert before < await clock.now_after(connection, subject) < await clock.now(connection)
