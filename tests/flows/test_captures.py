"""What somebody else says that a person said, from the call to the person's own word."""

import asyncio
import json
import logging
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.flows.capturing import Centre, Customer, evidence, now, state
from tests.flows.linking import minter
from tests.flows.readers import NEWS, REACH, SHOP, drain, new_consumer
from tests.flows.test_erasure import ask, rows_with, shred
from tests.flows.test_publish_catalogue import apply
from tests.flows.test_sequence_ledger import drain as sequence
from tests.flows.test_verify_ledger import walk
from tests.flows.test_verify_token import verify
from tests.flows.town import BRAND, GRANTED, REFUSED, Town, halcyon, outcomes_of, together

from consentid.cli.main import main
from consentid.cli.terminal import Exit
from consentid.core.capture import CaptureState, Evidence, EvidenceKind, Fate
from consentid.core.decision import Assurance, Channel
from consentid.flows.confirm_capture import AlreadyEnded, Confirmed
from consentid.flows.hold_captures import discard_capture, list_held, release_capture
from consentid.flows.new_capture import Captured
from consentid.flows.reap import reap
from consentid.flows.refuse_capture import Refused
from consentid.flows.resolve_capture import resolve_capture
from consentid.flows.show_captures import show_capture, show_captures
from consentid.kit.errors import (
    ConflictError,
    ForbiddenError,
    MalformedError,
    NotFoundError,
)
from consentid.kit.instants import DAY, HOUR, Instant
from consentid.store.engine import Database

DESK = "cli:night-desk"
SAID = {"content": GRANTED, "contact.phone": GRANTED, "audience": REFUSED}


async def test_nothing_counts_before_the_portal_knows_whose_it_is_and_then_as_little_as_it_may(
    town: Town,
) -> None:
    calls, mila = Centre(town=town), await Customer.of(town, "mila")
    captured = await calls.capture(SAID)
    assert (state(captured), captured.row.subject) == (CaptureState.PENDING, None)
    assert await mila.states(*SAID) == ["unasked", "unasked", "permitted"]
    assert await town.history(mila.subject) == []

    resolved = await calls.resolve(captured, "mila")
    assert state(resolved) is CaptureState.PENDING
    # A no counts; a yes only where the files say so, and then it says whose word it is.
    assert await mila.states(*SAID) == ["unasked", "given", "objected"]
    (decision,) = await town.history(mila.subject)
    assert (decision.assurance, decision.channel) == (Assurance.ASSISTED, Channel.PHONE)
    assert (decision.actor, decision.reach) == ("news-calls", NEWS)
    assert decision.prompted_by == f"capture:{captured.row.id}"
    told = await town.decide(mila.at_news, {"ads": GRANTED})
    claims = town.claims(told.consent_token, "https://news.halcyon.example")
    assert claims.consent.a == ("contact.phone",)
    assert (await verify(town, told.consent_token)).assisted == ("contact.phone",)

    again = await calls.resolve(captured, "mila")
    assert (again.is_new, again.row) == (False, resolved.row)
    with pytest.raises(ConflictError, match="somebody else"):
        await calls.resolve(captured, "noah")
    assert await town.faults() == []


async def test_what_the_person_confirms_is_their_own_word_from_when_it_was_said(town: Town) -> None:
    calls, mila = Centre(town=town), await Customer.of(town, "mila")
    captured = await calls.capture(SAID, sub="mila", claimed=Instant(await now(town) - DAY))
    before = (await town.decide(mila.at_news, {"ads": GRANTED})).consent_token
    assert (await verify(town, before)).assisted == ("contact.phone",)
    confirmed = await mila.confirm(captured)
    assert isinstance(confirmed, Confirmed)
    assert confirmed.row.state is CaptureState.CONFIRMED
    assert confirmed.holds == {"content", "contact.phone"} == set(confirmed.granted)
    assert await mila.states("content", "contact.phone") == ["given", "given"]
    decision = (await town.history(mila.subject))[-1]
    assert (decision.assurance, decision.channel) == (Assurance.LINK, Channel.LINK)
    assert decision.interval.early == captured.row.timing.interval.early
    assert decision.interval.late == decision.recorded_at
    after = (await town.decide(mila.at_news, {"ads": GRANTED})).consent_token
    assert (await verify(town, after)).assisted is None
    assert (await verify(town, before)).active  # it says less than holds now
    assert await mila.confirm(captured) == AlreadyEnded(state=CaptureState.CONFIRMED)
    assert len(await town.history(mila.subject)) == 4
    assert await town.faults() == []


