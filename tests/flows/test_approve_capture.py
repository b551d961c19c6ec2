"""What a call centre captured is confirmed on the person's own screen, or refused, or disputed."""

import pytest
from tests.flows.capturing import Centre, Customer
from tests.flows.oauth.test_ciba import arrive, call, refused
from tests.flows.town import BRAND, GRANTED, REFUSED, Town
from tests.flows.visits import LAYOUT

from consentid.core.capture import CaptureState
from consentid.core.decision import Assurance, Choice
from consentid.flows.answer_interaction import Choose, Continue
from consentid.flows.interactions import Interaction, open_interaction
from consentid.flows.new_capture import Captured
from consentid.flows.open_approval import report
from consentid.flows.show_captures import show_capture
from consentid.kit.errors import MalformedError
from consentid.store import clients

CALLS = "news-calls"
SAID = {"ads": GRANTED, "content": GRANTED}


async def capture_of(town: Town, captured: Captured) -> str:
    async with town.context.database.reading() as connection:
        client = await clients.find(connection, CALLS)
    assert client is not None
    return (await show_capture(town.context, client, captured.row.id)).state


async def test_what_was_said_on_the_telephone_counts_once_the_person_confirms_it(
    desks: Town,
) -> None:
    ada, customer = await arrive(desks), await Customer.of(desks, "ada")
    captured = await Centre(town=desks).capture(SAID)
    hint = desks.id_token("ada", CALLS)
    asked = await call(desks, CALLS, id_token_hint=hint, capture=str(captured.row.id))
    assert await customer.states("ads", "content") == ["unasked", "unasked"]

    [waiting] = await ada.waiting()
    interaction = await ada.look(waiting)
    page = await ada.visit.open(interaction)
    assert set(page.asked) == set(SAID)
    in_part = Choose(
        choices=(Choice(purpose=page.asked[0], outcome=GRANTED),),
        reach=BRAND,
        unverified_served=page.served,
    )
    with pytest.raises(MalformedError):
        await ada.visit.answer(interaction, in_part)
    assert (await ada.answer(GRANTED)).endswith("/approvals/approved")

    assert await customer.states("ads", "content") == ["given", "given"]
    assert await capture_of(desks, captured) == CaptureState.CONFIRMED
    [decision] = await desks.history(customer.subject)
    assert (decision.assurance, decision.actor) == (Assurance.SELF, CALLS)
    assert decision.interval.early < decision.interval.late
    [detail] = (await asked.tokens())["authorization_details"]
    assert set(detail["purposes"]) == set(SAID)
    # What has ended is asked about no more.
    again = {"id_token_hint": desks.id_token("ada", CALLS), "capture": str(captured.row.id)}
    assert await refused(desks, CALLS, **again) == "invalid_request"


async def test_a_no_and_a_report_end_it(desks: Town) -> None:
    ada, customer = await arrive(desks), await Customer.of(desks, "ada")
    centre = Centre(town=desks)
    first, second = await centre.capture(SAID), await centre.capture({"tv": GRANTED})
    for captured in (first, second):
        hint = desks.id_token("ada", CALLS)
        await call(desks, CALLS, id_token_hint=hint, capture=str(captured.row.id))
    assert (await ada.answer(REFUSED)).endswith("/approvals/denied")
    [waiting] = await ada.waiting()
    await report(desks.context, waiting.name, ada.visit.browser)
    assert await capture_of(desks, first) == CaptureState.REFUSED
    assert await capture_of(desks, second) == CaptureState.DISPUTED
    assert await customer.states("ads", "content", "tv") == ["refused"] * 3


async def test_a_withdrawal_after_the_call_stands_though_it_is_confirmed(desks: Town) -> None:
    ada, customer = await arrive(desks), await Customer.of(desks, "ada")
    captured = await Centre(town=desks).capture({"ads": GRANTED})
    hint = desks.id_token("ada", CALLS)
    asked = await call(desks, CALLS, id_token_hint=hint, capture=str(captured.row.id))
    interaction = await ada.look()
    await desks.withdraw(customer.at_news, "ads", reach=BRAND)
    found = await open_interaction(
        desks.context,
        interaction,
        ada.visit.browser,
        languages=("en",),
        layout=LAYOUT,
        shows_all=True,
    )
    page = await ada.visit.open(interaction)
    assert isinstance(found, Interaction)
    assert (page.asked, found.asked) == ((), ())
    step = await ada.visit.answer(interaction, Continue(unverified_served=page.served))
    assert step.redirect.endswith("/approvals/denied")
    assert await asked.poll_for_error() == "access_denied"
    assert await customer.states("ads") == ["refused"]


async def test_only_a_clients_own_capture_is_asked_about_and_of_whose_it_is(desks: Town) -> None:
    centre = Centre(town=desks)
    of_ben = await centre.capture(SAID, sub="ben")
    only_no = await centre.capture({"ads": REFUSED})
    open_ = await centre.capture(SAID)
    for capture, client in ((of_ben, CALLS), (only_no, CALLS), (open_, "news-web")):
        hint = desks.id_token("ada", client)
        found = await refused(desks, client, id_token_hint=hint, capture=str(capture.row.id))
        assert found == "invalid_request"
