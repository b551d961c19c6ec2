"""A signing key in wrong hands: refused at once, replaced, and what was made with it told apart."""

from collections.abc import Mapping

import msgspec
import pytest
from tests.flows.test_sequence_ledger import drain
from tests.flows.test_verify_ledger import walk
from tests.flows.test_verify_token import verify
from tests.flows.town import GRANTED, REFUSED, Town, open_node

from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.judge_signed import Judged, judge_signed, keys_ever
from consentid.flows.note_keys import note_keys
from consentid.flows.note_read import write_reads
from consentid.flows.publish_status_lists import publish_status_lists
from consentid.flows.read_buffer import ReadKind
from consentid.flows.restrict_subject import OPERATOR
from consentid.flows.revoke_keys import list_revoked, revoke_keys
from consentid.flows.show_affected import IssuedRow, find_window, issued_within, note_listed
from consentid.flows.stage_act import noting_of
from consentid.flows.verify_token import VerifyOut, verify_token
from consentid.keyring.manifest import State, Use
from consentid.kit.errors import NotFoundError, UnavailableError
from consentid.kit.instants import MINUTE, Instant
from consentid.store import clock, entry_bodies, reads, status_lists, statuses
from consentid.tokens import consent, jws, status
from consentid.tokens.consent import ConsentClaims

LIST = 1
LONG_AGO = Instant(0)


def kid_of(token: str) -> str:
    found = jws.split(token, typ=consent.TYPE, max_length=consent.MAX_LENGTH)
    assert isinstance(found, jws.Unverified)
    return found.unverified_kid


async def revoke(town: Town, *kids: str, stolen_at: Instant = LONG_AGO) -> int:
    stolen = dict.fromkeys(kids, stolen_at)
    return len(await revoke_keys(town.owner, stolen, noting_of(town.context, "cli")))


async def token_of(town: Town, caller: Caller) -> str:
    token = (await town.decide(caller, {"ads": GRANTED})).consent_token
    assert token is not None
    return token


def active(town: Town, state: State = State.ACTIVE, use: Use = Use.CONSENT) -> str:
    (kid,) = [
        each.kid for each in town.context.keyring.entries if each.use is use and each.state is state
    ]
    return kid


async def verify_at(context: Context, caller: Caller, token: str) -> VerifyOut:
    return await verify_token(context, caller, token, audience=None, purposes=(), at_least=None)


async def test_a_revoked_key_is_refused_at_every_process_and_the_next_one_signs(
    town: Town,
) -> None:
    site, person = await town.client(), await town.device()
    other = open_node(town.urls, town.context.settings.keys_dir)
    stolen, following = active(town), active(town, State.NEXT)
    before = await token_of(town, person)
    assert kid_of(before) == stolen
    assert await revoke(town, stolen) == 1
    for context in (town.context, other.context):
        assert not (await verify_at(context, site, before)).active
        published = {key["kid"] for key in context.keyring.public_jwks()["keys"]}
        assert stolen not in published
        assert following in published
    after = await token_of(town, person)  # with the same access token: no session ended
    assert kid_of(after) == following
    for context in (town.context, other.context):
        assert (await verify_at(context, site, after)).active
    await other.close()


async def test_lists_are_signed_anew_once_their_key_is_revoked(town: Town) -> None:
    await token_of(town, await town.device())
    await publish_status_lists(town.context)
    assert await publish_status_lists(town.context) == 0
    await revoke(town, active(town))
    assert await publish_status_lists(town.context) == 1
    async with town.context.database.reading() as connection:
        found = await status_lists.find_published(connection, LIST)
    assert found is not None
    keys = town.context.keyring.verifying_keys()
    opened = status.open_list(found.token, keys=keys, now_s=found.signed_at / 1e6)
    assert isinstance(opened, status.VerifiedList)


async def test_a_revocation_is_an_act_of_the_log_and_done_once(town: Town) -> None:
    stolen = active(town)
    since = Instant(1_700_000_000_000_000)
    assert await revoke(town, stolen, stolen_at=since) == 1
    assert await revoke(town, stolen, stolen_at=LONG_AGO) == 0
    (known,) = await list_revoked(town.owner)
    assert (known.kid, known.stolen_at) == (stolen, since)
    async with town.owner.reading() as connection:
        (act,) = await entry_bodies.newest_acts(connection, before=None, limit=9)
    told = msgspec.json.decode(act.body)
    assert told == {"v": 1, "act": "keys/revoke", "by": "cli", "kid": stolen, "stolen_at": since}
    await drain(town.context)
    assert (await walk(town))[1] == []


async def test_without_any_key_left_nothing_is_signed_and_nothing_is_believed(town: Town) -> None:
    site, person = await town.client(), await town.device()
    token = await token_of(town, person)
    await revoke(town, active(town), active(town, State.NEXT))
    assert not (await verify(town, token)).active
    with pytest.raises(UnavailableError) as refused:
        await token_of(town, person)
    assert refused.value.code == "no_signing_key"
    assert not (await verify_at(town.context, site, token)).active


# ── What was made with it ────────────────────────────────────────────────────────────────────────


def forge(town: Town, claims: ConsentClaims) -> str:
    """What somebody makes who has the signing key and nothing else."""
    key = town.context.keyring.active(Use.CONSENT)
    signing_input = consent.unsigned(claims, key.kid)
    return consent.assemble(signing_input, key.sign(signing_input))


async def judge(town: Town, *unverified: str) -> list[Judged]:
    async with town.context.database.reading() as connection:
        keys = await keys_ever(town.context, connection)
        return [await judge_signed(town.context, connection, keys, each) for each in unverified]