async def test_a_confirmation_that_comes_after_a_withdrawal_leaves_it_standing(town: Town) -> None:
    calls, mila = Centre(town=town), await Customer.of(town, "mila")
    unknown, known = await calls.capture(SAID), await calls.capture(SAID, sub="mila")
    await town.withdraw(mila.at_news)
    for captured in (unknown, known):
        confirmed = await mila.confirm(captured)
        assert isinstance(confirmed, Confirmed)
        assert confirmed.holds == frozenset()
        assert await mila.states("content", "contact.phone") == ["withdrawn", "withdrawn"]
    assert await mila.confirm(unknown) == AlreadyEnded(state=CaptureState.CONFIRMED)
    noah = await Customer.of(town, "noah")
    with pytest.raises(ConflictError, match="somebody else"):
        await noah.confirm(unknown)
    assert await town.history(noah.subject) == []


async def test_of_somebody_who_said_no_a_yes_is_evidence_and_nothing_else(town: Town) -> None:
    calls, mila = Centre(town=town), await Customer.of(town, "mila")
    await town.decide(mila.at_news, {"content": REFUSED, "contact.phone": REFUSED})
    captured = await calls.capture(
        {"content": GRANTED, "contact.phone": GRANTED}, sub="mila", shown=evidence("call-1")
    )
    assert state(captured) is CaptureState.REFUSED
    assert captured.body is not None
    assert {each.fate for each in captured.body.weighed} == {Fate.NONE}
    assert await mila.states("content", "contact.phone") == ["refused", "refused"]
    assert await mila.confirm(captured) == AlreadyEnded(state=CaptureState.REFUSED)
    shown = await show_capture(town.context, (await calls.caller()).client, captured.row.id)
    assert shown.evidence is not None
    assert (shown.state, shown.evidence.reference) == ("refused", "call-1")


async def test_paper_counts_from_when_it_was_signed_wherever_it_was_keyed_in(town: Town) -> None:
    till, mila = Centre(town=town), await Customer.of(town, "mila")
    paper = Evidence(kind=EvidenceKind.PAPER, version="f1", reference="p-1", digest=bytes(32))
    with pytest.raises(MalformedError) as refused:
        await till.capture({"contact.phone": GRANTED}, sub="mila", shown=paper)
    assert refused.value.code == "captured_at_missing"
    signed = await now(town)
    await town.decide(mila.at_news, {"content": REFUSED}, BRAND)
    await town.decide(mila.at_news, {"content": GRANTED}, BRAND)
    early = Instant(signed - HOUR)
    captured = await till.capture(
        {"contact.phone": GRANTED, "content": REFUSED}, sub="mila", shown=paper, claimed=early
    )
    interval = captured.row.timing.interval
    assert (interval.early, interval.late) == (early, captured.row.recorded_at)
    # A no counts from receipt: doubt is a no.
    assert await mila.states("contact.phone", "content") == ["given", "withdrawn"]
    with pytest.raises(MalformedError) as refused:
        await till.capture(SAID, claimed=Instant(await now(town) + HOUR))
    assert refused.value.code == "captured_in_future"


