"""What an answer to a link comes to: double opt-in, and captures that their person confirms."""

import pytest
from tests.flows.capturing import Centre, Customer, state
from tests.flows.linking import Reader, mint, minter
from tests.flows.town import GRANTED, REFUSED, Town

from consentid.core.capture import CaptureState
from consentid.core.decision import Assurance, Channel
from consentid.flows.answer_link import Heard
from consentid.flows.authenticate import Caller
from consentid.flows.new_capture import Captured
from consentid.flows.show_state import PurposeState, show_state
from consentid.kit.errors import ForbiddenError, GoneError
from consentid.links import Question
from consentid.store import captures

EMAIL = "contact.email"
SAID = {"content": GRANTED, "contact.phone": GRANTED, "audience": REFUSED}
NEWS_EMAIL = Question(brand="news", purposes=(EMAIL,))


async def standing(town: Town, caller: Caller, purpose: str = EMAIL) -> PurposeState:
    shown = await show_state(town.context, caller, at_least=None)
    return next(each for each in shown.purposes if each.purpose == purpose)


def confirming(captured: Captured, *purposes: str) -> Question:
    return Question(
        brand="news",
        purposes=purposes or ("content", "contact.phone"),
        capture=str(captured.row.id),
    )


async def fate(town: Town, captured: Captured) -> CaptureState:
    async with town.context.database.reading() as connection:
        row = await captures.find(connection, captured.row.id)
    assert row is not None
    return row.state


async def test_a_newsletter_is_a_yes_once_its_link_was_followed_and_not_before(town: Town) -> None:
    visitor = await town.device()
    told = await town.decide(visitor, {EMAIL: GRANTED, "contact.sms": GRANTED})
    said = town.claims(told.consent_token, "https://news.halcyon.example").consent
    assert EMAIL not in said.g
    assert "contact.sms" in said.g
    waiting = await standing(town, visitor)
    assert (waiting.permitted, waiting.waits_for_link, waiting.may_ask) == (False, True, False)
    link = await mint(town, await minter(town, "news-letters", visitor), NEWS_EMAIL)
    answered = await Reader(town=town).answer(link)
    assert (answered.heard, answered.device_credential) == (Heard.ACCEPTED, None)
    assert (await standing(town, visitor)).state == "given"
    decision = (await town.history(visitor.subject))[-1]
    assert (decision.assurance, decision.channel) == (Assurance.LINK, Channel.LINK)
    assert (decision.actor, decision.served is not None) == ("news-letters", True)
    await town.withdraw(visitor, EMAIL)
    assert (await standing(town, visitor)).state == "withdrawn"
    with pytest.raises(GoneError, match="answered already"):
        await Reader(town=town).open(link)
    assert await town.faults() == []


async def test_accepting_all_above_it_does_not_go_round_the_link(town: Town) -> None:
    visitor = await town.device()
    await town.decide(visitor, {"contact": GRANTED})
    assert (await standing(town, visitor, "contact.sms")).permitted
    waiting = await standing(town, visitor)
    assert (waiting.permitted, waiting.waits_for_link) == (False, True)


async def test_a_no_by_link_is_a_no(town: Town) -> None:
    visitor = await town.device()
    await town.decide(visitor, {EMAIL: GRANTED})
    link = await mint(town, await minter(town, "news-letters", visitor), NEWS_EMAIL)
    assert (await Reader(town=town).answer(link, REFUSED)).heard is Heard.REFUSED
    found = await standing(town, visitor)
    assert (found.state, found.waits_for_link) == ("refused", False)


async def test_who_was_captured_confirms_by_a_link_whoever_they_are(town: Town) -> None:
    calls = Centre(town=town)
    captured = await calls.capture(SAID)
    link = await mint(town, await minter(town, "news-calls"), confirming(captured))
    answered = await Reader(town=town).answer(link)
    assert answered.heard is Heard.ACCEPTED
    assert answered.device_credential is not None
    assert await fate(town, captured) is CaptureState.CONFIRMED
    person = await town.on_device(answered.device_credential)
    assert (await standing(town, person, "content")).state == "given"
    (decision,) = await town.history(person.subject)
    assert (decision.assurance, decision.prompted_by) == (
        Assurance.LINK,
        f"capture:{captured.row.id}",
    )
    assert await town.faults() == []


