"""A person is forgotten: at once by whoever serves, in the end by the database itself."""

import asyncio
import io
import json
import logging
from typing import Any

import msgspec
import pytest
from tests.flows.readers import NEWS as AT_NEWS
from tests.flows.readers import drain as pump
from tests.flows.readers import new_consumer
from tests.flows.test_publish_status_lists import bits
from tests.flows.test_sequence_ledger import drain
from tests.flows.test_verify_ledger import found_after, walk
from tests.flows.test_verify_token import verify
from tests.flows.town import BRAND, GRANTED, REFUSED, Town
from tests.flows.visits import Visit

from consentid.cli.main import main
from consentid.core.decision import SubjectId
from consentid.flows.authenticate import authenticate
from consentid.flows.hub_session import find_visitor
from consentid.flows.note_read import write_reads
from consentid.flows.publish_status_lists import publish_status_lists
from consentid.flows.reap import reap
from consentid.flows.request_erasure import request_erasure
from consentid.flows.restrict_subject import OPERATOR, Asked, Reason, restrict_subject
from consentid.flows.show_state import show_state
from consentid.flows.shred_subjects import shred_subjects
from consentid.kit import base64url
from consentid.kit.errors import UnauthenticatedError
from consentid.kit.instants import DAY
from consentid.store import clock, erasures, tables
from consentid.store.engine import Database
from consentid.store.erasures import ErasureRow
from consentid.tokens.pairwise import pairwise_sub
from consentid.worker import eraser

NEWS = "https://news.halcyon.example"
SUB = "customer-4711@portal"


async def ask(town: Town, subject: SubjectId | None, *, at_once: bool = True) -> ErasureRow:
    assert subject is not None
    asked = Asked(reason=Reason.CONSENT_WITHDRAWN, asked_by=OPERATOR, at_once=at_once)
    async with town.context.database.writing() as connection:
        erasure = await restrict_subject(town.context, connection, subject, asked)
    assert erasure is not None
    return erasure


async def shred(town: Town, erasing: Database) -> int:
    await pump(town)  # who is to be told is told first
    return await shred_subjects(town.context, erasing)


async def rows_with(town: Town, needles: dict[str, str]) -> set[tuple[str, str]]:
    """Where in any column of any table something is found, as text or as bytes."""
    found: set[tuple[str, str]] = set()
    for name in tables.metadata.tables:
        for (row,) in await town.rows(f"SELECT CAST(t AS text) FROM {name} t"):
            found |= {(name, what) for what, needle in needles.items() if needle in row}
    return found


async def live(town: Town) -> tuple[SubjectId, dict[str, str]]:
    """Somebody who leaves rows wherever a person can; and what they could be found by."""
    credential = await town.new_device()
    device = await town.on_device(credential)
    await town.decide(device, {"ads": GRANTED})
    caller, answer = await town.sign_in(SUB, device=credential)
    await town.decide(caller, {"ads": GRANTED, "content": REFUSED}, key="a key")
    await town.decide(caller, {"content": GRANTED}, BRAND)
    await show_state(town.context, caller, at_least=None)
    visit = Visit(town=town)
    await visit.sign_in(SUB)
    tokens = await visit.redeem(await visit.consent())
    assert tokens.status == 200, tokens.body
    await visit.ask_for_answer()  # a code that nobody redeems
    await write_reads(town.context)
    subject = caller.subject
    assert subject is not None
    kept = await town.rows(
        f"SELECT encode(identity_hash, 'hex') FROM known_subjects WHERE subject_id = '{subject}'"
    )
    subs = {
        f"sub at {party}": pairwise_sub(town.context.keyring.pairwise, party, subject.bytes)
        for party in ("brand/news", "brand/shop", "partner/reach")
    }
    return subject, {
        "subject": str(subject),
        "subject's bytes": subject.hex,
        "portal's name": SUB,
        "portal's name in bytes": SUB.encode().hex(),
        "identity": kept[0][0],
        "access token": answer.body["access_token"],
        **subs,
        **{f"{each} in bytes": base64url.decode(sub).hex() for each, sub in subs.items()},
    }


