"""A mail server on this machine, trusted while it runs, that keeps what it is given by SMTP."""

import asyncio
import email
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from tests.net.certificates import certificate
from typing_extensions import override

from consentid.net.mail_sender import MailServer

USER, PASSWORD = "hub", "hush"


@dataclass(slots=True, kw_only=True)
class Postbox:
    """What arrived, and what is answered next."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list[EmailMessage])
    recipients: list[str] = field(default_factory=list[str])
    answers: list[str] = field(default_factory=list[str])
    """To the next recipients, instead of taking them."""
    was_encrypted: list[bool] = field(default_factory=list[bool])

    def server(self, tls: str = "starttls", **changed: Any) -> MailServer:
        """How the hub knows it."""
        given: dict[str, Any] = {
            "host": "localhost",
            "port": self.port,
            "tls": tls,
            "sender": "Halcyon <consent@halcyon.example>",
            "user": USER,
            "password": PASSWORD,
            **changed,
        }
        return MailServer(**given)

    async def handle_RCPT(  # noqa: N802 - the server's own name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session, options
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the server's own name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        del server
        content = cast("bytes", envelope.content)
        self.messages.append(email.message_from_bytes(content, policy=POLICY))
        self.recipients += envelope.rcpt_tos
        self.was_encrypted.append(session.ssl is not None)
        return "250 OK"


def _let_in(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
) -> AuthResult:
    del server, session, envelope, mechanism
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=is_right, handled=False)


class _Speaker(SMTP):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.lost: asyncio.Event = asyncio.Event()

    @override
    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.lost.set()


@asynccontextmanager
async def mail_server(folder: Path, *, tls: str = "starttls") -> AsyncGenerator[Postbox]:
    """``starttls`` wants a password; the others take mail of anybody, ``none`` in clear."""
    file = certificate(folder, "localhost")
    trusted = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trusted.load_cert_chain(file)
    box = Postbox()
    loop = asyncio.get_running_loop()
    is_wrapped, may_wrap = tls == "tls", tls == "starttls"

    speakers: list[_Speaker] = []

    def speak() -> SMTP:
        speaker = _Speaker(
            box,
            hostname="mail.halcyon.example",
            tls_context=trusted if may_wrap else None,
            require_starttls=may_wrap,
            auth_required=may_wrap,
            authenticator=_let_in if may_wrap else None,
            loop=loop,
        )
        speakers.append(speaker)
        return speaker

    serving = await loop.create_server(speak, "127.0.0.1", 0, ssl=trusted if is_wrapped else None)
    box.port = serving.sockets[0].getsockname()[1]
    try:
        with pytest.MonkeyPatch.context() as trusting:
            trusting.setenv("SSL_CERT_FILE", str(file))
            yield box
    finally:
        serving.close()
        await serving.wait_closed()
        for speaker in speakers:
            if speaker.transport is not None:
                speaker.transport.close()
                await speaker.lost.wait()