async def test_whose_capture_is_known_confirms_it_signed_in_and_a_later_no_stands(
    town: Town,
) -> None:
    calls, mila = Centre(town=town), await Customer.of(town, "mila")
    reader = await Reader.signed_in(town, "mila")
    first, second = [await calls.capture(SAID, sub="mila") for _ in range(2)]
    of_calls = await minter(town, "news-calls")
    links = [await mint(town, of_calls, confirming(each)) for each in (first, second)]
    answered = await reader.answer(links[0])
    assert (answered.heard, answered.device_credential) == (Heard.ACCEPTED, None)
    assert await mila.states("content") == ["given"]
    await town.withdraw(mila.at_news)
    assert (await reader.answer(links[1])).heard is Heard.OVERTAKEN
    assert await mila.states("content") == ["withdrawn"]
    assert await fate(town, second) is CaptureState.CONFIRMED


async def test_who_says_no_to_what_was_captured_has_said_no(town: Town) -> None:
    calls, mila = Centre(town=town), await Customer.of(town, "mila")
    captured = await calls.capture(SAID, sub="mila")
    assert state(captured) is CaptureState.PENDING
    link = await mint(town, await minter(town, "news-calls"), confirming(captured))
    reader = await Reader.signed_in(town, "mila")
    assert (await reader.answer(link, REFUSED)).heard is Heard.REFUSED
    assert await fate(town, captured) is CaptureState.REFUSED
    assert await mila.states("content") == ["refused"]


async def test_nobody_presses_their_own_link_for_whom_they_captured(town: Town) -> None:
    """An agent's word stays an agent's, whichever link it sends to itself."""
    calls, mila = Centre(town=town), await Customer.of(town, "mila")
    captured, unknown = await calls.capture(SAID, sub="mila"), await calls.capture(SAID)
    of_mila = await minter(town, "news-calls", await calls.caller("mila"))
    of_letters = await minter(town, "news-letters", mila.at_news)
    links = [
        # Who captured it, of whom the portal resolved; of nobody, with the person's token.
        await mint(town, await minter(town, "news-calls"), confirming(captured)),
        await mint(town, of_mila, confirming(unknown)),
        # No word of a capture, and what nobody captured.
        await mint(town, of_mila, Question(brand="news", purposes=("content",))),
        await mint(town, of_mila, NEWS_EMAIL),
        # Another client, which sends to an address that the agent wrote down.
        await mint(town, of_letters, Question(brand="news", purposes=("contact.phone",))),
        await mint(town, of_letters, Question(brand="news", purposes=("contact",))),
    ]
    before = await town.counts()
    for link in links:
        agent = Reader(town=town)
        assert (await agent.open(link)).scene.needs_sign_in
        with pytest.raises(ForbiddenError):
            await agent.answer(link)
        with pytest.raises(ForbiddenError):
            await (await Reader.signed_in(town, "noah")).open(link)
    after = await town.counts()
    assert after["decisions"] == before["decisions"]
    assert await mila.states("content", "contact.phone", EMAIL) == ["unasked", "given", "unasked"]
    # What nobody captured of her is a matter between her and those who write to her.
    letter = await mint(town, of_letters, Question(brand="news", purposes=("contact.sms",)))
    assert (await Reader(town=town).answer(letter)).heard is Heard.ACCEPTED
    reader = await Reader.signed_in(town, "mila")
    assert (await reader.answer(links[0])).heard is Heard.ACCEPTED
    assert [(await Reader(town=town).answer(each)).heard for each in links[4:5]] == ["accepted"]


async def test_a_link_confirms_its_own_client_s_capture_and_all_that_it_says(town: Town) -> None:
    captured = await Centre(town=town).capture(SAID)
    of_calls, of_letters = await minter(town, "news-calls"), await minter(town, "news-letters")
    before = await town.counts()
    for caller, question in (
        (of_letters, confirming(captured)),
        (of_calls, confirming(captured, "content")),
        (of_calls, confirming(captured, "content", "contact.phone", "ads")),
        (of_calls, Question(brand="news", purposes=("content",), capture="no-such")),
    ):
        link = await mint(town, caller, question)
        with pytest.raises(GoneError):
            await Reader(town=town).open(link)
    assert await town.counts() == before
