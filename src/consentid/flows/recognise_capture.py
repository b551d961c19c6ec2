"""Know a capture again: by the key that it was sent under, and by the evidence that it rests on.

Sent again with all that was said the first time it is the same capture; with anything else, a key
is misused, and evidence is good for one capture only: a document by its digest, whichever client of
a brand or partner hands it in and whatever they call it, else by the client's own name for it.  All
of it is kept as keyed hashes.
"""

import hashlib
import hmac
from dataclasses import dataclass

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.flows.context import Context
from consentid.flows.new_capture import NewCapture
from consentid.flows.open_subject import OpenSubject
from consentid.keyring.deriving import Job, derived_key
from consentid.kit import canonical
from consentid.kit.errors import ConflictError, MalformedError
from consentid.store import captures
from consentid.store.captures import CaptureRow
from consentid.store.clients import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What a capture is known by.  32 bytes each."""

    client_id: str
    key: bytes
    operator: bytes
    evidence: bytes | None
    """None where the evidence has neither a reference nor a digest."""
    digest: bytes
    """Of all that was said."""


def marks_of(
    context: Context, client: Client, new: NewCapture, *, person: OpenSubject | None, key: bytes
) -> Marks:
    """What a capture that is handed in is known by."""
    secret = derived_key(context.keyring.master, Job.CAPTURE)

    def keyed(what: str, said: canonical.Json, *, of: str = client.client_id) -> bytes:
        message = f"{what}\0{of}\0".encode() + canonical.encode(said)
        return hmac.digest(secret, message, hashlib.sha256)

    evidence = new.evidence
    document, known_by = None, None
    if evidence.digest is not None:
        document = evidence.digest.hex()
        known_by = keyed("document", document, of=str(client.party))
    elif evidence.reference is not None:
        known_by = keyed("evidence", evidence.reference)
    return Marks(
        client_id=client.client_id,
        key=key,
        operator=keyed("operator", new.operator),
        evidence=known_by,
        digest=keyed(
            "capture",
            {
                "person": None if person is None else str(person.id),
                "asked": str(new.asked),
                "notice": msgspec.structs.asdict(new.notice),
                "choices": [[each.purpose, each.outcome] for each in new.choices],
                "channel": new.channel,
                "operator": new.operator,
                "evidence": [evidence.kind, evidence.version, evidence.reference, document],
                "claimed": None if new.claimed is None else new.claimed.at,
            },
        ),
    )


async def find_before(connection: AsyncConnection, marks: Marks) -> CaptureRow | None:
    """The same capture, handed in before; None where this is the first time.

    Raises:
        MalformedError: the key was used for another one.
        ConflictError: the evidence was.
    """
    row = await captures.find_same(connection, client_id=marks.client_id, key_hash=marks.key)
    if row is None and marks.evidence is not None:
        row = await captures.find_by_evidence(connection, marks.evidence)
    if row is None or hmac.compare_digest(row.digest, marks.digest):
        return row
    if row.key_hash == marks.key:
        raise MalformedError(
            "idempotency_key_reused",
            "This Idempotency-Key was sent before with another request: use a fresh one for each.",
            where="Idempotency-Key",
        )
    raise ConflictError(
        "evidence_used",
        "This evidence was handed in before for something else: each capture has its own.",
        where="evidence",
    )
