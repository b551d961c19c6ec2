from dataclasses import replace

import msgspec
import pytest
from tests.flows.faults import CrashError, crash_at, crash_at_commit
from tests.flows.town import BRAND, GRANTED, PARTNER, REFUSED, Town, decision_ids, together

from consentid.core.decision import SignalSource
from consentid.flows.authenticate import Caller
from consentid.flows.show_state import show_state
from consentid.keyring.signing import SigningKey
from consentid.kit.errors import ConflictError, ForbiddenError, MalformedError
from consentid.kit.instants import HOUR
from consentid.store import clock

NEWS = "https://news.halcyon.example"


async def states(town: Town, caller: Caller) -> dict[str, str]:
    shown = await show_state(town.context, caller, at_least=None)
    return {each.purpose: each.state for each in shown.purposes}


async def test_a_decision_is_durable_and_spoken_of(town: Town) -> None:
    news = await town.device()
    told = await town.decide(news, {"ads": GRANTED, "content": REFUSED})
    consent = town.claims(told.consent_token, NEWS).consent
    assert "ads" in consent.g
    assert "content" in consent.d
    state = await show_state(town.context, news, at_least=told.consistency)
    said = {each.purpose: each.state for each in state.purposes}
    assert (said["ads"], said["content"]) == ("given", "refused")
    assert await town.faults() == []


async def test_one_transaction_leaves_a_row_in_every_journal(town: Town) -> None:
    news = await town.device()
    before = await town.counts()
    await town.decide(news, {"ads": GRANTED})
    after = await town.counts()
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "decisions": 1,
        "idempotency_keys": 1,
        "outbox": 1,
        "served_notices": 1,
        "staged_entries": 1,
    }


async def test_twenty_equal_requests_at_once_make_one_decision(town: Town) -> None:
    news = await town.device()
    answer = await town.answer(news, {"ads": GRANTED})
    told = await together(*(town.record(news, answer, key="same") for _ in range(20)))
    assert len({msgspec.json.encode(each) for each in told}) == 1
    assert len(await town.history(news.subject)) == 1
    assert told[0].consent_token is not None


async def test_a_key_is_good_for_one_body(town: Town) -> None:
    news = await town.device()
    await town.decide(news, {"ads": GRANTED}, key="same")
    with pytest.raises(MalformedError) as refused:
        await town.decide(news, {"ads": REFUSED}, key="same")
    assert refused.value.code == "idempotency_key_reused"
    assert len(await town.history(news.subject)) == 1


async def test_a_key_is_good_for_one_subject(town: Town) -> None:
    one, other = await town.device(), await town.device()
    answer = await town.answer(one, {"ads": GRANTED})
    await town.record(one, answer, key="same")
    with pytest.raises(MalformedError):
        await town.record(other, answer, key="same")
    assert await town.history(other.subject) == []


async def test_a_refused_request_does_not_use_its_key_up(town: Town) -> None:
    news = await town.device()
    with pytest.raises(MalformedError):
        await town.decide(news, {"no.such": GRANTED}, key="same")
    await town.decide(news, {"ads": GRANTED}, key="same")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_at_any_statement_leaves_nothing_and_a_retry_succeeds_once(
    town: Town, *, after: bool
) -> None:
    news = await town.device()
    await town.decide(news, {"ads": GRANTED, "content": GRANTED})
    answer = await town.answer(news, {"ads": REFUSED}, signals={SignalSource.GPC: True})
    before = await town.counts()
    projection = await town.rows("SELECT version, sealed FROM projections ORDER BY subject_id")
    step = 0
    while True:
        step += 1
        with crash_at(town.context.database, step, after=after) as counter:
            try:
                await town.record(news, answer, key="crash")
            except CrashError:
                assert await town.counts() == before, step
                continue
        break
    assert counter.statements == step - 1 > 4
    assert (await town.counts())["decisions"] == before["decisions"] + 2
    await town.record(news, answer, key="crash")
    assert len(await town.history(news.subject)) == 3
    assert await town.faults() == []
    assert projection != await town.rows(
        "SELECT version, sealed FROM projections ORDER BY subject_id"
    )


