"""Queue a link to be mailed by the hub, which tells it to nobody else.

Whoever has it mailed cannot answer it in the addressee's stead.  The address and the link lie
sealed under a key of their own, and go with it once the mail is sent, or a day later.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

import msgspec

from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.mint_link import LinkOut, MintedLink, mint_link
from consentid.keyring import wrapping
from consentid.keyring.deriving import Job, derived_key
from consentid.kit.errors import UnavailableError
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import HOUR, SECOND, Instant
from consentid.links.asking import Question
from consentid.store import clock, mails
from consentid.telemetry.tracing import step

KEPT_H: Final = 24
_LABEL: Final = b"mail/1\0"
_ADDRESS: Final = b"mail-address/1\0"


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail as it lies sealed."""

    to: str
    title: str
    text: str
    html: str
    language: str
    subject: bytes | None
    """Whose answer it asks for; None: whoever opens it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The words of a mail."""

    title: str
    text: str
    html: str


Write: TypeAlias = Callable[[MintedLink], Written]
"""Puts a link into words, in the language meant."""


@step("mail_link")
async def mail_link(
    context: Context,
    caller: Caller,
    question: Question,
    *,
    address: str,
    lifetime_s: int,
    write: Write,
) -> LinkOut:
    """Mint a link and queue it.

    Raises:
        MalformedError, ForbiddenError: see ``mint_link``.
        UnavailableError: no mail server is set up, or the database cannot be reached.
    """
    if context.settings.smtp_host is None:
        raise UnavailableError(
            "mail_unavailable",
            "This hub sends no mail: set CONSENTID_SMTP_HOST, or send the link yourself.",
            retry_after_s=3_600,
        )
    made = await mint_link(context, caller, question, lifetime_s=lifetime_s)
    words = write(made)
    async with context.database.writing() as connection:
        now = await clock.now(connection)
        id_ = uuid7(now, context.randomness(RANDOM_BYTES))
        wrapped, sealed = _seal(
            context,
            id_,
            Mail(
                to=address,
                title=words.title,
                text=words.text,
                html=words.html,
                language=made.notice().language,
                subject=None if caller.subject is None else caller.subject.bytes,
            ),
        )
        await mails.add(
            connection,
            id_,
            wrapped=wrapped,
            sealed=sealed,
            at=now,
            until=Instant(now + min(KEPT_H * HOUR, lifetime_s * SECOND)),
        )
    return LinkOut(expires_at=made.expires_at, mailed=True)


def address_mark(context: Context, address: str) -> str:
    """What an address is counted under: a keyed hash, of use to nobody else.

    What follows a ``+`` goes to the same mailbox nearly everywhere, so it does not count.
    """
    key = derived_key(context.keyring.master, Job.MAIL)
    name, _, domain = address.lower().rpartition("@")
    mailbox = f"{name.partition('+')[0] or name}@{domain}".encode()
    return hmac.new(key, _ADDRESS + mailbox, hashlib.sha256).hexdigest()


def _seal(context: Context, id_: UUID, mail: Mail) -> tuple[bytes, bytes]:
    key = wrapping.new_subject_key(context.randomness)
    wrapped = wrapping.wrap(
        context.keyring.master, id_.bytes, key, nonce=context.randomness(wrapping.NONCE_BYTES)
    )
    sealed = wrapping.seal(
        key,
        msgspec.msgpack.encode(mail),
        nonce=context.randomness(wrapping.NONCE_BYTES),
        aad=_LABEL + id_.bytes,
    )
    return wrapped, sealed


def open_mail(context: Context, row: mails.MailRow) -> Mail:
    """A queued mail, to be sent."""
    key = wrapping.unwrap(context.keyring.master, row.id.bytes, row.wrapped)
    opened = wrapping.open_sealed(key, row.sealed, aad=_LABEL + row.id.bytes)
    return msgspec.msgpack.decode(opened, type=Mail)