async def test_what_is_sent_twice_is_one_capture_and_evidence_is_good_for_one(town: Town) -> None:
    calls = Centre(town=town)
    shown = evidence("call-9", digest=bytes(range(32)))
    first, *same = await together(
        *(calls.capture(SAID, key=key, shown=shown) for key in ("k1", "k1", "k3", "k4"))
    )
    assert {each.row.id for each in same} == {first.row.id}
    assert sum(each.is_new for each in (first, *same)) == 1
    for key in ("k2", "k5"):
        again = await calls.capture(SAID, key=key, shown=shown)
        assert (again.is_new, again.row.id) == (False, first.row.id)
    for operator, sub in (("agent-8", None), ("agent-7", "mila")):
        with pytest.raises(ConflictError) as refused:
            await calls.capture(SAID, shown=shown, operator=operator, sub=sub)
        assert refused.value.code == "evidence_used"
    with pytest.raises(MalformedError) as reused:
        await calls.capture({"content": REFUSED}, key=first.row.key_hash.decode())
    assert reused.value.code == "idempotency_key_reused"
    # Another client numbers its own calls.
    other = await Centre(town=town, client="shop-till").capture({"content": GRANTED}, shown=shown)
    assert other.is_new
    assert await town.rows("SELECT count(*) FROM captures") == [(2,)]


async def test_a_client_captures_and_sees_nothing_that_is_not_its_own(town: Town) -> None:
    calls, reach = Centre(town=town), Centre(town=town, client="reach-calls")
    captured = await calls.capture(SAID)
    partner = (await reach.caller()).client
    with pytest.raises(NotFoundError):
        await show_capture(town.context, partner, captured.row.id)
    assert (await show_captures(town.context, partner, cursor=None)).captures == []
    for asked, purpose in ((NEWS, "content"), (SHOP, "ads.partners"), (REACH, "content")):
        with pytest.raises((ForbiddenError, MalformedError)):
            await reach.capture({purpose: GRANTED}, asked=asked)
    with pytest.raises(ForbiddenError):
        await calls.capture({"content": GRANTED}, asked=SHOP)
    mine = await reach.capture({"ads.partners": GRANTED}, asked=NEWS)
    (shown,) = (await show_captures(town.context, partner, cursor=None)).captures
    assert (shown.capture, shown.asked, shown.resolved) == (str(mine.row.id), "brand/news", False)
    mila = await Customer.of(town, "mila")
    assert isinstance(await mila.confirm(mine), Confirmed)
    assert await mila.states("ads.partners") == ["given"]
    assert (await town.history(mila.subject))[-1].actor == "reach-calls"


async def test_a_dispute_stops_it_and_the_brand_is_told(town: Town) -> None:
    calls, mila = Centre(town=town), await Customer.of(town, "mila")
    crm = await new_consumer(town, NEWS)
    captured = await calls.capture(SAID, sub="mila")
    assert (await mila.states("contact.phone")) == ["given"]
    before = (await town.decide(mila.at_news, {"ads": GRANTED})).consent_token
    disputed = await mila.dispute(captured)
    assert isinstance(disputed, Refused)
    assert disputed.row.state is CaptureState.DISPUTED
    assert await mila.states("content", "contact.phone", "audience") == [
        *("refused", "withdrawn"),
        "objected",  # which was no grant: a dispute grants nothing
    ]
    assert not (await verify(town, before)).active
    last = (await town.history(mila.subject))[-1]
    assert (last.assurance, last.notice) == (Assurance.SELF, None)
    assert await mila.dispute(captured) == AlreadyEnded(state=CaptureState.DISPUTED)
    assert await mila.confirm(captured) == AlreadyEnded(state=CaptureState.DISPUTED)
    await drain(town)
    (told,) = [each for each in await crm.read() if each["type"] == "consentid.capture.v1"]
    assert told["data"] == {
        "capture": str(captured.row.id),
        "party": "brand/news",
        "state": "disputed",
    }
    await sequence(town.context)
    assert (await walk(town))[1] == []
    assert await town.faults() == []
    # Who says no to what was captured of nobody known stays unknown to whoever captured it.
    refused = await mila.decline(await calls.capture(SAID))
    assert isinstance(refused, Refused)
    await drain(town)
    assert [each["type"] for each in await crm.read()].count("consentid.capture.v1") == 0