async def test_what_we_issued_is_known_for_ours_also_when_its_key_is_gone(town: Town) -> None:
    person, (known, _) = await town.device(), await town.sign_in("somebody")
    tokens = [await token_of(town, each) for each in (person, known)]
    changed = (await town.decide(person, {"ads": REFUSED})).consent_token
    assert changed is not None
    await note_keys(town.context)
    await revoke(town, active(town))
    await verify(town, changed)  # whoever asks anything hears of it
    for found in await judge(town, *tokens, changed):
        assert found.kind == "consent token"
        assert (found.is_issued, found.faults, found.is_forged) == (True, (), False)


FORGERIES: Mapping[str, tuple[Mapping[str, object], str]] = {
    "a yes that nobody gave": ({"g": ("ads", "content")}, "did not allow content"),
    "a long life": ({"lives_s": 86_400}, "lives longer"),
    "nobody's place": ({"idx": 77}, "nobody's"),
    "another person": ({"sub": "A" * 22}, "another person"),
    "another client": ({"client_id": "shop-web"}, "no such client"),
    "another configuration": ({"cat": 7}, "not in force"),
    "before anybody decided": ({"earlier_s": 1}, "did not allow ads"),
}


def changed(claims: ConsentClaims, told: Mapping[str, object]) -> ConsentClaims:
    of = dict(told)
    earlier, lives = int(str(of.pop("earlier_s", 0))), int(str(of.pop("lives_s", 0)))
    inner = {name: of.pop(name) for name in ("g", "cat") if name in of}
    listed = claims.status.status_list
    if "idx" in of:
        listed = msgspec.structs.replace(listed, idx=of.pop("idx"))
    return msgspec.structs.replace(
        claims,
        consent=msgspec.structs.replace(claims.consent, **inner),
        status=consent.Status(status_list=listed),
        iat=claims.iat - earlier,
        exp=claims.iat + lives if lives else claims.exp - earlier,
        **of,
    )


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_token_is_told_apart_by_its_mark_and_by_the_log(
    town: Town, name: str
) -> None:
    told, fault = FORGERIES[name]
    person = await town.device()
    claims = town.claims(await token_of(town, person), "https://news.halcyon.example")
    (found,) = await judge(town, forge(town, changed(claims, told)))
    assert not found.is_issued
    assert found.is_forged
    assert any(fault in each for each in found.faults), found.faults


async def test_a_forged_token_that_says_only_what_is_true_is_told_apart_too(town: Town) -> None:
    claims = town.claims(await token_of(town, await town.device()), "https://news.halcyon.example")
    later = msgspec.structs.replace(claims, exp=claims.exp - 1)
    (found,) = await judge(town, forge(town, later))
    assert (found.is_issued, found.faults, found.is_forged) == (False, (), True)


async def test_a_forged_status_list_is_told_apart(town: Town) -> None:
    person = await town.device()
    await token_of(town, person)
    await town.withdraw(person, "ads")
    await publish_status_lists(town.context)
    async with town.context.database.reading() as connection:
        genuine = await status_lists.find_published(connection, LIST)
    assert genuine is not None
    key = town.context.keyring.active(Use.CONSENT)
    hour_later = genuine.signed_at // 1_000_000 + 3_600
    innocent = status.unsigned_list(
        "http://consent.localhost:7600/statuslists/1",
        bytes(statuses.LIST_BYTES),
        kid=key.kid,
        iat_s=hour_later,
    )
    forged = status.assemble(innocent, key.sign(innocent))
    ours, theirs = await judge(town, genuine.token, forged)
    assert (ours.kind, ours.is_forged) == ("status list", False)
    assert theirs.is_forged
    assert "had ended" in theirs.faults[0]


async def test_what_no_key_of_ours_signed_is_no_forgery_of_ours(town: Town) -> None:
    for found in await judge(town, "x", "a.b.c", ""):
        assert (found.kid, found.is_forged) == (None, False)


async def test_what_was_issued_meanwhile_is_counted_by_client_and_person(town: Town) -> None:
    person = await town.device()
    await token_of(town, person)
    await write_reads(town.context)
    async with town.context.database.reading() as connection:
        now = await clock.now(connection)
        with pytest.raises(NotFoundError):
            await find_window(connection, "nobody", begin=None, end=None)
        window = await find_window(connection, "nobody", begin=Instant(now - MINUTE), end=None)
        rows = [each async for each in issued_within(town.context, connection, window)]
    assert {each.client_id for each in rows} == {"news-web"}
    assert all(isinstance(each, IssuedRow) and len(each.sub) == 22 for each in rows)


async def test_what_was_issued_beside_a_decision_is_counted_too(town: Town) -> None:
    person = await town.device()
    await write_reads(town.context)
    await town.change("DELETE FROM reads")
    made = await town.decide(person, {"content": GRANTED})
    assert made.consent_token is not None
    await write_reads(town.context)
    async with town.context.database.reading() as connection:
        window = await find_window(connection, "nobody", begin=Instant(0), end=None)
        rows = [each async for each in issued_within(town.context, connection, window)]
    assert [(each.client_id, each.subject, each.times) for each in rows] == [
        ("news-web", person.subject, 1)
    ]


async def test_whoever_is_named_to_an_operator_sees_it(town: Town) -> None:
    person = await town.device()
    assert person.subject is not None
    await note_listed(town.context, {person.subject})
    async with town.context.database.reading() as connection:
        rows = await reads.page(connection, [person.subject], before=None, limit=10)
    assert (OPERATOR, ReadKind.EXPORT) in {(row.client_id, row.kind) for row in rows}