@pytest.mark.parametrize("persisted", [False, True])
async def test_nothing_is_signed_unless_the_commit_is_known_to_have_succeeded(
    town: Town, monkeypatch: pytest.MonkeyPatch, *, persisted: bool
) -> None:
    signed: list[bytes] = []
    real = SigningKey.sign

    def sign(key: SigningKey, message: bytes) -> bytes:
        signed.append(message)
        return real(key, message)

    monkeypatch.setattr(SigningKey, "sign", sign)
    news = await town.device()
    answer = await town.answer(news, {"ads": GRANTED})
    signed.clear()  # coming in was spoken of too
    with crash_at_commit(town.context.database, persisted=persisted), pytest.raises(CrashError):
        await town.record(news, answer, key="same")
    assert signed == []
    assert len(await town.history(news.subject)) == int(persisted)
    told = await town.record(news, answer, key="same")
    assert told == await town.record(news, answer, key="same")
    assert len(signed) == 4  # a receipt and a token, each time
    assert len(await town.history(news.subject)) == 1
    assert await town.faults() == []


async def _postpone(town: Town, interval: str) -> None:
    """The server's clock cannot be set in a test: its history is moved into the future instead."""
    await town.change("ALTER TABLE decisions DISABLE TRIGGER append_only")
    await town.change(f"UPDATE decisions SET recorded_at = recorded_at + interval '{interval}'")
    await town.change("ALTER TABLE decisions ENABLE TRIGGER append_only")


async def test_who_acted_while_the_clock_was_years_ahead_may_still_answer(town: Town) -> None:
    news = await town.device()
    await town.decide(news, {"ads": GRANTED})
    await _postpone(town, "11 years")
    await town.decide(news, {"ads": REFUSED})
    assert (await states(town, news))["ads"] == "withdrawn"


async def test_a_clock_set_back_never_makes_a_later_act_older(town: Town) -> None:
    news = await town.device()
    await town.decide(news, {"ads": GRANTED})

    await _postpone(town, "1 hour")
    async with town.context.database.writing() as connection:
        assert news.subject is not None
        next_one = await clock.now_after(connection, news.subject)
        assert next_one > await clock.now(connection) + HOUR * 9 // 10
    withdrawn = await town.withdraw(news, "ads")
    assert withdrawn.recorded_at > (await town.rows("SELECT max(early)::text FROM decisions"))[0][0]
    history = await town.rows("SELECT id, recorded_at FROM decisions ORDER BY recorded_at, id")
    assert len({at for _, at in history}) == 2
    assert (await states(town, news))["ads"] == "withdrawn"


async def test_decisions_of_one_subject_at_once_take_their_turns(town: Town) -> None:
    news = await town.device()
    outcomes = [GRANTED, REFUSED] * 8
    await together(*(town.decide(news, {"ads": outcome}) for outcome in outcomes))
    history = await town.history(news.subject)
    assert len(history) == len({decision.recorded_at for decision in history}) == 16
    last = history[-1].choices[0].outcome
    assert (await states(town, news))["ads"] == ("given" if last is GRANTED else "withdrawn")


async def test_a_signal_is_recorded_once_and_again_only_after_it_was_off(town: Town) -> None:
    news = await town.device()
    on, off = {SignalSource.GPC: True}, {SignalSource.GPC: False}
    for seen in (on, on, off, on):
        await town.decide(news, {"content": GRANTED}, signals=seen)
    history = await town.history(news.subject)
    assert [decision.signal is not None for decision in history] == [
        True,
        False,
        False,
        False,
        True,
        False,
    ]
    assert len(set(decision_ids(history))) == 6


async def test_a_yes_without_being_told_stays_no_under_a_signal(town: Town) -> None:
    news = await town.device()
    everything = {"ads": GRANTED, "ads.personalised": GRANTED}
    await town.decide(news, everything, signals={SignalSource.GPC: True})
    assert (await states(town, news))["ads.personalised"] != "given"
    await town.decide(news, everything, told=True)
    assert (await states(town, news))["ads.personalised"] == "given"


async def test_a_client_may_not_grant_for_the_group_unless_it_collects_for_it(town: Town) -> None:
    credential = await town.new_device()
    shop = await town.on_device(credential, "shop-web")
    with pytest.raises(ForbiddenError):
        await town.decide(shop, {"ads": GRANTED})
    with pytest.raises(ForbiddenError):
        await town.decide(shop, {"ads": GRANTED}, PARTNER)
    await town.decide(shop, {"ads": GRANTED}, BRAND)
    await town.withdraw(shop)
    assert (await states(town, shop))["ads"] == "withdrawn"


async def test_an_answer_to_a_text_that_is_not_current_is_a_conflict(town: Town) -> None:
    news = await town.device()
    answer = await town.answer(news, {"ads": GRANTED})
    other = replace(answer, notice=msgspec.structs.replace(answer.notice, digest="0" * 64))
    with pytest.raises(ConflictError):
        await town.record(news, other)
    other = replace(answer, notice=msgspec.structs.replace(answer.notice, version=2))
    with pytest.raises(MalformedError):
        await town.record(news, other)
    assert await town.history(news.subject) == []
