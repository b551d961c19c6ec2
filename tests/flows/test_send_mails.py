"""Links that the hub mails: queued, sent once, forgotten."""

import logging
import re
from pathlib import Path

import msgspec
import pytest
from tests.flows.town import Town
from tests.net.mail_server import PASSWORD, USER, Postbox, mail_server

from consentid.flows import restrict_subject
from consentid.flows.authenticate import Caller
from consentid.flows.mail_link import address_mark, mail_link
from consentid.flows.mint_link import LinkOut
from consentid.flows.reap import reap
from consentid.flows.send_mails import send_mails
from consentid.kit.errors import UnavailableError
from consentid.links import Question
from consentid.store import clients
from consentid.web.pages.link_mail import write_link_mail

ADDRESS = "mila.m@halcyon.example"
ASKED = Question(brand="news", purposes=("contact.sms",), addressee=ADDRESS, language="fr")


def configured(town: Town, box: Postbox) -> None:
    town.context.settings = msgspec.structs.replace(
        town.context.settings,
        smtp_host="localhost",
        smtp_port=box.port,
        smtp_user=USER,
        smtp_password=PASSWORD,
        smtp_from="Halcyon <consent@halcyon.example>",
    )


async def letters(town: Town, of: Caller) -> Caller:
    """The newsletter tool, for somebody."""
    async with town.context.database.reading() as connection:
        client = await clients.find(connection, "news-letters")
    assert client is not None
    return Caller(client=client, scopes=client.scopes, subject=of.subject, device=None)


async def post(town: Town, caller: Caller) -> LinkOut:
    return await mail_link(
        town.context, caller, ASKED, address=ADDRESS, lifetime_s=86_400, write=write_link_mail
    )


def body(box: Postbox, kind: str = "plain") -> str:
    found = box.messages[-1].get_body((kind,))
    assert found is not None
    return found.get_content()


async def test_a_link_is_mailed_once_in_the_person_s_language_and_then_forgotten(
    town: Town, tmp_path: Path
) -> None:
    async with mail_server(tmp_path) as box:
        configured(town, box)
        told = await post(town, await letters(town, await town.device()))
        assert (told.link, told.mailed) == (None, True)
        assert await send_mails(town.context) == 1
        assert await send_mails(town.context) == 0
        (mail,) = box.messages
    assert (mail["To"], box.recipients) == (ADDRESS, [ADDRESS])
    assert mail["Subject"] == "Une question de Halcyon News"
    assert mail["Auto-Submitted"] == "auto-generated"
    link = "http://consent.localhost:7600/link#"
    assert f"\n{link}" in body(box)
    assert "Il vaut pour une seule réponse" in body(box)
    assert f'href="{link}' in body(box, "html")
    assert "http" not in re.sub(rf"{link}[\w.-]+", "", body(box, "html"))
    assert await town.rows("SELECT count(*) FROM mails") == [(0,)]


async def test_what_waits_holds_no_address_and_no_link_in_clear(town: Town, tmp_path: Path) -> None:
    async with mail_server(tmp_path) as box:
        configured(town, box)
        await post(town, await letters(town, await town.device()))
    ((kept,),) = await town.rows("SELECT string_agg(mails::text, '') FROM mails")
    for secret in (ADDRESS, "mila", "link#", "Halcyon"):
        assert secret.encode().hex() not in kept
        assert secret not in kept


def test_one_mailbox_is_one_however_it_is_written(town: Town) -> None:
    written = ("Mila@halcyon.example", "mila+1@Halcyon.example", "mila+a+b@halcyon.example")
    assert len({address_mark(town.context, each) for each in written}) == 1
    others = ("mila@shop.example", "mil@halcyon.example", "+mila@halcyon.example", "+@a.example")
    marks = {address_mark(town.context, each) for each in (written[0], *others)}
    assert len(marks) == 1 + len(others)


async def test_a_server_that_is_away_is_tried_again_and_one_that_will_not_have_it_is_not(
    town: Town, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with mail_server(tmp_path) as box:
        configured(town, box)
        caller = await letters(town, await town.device())
        await post(town, caller)
        box.answers.append("451 later")
        with caplog.at_level(logging.WARNING):
            assert await send_mails(town.context) == 0
        assert await send_mails(town.context) == 0, "not before its time"
        await town.change("UPDATE mails SET due_at = now()")
        assert await send_mails(town.context) == 1
        await post(town, caller)
        box.answers.append("550 nobody here")
        with caplog.at_level(logging.WARNING):
            assert await send_mails(town.context) == 0
        assert len(box.messages) == 1
    assert await town.rows("SELECT count(*) FROM mails") == [(0,)]
    # The receiving server is the test's own, and tells what it likes.
    said = [each.getMessage() for each in caplog.records if each.name != "mail.log"]
    assert "a mail was put off after 1 attempts: SMTPRecipientsRefused 451" in said
    assert "a mail was given up after 1 attempts: SMTPRecipientsRefused 550" in said
    assert not [each for each in said if "mila" in each]


async def test_one_taken_by_who_died_is_taken_again_and_what_is_too_old_is_not(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with mail_server(tmp_path) as box:
        configured(town, box)
        await post(town, await letters(town, await town.device()))

        async def die(*_: object) -> None:
            raise RuntimeError

        with monkeypatch.context() as patched:
            patched.setattr("consentid.flows.send_mails.send_mail", die)
            with pytest.raises(RuntimeError):
                await send_mails(town.context)
        assert await send_mails(town.context) == 0
        await town.change("UPDATE mails SET due_at = now()")
        assert await send_mails(town.context) == 1
        await post(town, await letters(town, await town.device()))
        await town.change("UPDATE mails SET expires_at = now()")
        assert await send_mails(town.context) == 0
        assert await reap(town.context) >= 1
    assert await town.rows("SELECT count(*) FROM mails") == [(0,)]


async def test_who_was_erased_meanwhile_is_not_written_to(town: Town, tmp_path: Path) -> None:
    async with mail_server(tmp_path) as box:
        configured(town, box)
        person = await town.device()
        await post(town, await letters(town, person))
        assert person.subject is not None
        asked = restrict_subject.Asked(
            reason=restrict_subject.Reason.CONSENT_WITHDRAWN, asked_by="operator"
        )
        async with town.context.database.writing() as connection:
            await restrict_subject.restrict_subject(town.context, connection, person.subject, asked)
        assert await send_mails(town.context) == 0
        assert box.messages == []
    assert await town.rows("SELECT count(*) FROM mails") == [(0,)]


async def test_a_hub_without_a_mail_server_says_so(town: Town) -> None:
    caller = await letters(town, await town.device())
    with pytest.raises(UnavailableError, match="CONSENTID_SMTP_HOST"):
        await post(town, caller)
