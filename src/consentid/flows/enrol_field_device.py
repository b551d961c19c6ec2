"""Enrol a capture device: somebody allowed invites it by a code, and it answers with a key.

The code is typed on the device within a quarter of an hour, is good for one key, and is stored
hashed.  The device makes the key and keeps it: only its public half comes here, with a proof that
the other half is there.  A device that lost the answer may ask again with the same key.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.context import Context
from consentid.flows.field_keys import read_key
from consentid.flows.stage_act import Noting
from consentid.flows.typed_code import make_typed_code, read_typed_code
from consentid.kit.errors import (
    ConflictError,
    ForbiddenError,
    MalformedError,
    NotFoundError,
    UnauthenticatedError,
)
from consentid.kit.instants import MINUTE, Instant
from consentid.oidc.shown_text import is_plain
from consentid.store import clients, clock, field_devices
from consentid.store.clients import Client
from consentid.store.field_devices import FieldDevice
from consentid.telemetry.tracing import step
from consentid.tokens import capture_bundle, device_proof
from consentid.tokens.reasons import Inactive

CODE_MIN: Final = 15
SCOPE: Final = "captures:write"
"""What a client needs whose devices capture."""
_ID_BYTES: Final = 8
_ID_LENGTH: Final = 12
_LABEL: Final = b"field-code/1\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A device to be, and the code that enrols it, shown this once."""

    device: str
    code: str
    ends_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """What a device learns of itself."""

    device: FieldDevice
    issuer: str


async def invite_device(
    connection: AsyncConnection, noted: Noting, *, client_id: str, name: str
) -> Invitation:
    """Invite a device to capture for a client; the caller commits before it tells the code.

    Raises:
        NotFoundError: there is no such client.
        ForbiddenError: the client may not capture.
        MalformedError: the name is none that can be shown: signs that turn or hide what is around.
    """
    if not is_plain(name):
        raise MalformedError("bad_name", "Write a name in plain letters.", where="name")
    client = await clients.find(connection, client_id)
    if client is None:
        raise NotFoundError("client_unknown", "There is no client of this name.", where="client")
    if not may_capture(client):
        raise ForbiddenError(
            "insufficient_scope", f"{client_id} is not registered for {SCOPE}.", where="client"
        )
    now = await clock.now(connection)
    ends_at = Instant(now + CODE_MIN * MINUTE)
    code = make_typed_code(noted.randomness)
    device = base64.b32encode(noted.randomness(_ID_BYTES)).decode().lower()[:_ID_LENGTH]
    await field_devices.add(
        connection,
        device,
        client_id=client_id,
        name=name,
        code_hash=_hash(code.replace("-", "")),
        head=capture_bundle.first_digest(device),
        at=now,
        until=ends_at,
    )
    await noted.note(connection, "field/invite", at=now, device=device, client=client_id)
    return Invitation(device=device, code=code, ends_at=ends_at)


@step("enrol_field_device")
async def enrol_field_device(
    context: Context,
    *,
    unverified_code: str,
    unverified_x: str,
    unverified_y: str,
    unverified_proof: str,
) -> Enrolled:
    """Let a device in that has the code, and the key that it shows.

    Raises:
        UnauthenticatedError: the code is not good, or not any more, or the proof does not hold.
        MalformedError: the key is none.
        ConflictError: the key is another device's.
    """
    key, kept = read_key(unverified_x, unverified_y)
    proof = device_proof.open_enrolment(unverified_proof, key)
    if isinstance(proof, Inactive):
        raise UnauthenticatedError(
            "bad_proof", f"The key does not prove itself ({proof.reason}).", where="proof"
        )
    code = read_typed_code(unverified_code)
    async with context.database.writing() as connection:
        issuer = (await context.book(connection)).group.issuer
        if proof.claims.aud != issuer or proof.claims.code != unverified_code:
            raise UnauthenticatedError(
                "bad_proof", "The proof is not of this code for this hub.", where="proof"
            )
        now = await clock.now(connection)
        device = None
        if code is not None:
            device = await field_devices.find_invited(connection, _hash(code))
        if device is None or device.revoked_at is not None or device.code_expires_at <= now:
            raise _no_code()
        if device.public_key is None:
            if await field_devices.is_key_known(connection, kept):
                raise ConflictError("key_known", "Another device has this key.", where="key")
            await field_devices.enrol(connection, device.id, kept, at=now)
        elif device.public_key != kept:
            raise _no_code()
    return Enrolled(device=device, issuer=issuer)


def may_capture(client: Client) -> bool:
    """Whether a client's devices may capture now."""
    return client.disabled_at is None and SCOPE in client.scopes


def _no_code() -> UnauthenticatedError:
    return UnauthenticatedError(
        "bad_code",
        f"This code enrols no device: it was used, is older than {CODE_MIN} minutes, or mistyped.",
        where="code",
    )


def _hash(text: str) -> bytes:
    return hashlib.sha256(_LABEL + text.encode()).digest()
