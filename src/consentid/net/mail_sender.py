"""Hand a mail to the operator's own SMTP server, and tell what came of it.

The standard library's client in a thread: it is kept with the language, and mails are few.  What it
says of a failure names addresses, so only its kind and the server's number are told.  The server
proves its name to whoever this machine trusts (``SSL_CERT_FILE`` adds to that).
Spec: RFC 5321, RFC 3207 (STARTTLS), RFC 8314 (implicit TLS).
"""

import asyncio
import contextlib
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Final

WITHIN_S: Final = 20.0
_PERMANENT: Final = range(500, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mails are handed in, and by whom."""

    host: str
    port: int
    tls: str
    """``starttls``, ``tls``, or ``none``, which is for this machine alone."""
    sender: str
    """What the mail says it is from."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What came of it."""

    outcome: str
    """``sent``, or why not, in words that show nothing of it."""
    is_taken: bool
    is_refused: bool = False
    """Whether trying again is of no use."""


async def send_mail(server: MailServer, message: EmailMessage) -> Handed:
    """Hand in one mail to one addressee, within some twenty seconds a step."""
    return await asyncio.to_thread(_send, server, message)


def _send(server: MailServer, message: EmailMessage) -> Handed:
    try:
        _hand_in(server, message)
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        return _not_sent(error, codes[0] if codes else None)
    except smtplib.SMTPResponseException as error:
        is_theirs = isinstance(error, smtplib.SMTPDataError | smtplib.SMTPSenderRefused)
        return _not_sent(error, error.smtp_code, is_theirs=is_theirs)
    except (smtplib.SMTPException, OSError) as error:
        return _not_sent(error, None)
    return Handed(outcome="sent", is_taken=True)


def _hand_in(server: MailServer, message: EmailMessage) -> None:
    client = _connect(server)
    try:
        if server.user is not None:
            client.login(server.user, server.password or "")
        client.send_message(message)
        with contextlib.suppress(smtplib.SMTPException, OSError):
            client.quit()  # it is taken, however they part
    finally:
        client.close()


def _connect(server: MailServer) -> smtplib.SMTP:
    """A connection that nobody reads along, or none."""
    if server.tls == "none":
        return smtplib.SMTP(server.host, server.port, timeout=WITHIN_S)
    trusted = ssl.create_default_context()
    if server.tls == "tls":
        return smtplib.SMTP_SSL(server.host, server.port, timeout=WITHIN_S, context=trusted)
    client = smtplib.SMTP(server.host, server.port, timeout=WITHIN_S)
    try:
        client.starttls(context=trusted)
    except BaseException:
        client.close()
        raise
    return client


def _not_sent(error: Exception, code: int | None, *, is_theirs: bool = True) -> Handed:
    """A no for good to this mail ends it; one to us, such as a wrong password, may be mended."""
    return Handed(
        outcome=type(error).__name__ if code is None else f"{type(error).__name__} {code}",
        is_taken=False,
        is_refused=is_theirs and code in _PERMANENT,
    )
