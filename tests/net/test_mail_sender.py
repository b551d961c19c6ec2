"""Mails go to a server that proves its name, encrypted, or nowhere."""

from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from tests.net.certificates import certificate
from tests.net.mail_server import mail_server

from consentid.net.mail_sender import send_mail

ADDRESS = "mila@halcyon.example"


def a_mail() -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Halcyon <consent@halcyon.example>"
    mail["To"] = ADDRESS
    mail["Subject"] = "Une question à lire"
    mail.set_content(f"https://consent.example/link#{'x' * 900}\n")
    mail.add_alternative("<p>…</p>", subtype="html")
    return mail


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_mail_arrives_whole_and_encrypted(tmp_path: Path, tls: str) -> None:
    async with mail_server(tmp_path, tls=tls) as box:
        user = {} if tls == "starttls" else {"user": None}
        handed = await send_mail(box.server(tls, **user), a_mail())
    assert (handed.is_taken, handed.outcome) == (True, "sent")
    (arrived,) = box.messages
    assert box.recipients == [ADDRESS]
    assert box.was_encrypted == [tls == "starttls"]  # else the whole connection was
    assert arrived["Subject"] == "Une question à lire"
    text = arrived.get_body(("plain",))
    assert text is not None
    assert f"#{'x' * 900}" in text.get_content()


async def test_nothing_is_said_to_a_server_that_does_not_encrypt_or_prove_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with mail_server(tmp_path, tls="none") as box:
        for tls in ("starttls", "tls"):
            handed = await send_mail(box.server(tls), a_mail())
            assert (handed.is_taken, handed.is_refused) == (False, False)
        assert box.messages == []
        assert (await send_mail(box.server("none", user=None), a_mail())).is_taken
    async with mail_server(tmp_path) as box:
        other_name = await send_mail(replace(box.server(), host="127.0.0.1"), a_mail())
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path, "other.example")))
        stranger = await send_mail(box.server(), a_mail())
        assert not stranger.is_taken
        assert not other_name.is_taken
        assert box.messages == []


async def test_a_no_to_us_is_tried_again_and_a_no_to_the_addressee_is_for_good(
    tmp_path: Path,
) -> None:
    async with mail_server(tmp_path) as box:
        wrong = await send_mail(box.server(password="other"), a_mail())
        assert (wrong.is_taken, wrong.is_refused) == (False, False)
        box.answers += ["550 nobody here", "451 later"]
        gone = await send_mail(box.server(), a_mail())
        later = await send_mail(box.server(), a_mail())
    assert (gone.is_refused, later.is_refused) == (True, False)
    for handed in (wrong, gone, later):
        assert ADDRESS not in handed.outcome
    assert "550" in gone.outcome


async def test_nobody_there_is_told_by_its_kind(tmp_path: Path) -> None:
    async with mail_server(tmp_path) as box:
        server = box.server()
    handed = await send_mail(server, a_mail())
    assert (handed.outcome, handed.is_refused) == ("ConnectionRefusedError", False)