async def test_whoever_is_shredded_is_found_in_no_table_and_no_line_of_the_log(
    town: Town, erasing: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    crm = await new_consumer(town, AT_NEWS)
    subject, needles = await live(town)
    await pump(town)
    other = await town.sign_in("somebody else", device=await town.new_device())
    told = await town.decide(other[0], {"ads": GRANTED})
    before = await rows_with(town, needles)
    assert {table for table, what in before if what == "subject"} >= {
        *("subjects", "subject_keys", "projections", "decisions", "audience_states", "events"),
        *("access_tokens", "authorization_codes", "hub_sessions", "reads"),
        *("account_devices", "idempotency_keys", "status_indices", "known_subjects"),
    }
    await drain(town.context)
    erasure = await ask(town, subject)
    assert await shred(town, erasing) == 1
    assert await rows_with(town, needles) == set()
    lines = "\n".join(record.getMessage() for record in caplog.records)
    assert [what for what, needle in needles.items() if needle in lines] == []
    # Of what a receiver could read again there are the places; that they are to forget is told.
    again = await crm.read()
    told_of = {
        each["type"] for each in again if each.get("subject") == needles["sub at brand/news"]
    }
    assert told_of == {"consentid.erasure.v1"}
    assert {"consentid.erased.v1", "consentid.consent.v1"} <= {each["type"] for each in again}
    assert await town.rows("SELECT lane FROM events WHERE sealed = '' AND lane <> 0") == []
    # Every proof holds, every other subject stays, and the log says what happened.
    await drain(town.context)
    assert (await walk(town))[1] == []
    assert await town.faults() == []
    assert (await verify(town, told.consent_token)).active
    ((record,),) = await town.rows(f"SELECT record FROM erasures WHERE id = '{erasure.id}'")
    said = msgspec.json.decode(record)
    assert (said["reason"], said["asked_by"], said["decisions"]) == (
        "consent_withdrawn",
        "operator",
        len(await town.rows("SELECT 1 FROM erased_decisions WHERE kind <> 'link'")),
    )
    assert said["decisions"] >= 2
    kinds = {kind for (kind,) in await town.rows("SELECT kind FROM ledger_entries")}
    assert kinds >= {"request", "erase", "link"}
    await reap(town.context)
    assert await shred(town, erasing) == 0


async def test_from_the_asking_on_nothing_is_served_and_no_token_holds(
    town: Town, erasing: Database
) -> None:
    credential = await town.new_device()
    caller, answer = await town.sign_in(SUB, device=credential)
    token = (await town.decide(caller, {"ads": GRANTED})).consent_token
    visit = Visit(town=town)
    await visit.sign_in(SUB)
    place = town.claims(token, NEWS).status.status_list.idx
    assert (await verify(town, token)).active
    erasure = await ask(town, caller.subject, at_once=False)
    assert not (await verify(town, token)).active
    await publish_status_lists(town.context)
    assert place in await bits(town)
    with pytest.raises(UnauthenticatedError):
        await authenticate(town.context, answer.body["access_token"])
    with pytest.raises(UnauthenticatedError):
        await show_state(town.context, caller, at_least=None)
    with pytest.raises(UnauthenticatedError):
        await town.decide(caller, {"ads": GRANTED})
    async with town.context.database.reading() as connection:
        now = await clock.now(connection)
        visitor = await find_visitor(town.context, connection, visit.browser, now=now)
        pending = await erasures.pending(connection)
    assert visitor.session is None
    assert pending == [erasure]
    # The proof is kept; who comes again is somebody new; asking again changes nothing.
    assert await shred(town, erasing) == 0
    assert len(await town.rows("SELECT 1 FROM restricted_subjects")) == 1
    again, _ = await town.sign_in(SUB, device=credential)
    assert again.subject != caller.subject
    assert await town.history(again.subject) == []
    assert await ask(town, caller.subject) == erasure
    await drain(town.context)
    assert (await walk(town))[1] == []


async def test_a_device_is_forgotten_and_the_account_signed_in_on_it_is_not(
    town: Town, erasing: Database
) -> None:
    credential = await town.new_device()
    device = await town.on_device(credential)
    await town.decide(device, {"ads": REFUSED})
    caller, _ = await town.sign_in(SUB, device=credential)
    await town.decide(caller, {"content": GRANTED})
    await ask(town, device.subject)
    assert await shred(town, erasing) == 1
    assert len(await town.history(caller.subject)) == 2  # its own, and what it had adopted
    assert (await town.ask_token("news-web", **device_exchange(credential))).status == 400


def device_exchange(credential: str) -> dict[str, str]:
    return {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": credential,
        "subject_token_type": "urn:consentid:params:oauth:token-type:device_credential",
    }


async def test_a_client_asks_and_asks_again_and_its_token_is_good_for_nothing_else(
    town: Town, erasing: Database
) -> None:
    caller, answer = await town.sign_in(SUB)
    await town.decide(caller, {"ads": GRANTED})
    token = answer.body["access_token"]
    asked = [
        await request_erasure(town.context, caller, reason, access_token=token)
        for reason in (Reason.OBJECTION, Reason.CHILD)
    ]
    assert asked[0] == asked[1]
    assert asked[0].reason == "objection"
    confined = await authenticate(town.context, token)
    assert confined.subject == caller.subject
    assert confined.scopes <= {"erasure"}
    await town.change("UPDATE erasures SET shred_at = restricted_at")
    assert await shred(town, erasing) == 1
    with pytest.raises(UnauthenticatedError):
        await authenticate(town.context, token)


async def test_a_decision_that_somebody_lets_vanish_as_erased_is_found(
    town: Town, erasing: Database
) -> None:
    caller = await town.device()
    await town.decide(caller, {"ads": GRANTED})
    kept = await town.device()
    await town.decide(kept, {"ads": REFUSED})
    await ask(town, caller.subject)
    assert await shred(town, erasing) == 1
    await drain(town.context)
    assert await town.faults() == []
    whose = f"subject_id = '{kept.subject}'"
    move = (
        "INSERT INTO erased_decisions SELECT id, (SELECT id FROM erasures), recorded_at,"
        f" 'decision', commitment FROM decisions WHERE {whose}"
    )
    faults = await found_after(town, move, f"DELETE FROM decisions WHERE {whose}")
    assert [(each.kind, each.message.partition(" ")[2]) for each in faults] == [
        ("erasure", "took other decisions along than it says")
    ]
    forged = await found_after(
        town, "UPDATE erasures SET reason = 'child', record = convert_to('{}', 'UTF8')"
    )
    assert {each.kind for each in forged} >= {"entry"}
    await town.change(f"DELETE FROM subject_keys WHERE {whose}")
    assert await town.faults() == [
        "its key or its projection is gone, and nobody asked for its erasure"
    ]


async def test_the_operator_erases_by_what_the_portal_calls_somebody(
    town: Town, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "DATABASE_URL": town.urls.serving,
        "ERASURE_DATABASE_URL": town.urls.erasing,
        "KEYS_DIR": str(town.context.settings.keys_dir),
    }.items():
        monkeypatch.setenv(f"CONSENTID_{name}", value)

    async def consentid(*words: str) -> tuple[int, Any]:
        code = await asyncio.to_thread(main, ["subjects", *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    for sub in (SUB, "somebody else"):
        caller, _ = await town.sign_in(sub)
        await town.decide(caller, {"ads": GRANTED})
    assert (await consentid("pending"))[1] == {"pending": []}
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SUB}\n"))
    code, told = await consentid("erase", "--portal-sub", "-", "--reason", "child", "--at-once")
    assert (code, told["shredded"], told["asked_by"]) == (0, True, "operator")
    other = ("erase", "--portal-sub", "somebody else", "--reason", "objection")
    assert (await consentid(*other))[1]["shredded"] is False
    (waits,) = (await consentid("pending"))[1]["pending"]
    assert waits["reason"] == "objection"
    assert (await consentid(*other))[0] == 1  # nobody is known by that any more
    assert await consentid("shred") == (0, {"shredded": 0})
    ((set_aside,),) = await town.rows("SELECT CAST(subject_id AS text) FROM restricted_subjects")
    again = ("erase", "--subject", set_aside, "--reason", "objection", "--at-once")
    code, told = await consentid(*again)
    assert (code, told["shredded"], told["shred_at"]) == (1, False, waits["shred_at"])
    # What was asked for stands; that its proof is given up before its time is an act of its own.
    before_time = ("shred", "--erasure", waits["erasure"])
    assert await consentid(*before_time) == (0, {"shredded": 1})
    assert (await consentid("pending"))[1] == {"pending": []}
    assert (await consentid(*before_time))[0] == 1
    bodies = await town.rows("SELECT body FROM entry_bodies WHERE kind = 'admin'")
    acts = [msgspec.json.decode(body) for (body,) in bodies]
    shredding = {each.get("erasure") for each in acts if each["act"] == "subjects/shred"}
    assert shredding == {None, waits["erasure"]}
    await drain(town.context)
    assert (await walk(town))[1] == []


async def test_a_device_that_nobody_can_come_with_any_more_is_forgotten_by_the_worker(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    device, other = await town.device(), await town.device()
    await town.decide(device, {"ads": GRANTED})
    await town.change(
        "UPDATE devices SET expires_at = now() - interval '31 days' WHERE subject_id = :id",
        id=device.subject,
    )
    assert await reap(town.context) >= 1
    async with town.context.database.reading() as connection:
        (waiting,) = await erasures.pending(connection)
    assert (waiting.subject, waiting.asked_by) == (device.subject, "retention")
    assert waiting.shred_at - waiting.restricted_at == 1_827 * DAY
    assert await reap(town.context) == 0
    assert await town.history(other.subject) == []
    await pump(town)
    await town.change("UPDATE erasures SET shred_at = restricted_at")
    async with eraser.erasing(town.context) as erase:
        assert await erase(town.context) == 0  # the serving role alone cannot
    assert "1 erasures are overdue" in caplog.text
    town.context.settings = msgspec.structs.replace(
        town.context.settings, erasure_database_url=town.urls.erasing
    )
    async with eraser.erasing(town.context) as erase:
        assert [await erase(town.context) for _ in range(2)] == [1, 0]
