"""Send what is queued, and forget it.

A mail that was taken and not settled, as when the process died, is taken again minutes later: it
may come twice, and is never lost.  What the server will not have for good is given up, and told of
in the log without a word of whose it was.
"""

import logging
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from typing import Final
from uuid import UUID

from consentid.core.decision import SubjectId
from consentid.flows.context import Context
from consentid.flows.mail_link import Mail, open_mail
from consentid.flows.open_subject import open_subject
from consentid.kit.instants import MINUTE, SECOND, Instant, to_datetime
from consentid.net.mail_sender import Handed, MailServer, send_mail
from consentid.store import clock, mails
from consentid.store.mails import MailRow

_log: Final = logging.getLogger("consentid.mail")
_AT_ONCE: Final = 10
_LEASE: Final = 5 * MINUTE
_PAUSES_S: Final = (30, 120, 600, 1_800, 3_600)


async def send_mails(context: Context) -> int:
    """Send those that are due, one after the other; how many were sent."""
    server = mail_server(context)
    if server is None:
        return 0
    sent = 0
    while True:
        async with context.database.writing() as connection:
            now = await clock.now(connection)
            taken = await mails.take(connection, at=now, until=Instant(now + _LEASE), most=_AT_ONCE)
        for row in taken:
            sent += await _send(context, server, row)
        if len(taken) < _AT_ONCE:
            return sent


def mail_server(context: Context) -> MailServer | None:
    """Where mails are handed in; None where none is set up."""
    chosen = context.settings
    if chosen.smtp_host is None or chosen.smtp_from is None:
        return None
    return MailServer(
        host=chosen.smtp_host,
        port=chosen.smtp_port,
        tls=chosen.smtp_tls,
        sender=chosen.smtp_from,
        user=chosen.smtp_user,
        password=chosen.smtp_password,
    )


async def _send(context: Context, server: MailServer, row: MailRow) -> int:
    mail = open_mail(context, row)
    if not await _is_wanted(context, mail):
        handed = Handed(outcome="nobody to send it to", is_taken=False, is_refused=True)
    else:
        handed = await send_mail(server, _message(server, mail, row))
    async with context.database.writing() as connection:
        if handed.is_taken or handed.is_refused:
            await mails.forget(connection, row.id)
        else:
            now = await clock.now(connection)
            pause_s = _PAUSES_S[min(row.attempts, len(_PAUSES_S)) - 1]
            await mails.put_off(connection, row.id, until=Instant(now + pause_s * SECOND))
    if not handed.is_taken:
        what = "given up" if handed.is_refused else "put off"
        _log.warning("a mail was %s after %d attempts: %s", what, row.attempts, handed.outcome)
    return int(handed.is_taken)


async def _is_wanted(context: Context, mail: Mail) -> bool:
    """Whether whom it is for is known still."""
    if mail.subject is None:
        return True
    async with context.database.reading() as connection:
        subject = SubjectId(UUID(bytes=mail.subject))
        return await open_subject(context, connection, subject) is not None


def _message(server: MailServer, mail: Mail, row: MailRow) -> EmailMessage:
    """Text first, the same as HTML after it; nothing in it is fetched from anywhere."""
    message = EmailMessage()
    message["From"] = server.sender
    message["To"] = mail.to
    message["Subject"] = mail.title
    message["Date"] = format_datetime(to_datetime(_made_at(row)))
    domain = parseaddr(server.sender)[1].rpartition("@")[2]
    message["Message-ID"] = make_msgid(idstring=row.id.hex, domain=domain)
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = mail.language
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def _made_at(row: MailRow) -> Instant:
    """When it was queued: its id says so.  Spec: RFC 9562 section 5.7."""
    return Instant((row.id.int >> 80) * 1_000)
