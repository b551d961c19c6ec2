"""What a client asks of a person who is elsewhere: at whose address it waits, and what is sealed.

The address is a keyed hash of the client's party and of its own word for the person.  Whether there
is such a person is not looked up when a client asks: who comes and looks is known, and finds what
waits at their addresses.  So what a client is told is the same for everybody, and so is the time
that it takes.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.decision import SubjectId
from consentid.core.party import Party
from consentid.flows.context import Context
from consentid.flows.hub_session import Visitor
from consentid.flows.interaction_state import ApprovalTask
from consentid.flows.open_subject import seal_for
from consentid.keyring import wrapping
from consentid.keyring.deriving import Job, derived_key
from consentid.kit.errors import GoneError
from consentid.kit.instants import Instant
from consentid.store import device_codes
from consentid.store.device_codes import DeviceCodeStatus
from consentid.tokens.pairwise import pairwise_sub

PAGE: Final = "/approvals"
"""Where a person finds what waits for them: short, to be read out."""
_ADDRESS: Final = b"approval/1\0"
_ASKED: Final = b"approval/asked/1\0"


class AskedElsewhere(msgspec.Struct, frozen=True, array_like=True):
    """What a person is shown, besides what the client asks for."""

    message: str
    """What the agent reads out, letter by letter."""
    capture: bytes | None = None
    """What the client says that they said; None where it captured nothing."""


def address_of(context: Context, party: Party, sub: str) -> bytes:
    """Where questions of a party wait for whom it calls ``sub``.  32 bytes."""
    key = derived_key(context.keyring.master, Job.IDENTITY)
    return hmac.digest(key, _ADDRESS + f"{party}\0{sub}".encode(), hashlib.sha256)


def own_address(context: Context, party: Party, subject: SubjectId) -> bytes:
    """The same, of a person who is known.  32 bytes."""
    sub = pairwise_sub(context.keyring.pairwise, str(party), subject.bytes)
    return address_of(context, party, sub)


def own_addresses(context: Context, book: Book, subject: SubjectId) -> Mapping[bytes, Party]:
    """Every address of a person: one for each brand and partner."""
    return {own_address(context, party, subject): party for party in book.catalogue.parties}


async def check_asked(
    context: Context,
    connection: AsyncConnection,
    task: ApprovalTask,
    party: Party,
    visitor: Visitor,
    *,
    now: Instant,
) -> None:
    """Insist that whoever looks is the person whom ``party`` asks, and that the question waits.

    Raises:
        GoneError: they are somebody else or signed out, or it was answered, or took too long.
    """
    session = visitor.session
    is_theirs = (
        session is not None
        and visitor.login is not None
        and own_address(context, party, session.subject.id) == task.addressee
    )
    code = await device_codes.find(connection, task.code_hash)
    waits = code is not None and code.status is DeviceCodeStatus.PENDING and code.expires_at > now
    if not is_theirs or not waits:
        raise gone()


def gone() -> GoneError:
    """It is not there for whoever looks, any more or at all."""
    return GoneError("approval_gone", "This question waits for nobody here: look at your list.")


def seal_asked(context: Context, asked: AskedElsewhere, *, code_hash: bytes) -> bytes:
    """Seal what is shown: nobody's key can, before somebody has answered."""
    return seal_for(
        context, _hubs_key(context), msgspec.msgpack.encode(asked), aad=_ASKED + code_hash
    )


def open_asked(context: Context, sealed: bytes, *, code_hash: bytes) -> AskedElsewhere:
    """What is shown."""
    body = wrapping.open_sealed(_hubs_key(context), sealed, aad=_ASKED + code_hash)
    return msgspec.msgpack.decode(body, type=AskedElsewhere)


def _hubs_key(context: Context) -> bytes:
    return derived_key(context.keyring.master, Job.REFERENCE)
