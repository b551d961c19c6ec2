"""Receipts by hand: fixed keys, a log of five entries, and whatever a test changes."""

import hashlib
from typing import Any
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.ledger.naive import Tree
from tests.tokens.making import ISSUER, KEY, KEYS, KID, sign

from consentid.kit import canonical
from consentid.kit.instants import Instant
from consentid.ledger import bundle, checkpoint, note
from consentid.ledger.bundle import Bundle
from consentid.ledger.checkpoint import Checkpoint
from consentid.ledger.commitment import commit
from consentid.ledger.leaf import Kind, encode_leaf
from consentid.ledger.note import Note, NoteKey
from consentid.ledger.tree import leaf_hash
from consentid.tokens import receipt as receipts
from consentid.tokens.receipt import Receipt
from consentid.verify.receipts import Trusted

ORIGIN = "consent.halcyon.example/ledger"
LOG_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
AT = Instant(1_790_000_000_000_000)
ID = UUID("01890000-0000-7000-8000-000000000001")
SALT = bytes(range(32))
INDEX, SIZE = 2, 5
RECORD: dict[str, Any] = {
    "v": 1,
    "id": str(ID),
    "choices": [{"purpose": "ads", "outcome": "granted"}],
    "reach": "group",
    "recorded_at": AT,
    "signal": None,
    "adopted_from": None,
}


def log_key(origin: str = ORIGIN, key: Ed25519PrivateKey = LOG_KEY) -> NoteKey:
    return NoteKey(name=origin, public=key.public_key().public_bytes_raw())


TRUSTED = Trusted(issuer=ISSUER, keys=KEYS, logs=(log_key(),))


def make(**changed: object) -> Receipt:
    """A receipt as it is first answered: signed, not proven."""
    commitment = commit(SALT, canonical.encode(RECORD))
    leaf = encode_leaf(kind=Kind.DECISION, event_id=ID, at=AT, origin=ORIGIN, commitment=commitment)
    receipt = Receipt(
        schema=receipts.SCHEMA,
        issuer=ISSUER,
        decision="d" * 22,
        recorded_at="2026-09-21T14:13:20Z",
        controllers=[{"party": "brand/news", "legal_entity": "Halcyon News SAS"}],
        record=RECORD,
        salt=SALT.hex(),
        commitment=commitment.hex(),
        log=ORIGIN,
        leaf=msgspec.json.decode(leaf),
    )
    return signed(msgspec.structs.replace(receipt, **changed))


def signed(receipt: Receipt, kid: str = KID) -> Receipt:
    signing_input = receipts.unsigned(receipt, kid)
    signature = receipts.assemble(signing_input, sign(signing_input, KEY))
    return msgspec.structs.replace(receipt, signature=signature)


def prove(
    receipt: Receipt,
    *,
    origin: str = ORIGIN,
    index: int = INDEX,
    size: int = SIZE,
    signers: tuple[Ed25519PrivateKey, ...] = (LOG_KEY,),
    names: tuple[Ed25519PrivateKey, ...] | None = None,
) -> str:
    """A proof of it; ``names`` are whose keys the signature lines name."""
    entry = canonical.encode(receipt.leaf)
    hashes = [hashlib.sha256(b"\0other %d" % place).digest() for place in range(SIZE)]
    hashes[INDEX] = leaf_hash(entry)
    tree = Tree(hashes)
    text = checkpoint.encode(Checkpoint(origin=origin, size=size, root=tree.head(0, SIZE)))
    lines = tuple(
        note.sign_with(log_key(origin, named), key.sign(text.encode()))
        for key, named in zip(signers, names or signers, strict=True)
    )
    proof = tuple(tree.path(INDEX, 0, SIZE))
    signed_note = note.format_note(Note(text=text, signatures=lines))
    return bundle.encode(Bundle(index=index, proof=proof, note=signed_note))


def proven(receipt: Receipt | None = None) -> Receipt:
    receipt = receipt or make()
    return msgspec.structs.replace(receipt, proof=prove(receipt))


def encoded(receipt: Receipt) -> bytes:
    return msgspec.json.format(msgspec.json.encode(receipt), indent=2)
