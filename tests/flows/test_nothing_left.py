"""What others said of somebody, asked them and sent them goes with them: from tables and dumps."""

import logging
from pathlib import Path

import pytest
from tests.flows.capturing import Centre, Customer, evidence
from tests.flows.oauth.test_ciba import WORDS, arrive, call
from tests.flows.test_erasure import ask, rows_with, shred
from tests.flows.test_erasure_list import run_tool
from tests.flows.test_send_mails import ADDRESS, configured, letters, post
from tests.flows.test_sequence_ledger import drain
from tests.flows.test_take_bundles import captured, new_tablet
from tests.flows.test_verify_ledger import walk
from tests.flows.town import GRANTED, REFUSED, Town
from tests.net.mail_server import mail_server

from consentid.flows.reap import reap
from consentid.flows.take_bundles import take_bundles
from consentid.store.engine import Database
from consentid.tokens.pairwise import pairwise_sub

SUB = "customer-4711@portal"
CALLS = "news-calls"
SAID = {"ads": GRANTED, "content": REFUSED}
PAPER = "contract 77-4711"
OPERATOR = "jean.dupont"


async def spoken_of(town: Town, tmp_path: Path) -> Customer:
    """Somebody of whom a call centre, a shop's tablet and a newsletter have something."""
    ada, customer = await arrive(town, SUB), await Customer.of(town, SUB)
    calls = Centre(town=town)
    of_paper = evidence(PAPER, digest=b"\x5a" * 32)
    told = await calls.capture(SAID, shown=of_paper, operator=OPERATOR)
    await call(town, CALLS, id_token_hint=town.id_token(SUB, CALLS), capture=str(told.row.id))
    await ada.answer(GRANTED)
    await customer.dispute(await calls.capture(SAID, sub=SUB, operator=OPERATOR))
    await calls.capture({"tv": GRANTED}, sub=SUB, operator=OPERATOR)
    # One more question waits when they go, and a mail.
    await call(town, CALLS, id_token_hint=town.id_token(SUB, CALLS))
    async with mail_server(tmp_path) as box:
        configured(town, box)
        await post(town, await letters(town, customer.at_news))
    return customer


async def test_what_others_have_of_somebody_is_gone_with_them(
    desks: Town, erasing: Database, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    customer = await spoken_of(desks, tmp_path)
    subject = customer.subject
    tablet = captured(await new_tablet(desks), 1)
    await take_bundles(desks.context, [each.text for each in tablet.bundles], now_s=0.0)
    pairwise = desks.context.keyring.pairwise
    ((address,),) = await desks.rows(
        "SELECT encode(addressee, 'hex') FROM device_codes WHERE status = 'pending'"
    )
    words = {
        "portal's name": SUB,
        "evidence": PAPER,
        "operator": OPERATOR,
        "what the agent said": WORDS,
        "mail address": ADDRESS,
        "sub": pairwise_sub(pairwise, "brand/news", subject.bytes),
    }
    needles = {
        "subject": str(subject),
        "subject's bytes": subject.hex,
        "digest of the evidence": "5a" * 32,
        "address of questions": address,
        **{name: text for name, text in words.items() if name != "portal's name"},
        **{f"{name} in bytes": text.encode().hex() for name, text in words.items()},
    }
    before = await rows_with(desks, needles)
    # In clear there is nothing but ids and keyed hashes.
    assert {what for _, what in before} == {"subject", "address of questions"}
    assert {table for table, what in before if what == "subject"} >= {
        *("captures", "decisions", "entry_bodies", "device_codes"),
    }
    await drain(desks.context)
    await ask(desks, subject)
    assert await shred(desks, erasing) == 1
    # A question that nobody answers waits on, so that whoever asks is told nothing by its end.
    assert await rows_with(desks, needles) == {("device_codes", "address of questions")}
    await desks.change("UPDATE device_codes SET expires_at = now() - interval '2 days'")
    await reap(desks.context)
    assert await rows_with(desks, needles) == set()
    dump = tmp_path / "dump"
    run_tool("pg_dump", desks.urls.owner, f"--file={dump}")
    lines = "\n".join(record.getMessage() for record in caplog.records)
    for where in (dump.read_text(), lines):
        assert [what for what, needle in needles.items() if needle in where] == []
    await drain(desks.context)
    assert (await walk(desks))[1] == []
    assert await desks.faults() == []