async def test_nobody_talks_to_a_thousand_people_a_minute(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.context.settings = msgspec.structs.replace(
        town.context.settings, captures_operator_most=3, captures_party_most=8
    )
    calls, mila = Centre(town=town), await Customer.of(town, "mila")
    for _ in range(3):
        assert state(await calls.capture(SAID)) is CaptureState.PENDING
    held = [await calls.capture(SAID) for _ in range(2)]
    of_mila = await calls.capture(SAID, sub="mila")
    assert {state(each) for each in (*held, of_mila)} == {CaptureState.HELD}
    assert await mila.states(*SAID) == ["unasked", "unasked", "permitted"]
    assert await mila.confirm(of_mila) == AlreadyEnded(state=CaptureState.HELD)
    # What one does in a rage holds up nobody else.
    others = [await calls.capture(SAID, operator=f"agent-{each}") for each in range(3)]
    assert {state(each) for each in others} == {CaptureState.PENDING}
    (warned,) = [each.message for each in caplog.records if each.levelno == logging.WARNING]
    assert warned.startswith("too many captures in a minute by one operator of client news-calls:")
    assert "agent-7" not in caplog.text
    assert town.context.counts.held_captures.read() == {("news-calls",): 3}

    assert len(await list_held(town.context, operator="agent-7")) == 3
    assert await list_held(town.context, client_id="shop-till") == []
    assert await discard_capture(town.context, held[0].row.id, by=DESK) is CaptureState.DISCARDED
    assert await release_capture(town.context, held[1].row.id, by=DESK) is CaptureState.PENDING
    assert await release_capture(town.context, of_mila.row.id, by=DESK) is CaptureState.PENDING
    assert await mila.states(*SAID) == ["unasked", "given", "objected"]
    assert await release_capture(town.context, held[0].row.id, by=DESK) is CaptureState.DISCARDED
    assert await list_held(town.context) == []
    said = await town.rows(
        "SELECT convert_from(body, 'UTF8')::json FROM entry_bodies"
        f" WHERE kind = 'admin' AND convert_from(body, 'UTF8') LIKE '%{DESK}%' ORDER BY event_id"
    )
    assert [(each["act"], each["capture"], each["client"]) for (each,) in said] == [
        ("capture/discard", str(held[0].row.id), "news-calls"),
        ("capture/release", str(held[1].row.id), "news-calls"),
        ("capture/release", str(of_mila.row.id), "news-calls"),
    ]
    ((body,),) = await town.rows(f"SELECT sealed FROM captures WHERE id = '{held[0].row.id}'")
    assert body is None


async def test_who_spreads_what_they_capture_over_made_up_operators_and_clients_is_held(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.context.settings = msgspec.structs.replace(
        town.context.settings, captures_operator_most=3, captures_party_most=5
    )
    town.callers["news-field"] = await minter(town, "news-field")
    spread = [Centre(town=town, client=each) for each in ("news-calls", "news-field") * 4]
    found = [
        state(await each.capture(SAID, operator=f"agent-{place}"))
        for place, each in enumerate(spread)
    ]
    assert found == ["pending"] * 5 + ["held"] * 3
    (warned,) = [each.message for each in caplog.records if each.levelno == logging.WARNING]
    assert "by all clients of brand/news, news-field the last" in warned
    other = Centre(town=town, client="reach-calls")
    assert state(await other.capture({"ads.partners": GRANTED}, asked=NEWS)) == "pending"


async def test_of_captures_that_come_all_at_once_somebody_is_told_too(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.context.settings = msgspec.structs.replace(town.context.settings, captures_operator_most=3)
    calls = Centre(town=town)
    await calls.caller()
    # They do not see each other, so none of them is the one that is exactly one too many.
    await together(*(calls.capture(SAID) for _ in range(8)))
    await together(*(calls.capture(SAID) for _ in range(8)))
    assert len(await list_held(town.context)) >= 8
    assert "too many captures in a minute by one operator of client news-calls" in caplog.text


async def test_a_document_is_good_for_one_capture_whatever_it_is_called_and_whoever_hands_it_in(
    town: Town,
) -> None:
    calls = Centre(town=town)
    town.callers["news-field"] = await minter(town, "news-field")
    other = Centre(town=town, client="news-field")
    document = bytes(range(32))
    await calls.capture(SAID, shown=evidence("call-1", digest=document))
    for centre, name in ((calls, "call-2"), (other, "call-1")):
        with pytest.raises(ConflictError) as refused:
            await centre.capture(SAID, shown=evidence(name, digest=document))
        assert refused.value.code == "evidence_used"
    # Two call centres of a brand may number their calls alike.
    for centre in (calls, other):
        assert (await centre.capture(SAID, shown=evidence("call-3"))).is_new


async def test_who_may_ask_for_a_brand_no_more_resolves_nothing_for_it(
    town: Town, tmp_path: Path
) -> None:
    reach, mila = Centre(town=town, client="reach-calls"), await Customer.of(town, "mila")
    captured = await reach.capture({"ads.partners": REFUSED}, asked=NEWS)
    listed = 'news = ["ads.partners", "ads.partners.retail"]'
    changed = {"partners/reach": (listed, listed.replace("news", "shop"))}
    await apply(town, halcyon(tmp_path / "brands", town.portal.issuer, **changed))
    client = (await reach.caller()).client
    with pytest.raises(ForbiddenError) as refused:
        await resolve_capture(town.context, client, mila.subject, captured.row.id)
    assert refused.value.code == "party_not_yours"
    assert await town.history(mila.subject) == []


async def test_what_nobody_confirms_ends_and_of_strangers_nothing_stays(town: Town) -> None:
    calls, mila = Centre(town=town), await Customer.of(town, "mila")
    stranger, known = await calls.capture(SAID), await calls.capture(SAID, sub="mila")
    await town.change("UPDATE captures SET expires_at = clock_timestamp()")
    assert await mila.confirm(known) == AlreadyEnded(state=CaptureState.EXPIRED)
    with pytest.raises(ConflictError):
        await calls.resolve(stranger, "mila")
    await reap(town.context)
    rows = await town.rows("SELECT state, sealed IS NULL, wrapped_key IS NULL FROM captures")
    assert sorted(rows) == [("expired", False, True), ("expired", True, True)]
    assert await mila.confirm(stranger) == AlreadyEnded(state=CaptureState.EXPIRED)
    # What counted before still does: a no, and what the files let count.
    assert await mila.states(*SAID) == ["unasked", "given", "objected"]
    await town.change("UPDATE captures SET ended_at = ended_at - interval '31 days'")
    await reap(town.context)
    assert await town.rows("SELECT count(*) FROM captures") == [(1,)]


async def test_whoever_comes_first_a_dispute_ends_it_and_a_withdrawal_stands(town: Town) -> None:
    """What a person and an agent do at the same instant, each in every order that comes."""
    calls, mila = Centre(town=town), await Customer.of(town, "mila")
    at_shop = (await town.sign_in("mila", "shop-web"))[0]
    for sub in ("mila", None):
        captured = await calls.capture(SAID, sub=sub)
        await outcomes_of(
            mila.confirm(captured),
            town.withdraw(mila.at_news),
            mila.dispute(captured),
            calls.resolve(captured, "mila"),
            mila.confirm(captured),
            town.withdraw(at_shop),
        )
        shown = await show_capture(town.context, (await calls.caller()).client, captured.row.id)
        assert shown.state == "disputed"
        assert set(await mila.states("content", "contact.phone")) <= {"refused", "withdrawn"}
    assert await town.faults() == []


async def test_of_two_who_are_said_to_have_said_it_one_is_believed(town: Town) -> None:
    calls = Centre(town=town)
    people = [await Customer.of(town, name) for name in ("mila", "noah", "ada")]
    town.context.settings = msgspec.structs.replace(town.context.settings, captures_operator_most=1)
    await calls.capture(SAID)
    held = await calls.capture(SAID)
    assert state(held) is CaptureState.HELD
    await outcomes_of(
        *(calls.resolve(held, each.sub) for each in people),
        release_capture(town.context, held.row.id, by=DESK),
        discard_capture(town.context, held.row.id, by=DESK),
        *(each.confirm(held) for each in people),
    )
    histories = [len(await town.history(each.subject)) for each in people]
    assert sum(each > 0 for each in histories) <= 1
    settled = await release_capture(town.context, held.row.id, by=DESK)
    assert settled is not CaptureState.HELD
    acts = await town.rows(
        "SELECT body FROM entry_bodies WHERE kind = 'admin' AND convert_from(body, 'UTF8')"
        " LIKE '%\"capture/%'"
    )
    assert len(acts) == 1  # of the two who settled it, one did
    assert await town.faults() == []


async def test_a_grant_that_waits_changes_no_answer(town: Town) -> None:
    drawn = random.Random(9)  # noqa: S311 - the same walk each time
    calls, mila = Centre(town=town), await Customer.of(town, "mila")
    purposes = ["content", "ads", "ads.personalised", "contact.email", "audience"]
    waiting: list[Captured] = []
    for _ in range(20):
        some = drawn.sample(purposes, k=drawn.randint(1, 3))
        if drawn.random() < 0.5:
            outcome = drawn.choice([GRANTED, REFUSED])
            await town.decide(mila.at_news, dict.fromkeys(some, outcome), BRAND)
        before = await mila.states(*purposes), await town.history(mila.subject)
        sub = drawn.choice([None, "mila"])
        waiting.append(await calls.capture(dict.fromkeys(some, GRANTED), sub=sub))
        assert (await mila.states(*purposes), await town.history(mila.subject)) == before
    assert {state(each) for each in waiting} == {CaptureState.PENDING, CaptureState.REFUSED}
    assert await town.faults() == []


async def test_what_was_captured_goes_with_whoever_it_was_of(town: Town, erasing: Database) -> None:
    calls, mila = Centre(town=town), await Customer.of(town, "mila")
    captured = await calls.capture(SAID, sub="mila", shown=evidence("call-77"))
    other = await calls.capture(SAID, sub="noah")
    stranger = await calls.capture(SAID)
    needles = {"subject": str(mila.subject), "call": "call-77", "operator": "agent-7"}
    # What was said lies sealed, with the name of whoever keyed it in.
    assert {what for _, what in await rows_with(town, needles)} == {"subject"}
    await ask(town, mila.subject)
    client = (await calls.caller()).client
    shown = await show_capture(town.context, client, captured.row.id)
    assert (shown.evidence, shown.choices) == (None, None)  # nothing of theirs is served
    assert await shred(town, erasing) == 1
    assert await rows_with(town, needles) == set()
    with pytest.raises(NotFoundError):
        await show_capture(town.context, client, captured.row.id)
    for kept in (other, stranger):
        assert (await show_capture(town.context, client, kept.row.id)).evidence is not None
    await sequence(town.context)
    assert (await walk(town))[1] == []


async def test_an_operator_of_the_service_releases_and_discards_by_name(
    town: Town, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "DATABASE_URL": town.urls.serving,
        "KEYS_DIR": str(town.context.settings.keys_dir),
    }.items():
        monkeypatch.setenv(f"CONSENTID_{name}", value)
    town.context.settings = msgspec.structs.replace(town.context.settings, captures_operator_most=1)

    async def consentid(*words: str) -> tuple[int, Any]:
        code = await asyncio.to_thread(main, ["captures", *words, "--json"])
        told = capsys.readouterr().out
        return code, json.loads(told) if told else None

    assert await consentid("held") == (0, {"held": []})
    calls = Centre(town=town)
    for operator in ("agent-1", "agent-2"):
        for _ in range(3):
            await calls.capture(SAID, operator=operator)
    code, told = await consentid("held", "--operator", "agent-1")
    assert (code, [each["operator"] for each in told["held"]]) == (1, ["agent-1", "agent-1"])
    assert (await consentid("release"))[0] == Exit.USAGE  # nobody is named
    assert await consentid("release", told["held"][0]["capture"]) == (0, {"pending": 1})
    assert await consentid("release", "--operator", "agent-1") == (0, {"pending": 1})
    assert await consentid("discard", "--client", "news-calls") == (0, {"discarded": 2})
    assert await consentid("discard", "--client", "news-calls") == (1, {})
    acts = await town.rows("SELECT body FROM entry_bodies WHERE kind = 'admin' ORDER BY event_id")
    done = [json.loads(body) for (body,) in acts]
    assert [each["act"] for each in done] == [
        *["capture/release"] * 2,
        *["capture/discard"] * 2,
    ]
    assert done[0] == {
        "v": 1,
        "act": "capture/release",
        "by": "cli",
        "capture": told["held"][0]["capture"],
        "client": "news-calls",
    }
