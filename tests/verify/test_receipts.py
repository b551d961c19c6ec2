"""A receipt holds as it was given, and as nothing else."""

from dataclasses import replace

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.tokens.making import ISSUER
from tests.verify.receipt_making import (
    LOG_KEY,
    ORIGIN,
    RECORD,
    SIZE,
    TRUSTED,
    encoded,
    log_key,
    make,
    prove,
    proven,
    signed,
)

from consentid.tokens.receipt import MAX_BYTES, Receipt
from consentid.verify.receipts import Findings, Outcome, Subject, Trusted, check_receipt

HOLDS, FAILS, UNTOLD = Outcome.HOLDS, Outcome.FAILS, Outcome.UNTOLD
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(32))


def outcomes(found: Findings) -> dict[Subject, Outcome]:
    return {each.subject: each.outcome for each in found.checks}


def failing(found: Findings) -> dict[Subject, str]:
    return {each.subject: each.detail for each in found.checks if each.outcome is FAILS}


def with_proof(proof: str) -> bytes:
    return encoded(msgspec.structs.replace(make(), proof=proof))


def test_a_signed_and_proven_receipt_holds_in_every_check() -> None:
    found = check_receipt(encoded(proven()), TRUSTED)
    assert outcomes(found) == dict.fromkeys(Subject, HOLDS)
    assert found.verdict is HOLDS
    assert found.proven is not None
    assert (found.proven.index, found.size) == (2, SIZE)


def test_a_proof_had_apart_does_as_well() -> None:
    found = check_receipt(encoded(make()), TRUSTED, proof=prove(make()))
    assert outcomes(found)[Subject.INCLUSION] is HOLDS


def test_before_it_is_in_the_log_the_signature_vouches_for_it() -> None:
    found = check_receipt(encoded(make()), TRUSTED)
    assert outcomes(found)[Subject.INCLUSION] is UNTOLD
    assert (found.verdict, found.proven) == (HOLDS, None)


def test_with_the_logs_key_alone_the_proof_vouches_for_it() -> None:
    assert check_receipt(encoded(proven()), replace(TRUSTED, keys=None)).verdict is HOLDS
    assert check_receipt(encoded(make()), replace(TRUSTED, keys=None)).verdict is UNTOLD


def test_nobody_vouches_for_it_where_no_key_is_known() -> None:
    assert check_receipt(encoded(proven()), Trusted(issuer=ISSUER)).verdict is UNTOLD
    unknown = check_receipt(encoded(proven()), replace(TRUSTED, keys={}))
    assert outcomes(unknown)[Subject.SIGNATURE] is UNTOLD
    assert unknown.verdict is UNTOLD
    unsigned = msgspec.structs.replace(proven(), signature=None)
    assert check_receipt(encoded(unsigned), TRUSTED).verdict is UNTOLD


def test_what_a_later_release_adds_is_signed_too() -> None:
    document = msgspec.json.decode(encoded(proven()))
    document["more"] = 1
    found = check_receipt(msgspec.json.encode(document), TRUSTED)
    assert "another receipt" in failing(found)[Subject.SIGNATURE]


CHANGES: dict[str, tuple[Receipt, Subject]] = {
    "another issuer": (make(issuer="https://evil.example"), Subject.ISSUER),
    "another record": (make(record={**RECORD, "reach": "brand/news"}), Subject.COMMITMENT),
    "another salt": (make(salt="00" * 32), Subject.COMMITMENT),
    "a short salt": (make(salt="00"), Subject.COMMITMENT),
    "a salt in other letters": (make(salt="zz" * 32), Subject.COMMITMENT),
    "another commitment": (make(commitment="00" * 32), Subject.LEAF),
    "another log": (make(log="evil.example/ledger"), Subject.LEAF),
    "no entry": (make(leaf={}), Subject.LEAF),
    "an entry of another kind": (make(leaf={**make().leaf, "kind": "claim"}), Subject.LEAF),
    "an entry of another time": (make(leaf={**make().leaf, "time": 1}), Subject.LEAF),
    "controllers put in later": (
        msgspec.structs.replace(make(), controllers=[]),
        Subject.SIGNATURE,
    ),
    "another token's signature": (
        msgspec.structs.replace(make(), signature="a.b.c"),
        Subject.SIGNATURE,
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_changed_is_found_and_named(change: str) -> None:
    receipt, subject = CHANGES[change]
    found = check_receipt(encoded(receipt), TRUSTED)
    assert found.verdict is FAILS
    assert subject in failing(found)


PROOFS: dict[str, tuple[str, str]] = {
    "beyond the tree": (prove(make(), index=SIZE), "a tree of 5 leaves has none at 5"),
    "of no entries": (prove(make(), index=0, size=0), "a tree with a leaf in it"),
    "at another index": (prove(make(), index=1), "does not lead to the root"),
    "of a larger tree": (prove(make(), size=9), "too short"),
    "of another origin": (
        prove(make(), origin="evil.example/ledger"),
        f"of another log, not of {ORIGIN}",
    ),
    "by another key": (prove(make(), signers=(STRANGER,)), "no signature of a known key"),
    "with a second signature that is wrong": (
        prove(make(), signers=(LOG_KEY, STRANGER), names=(LOG_KEY, LOG_KEY)),
        f"the signature of {ORIGIN} is wrong",
    ),
    "cut short": (prove(make())[:60], "bundle"),
    "without a hash": (
        "\n".join(line for place, line in enumerate(prove(make()).split("\n")) if place != 2),
        "proof",
    ),
    "nothing": ("", "proof begins with"),
}


@pytest.mark.parametrize("kind", PROOFS)
def test_a_bad_proof_is_told_by_what_is_wrong_with_it(kind: str) -> None:
    proof, told = PROOFS[kind]
    found = check_receipt(with_proof(proof or "-"), TRUSTED)
    assert found.verdict is FAILS
    if kind != "cut short":
        assert told in failing(found)[Subject.INCLUSION]


def test_a_signature_of_a_stranger_beside_the_logs_spoils_nothing() -> None:
    proof = prove(make(), signers=(LOG_KEY, STRANGER))
    assert check_receipt(with_proof(proof), TRUSTED).verdict is HOLDS


def test_a_log_that_continues_another_proves_it_under_its_own_name() -> None:
    proof = prove(make(), origin=f"{ORIGIN}/2")
    trusted = replace(TRUSTED, logs=(log_key(f"{ORIGIN}/2"), log_key()))
    assert check_receipt(with_proof(proof), trusted).verdict is HOLDS


BAD: dict[str, bytes] = {
    "nothing": b"",
    "text": b"a receipt",
    "not UTF-8": b"\xff" + encoded(make()),
    "an array": b"[]",
    "a member missing": b'{"schema": "consentid/receipt/1"}',
    "a member twice": encoded(make()).replace(b'"log":', b'"issuer": "x", "log":'),
    "another schema": encoded(make(schema="consentid/receipt/2")),
    "a float": encoded(make()).replace(b'"v": 1', b'"v": 1.5', 1),
    "a number too large": encoded(make()).replace(b'"v": 1', b'"v": 9007199254740993', 1),
    "no number": encoded(make()).replace(b'"v": 1', b'"v": NaN', 1),
    "nesting": b"[" * 30_000,
    "too much": encoded(make()) + b" " * MAX_BYTES,
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_receipt_is_told(kind: str) -> None:
    found = check_receipt(BAD[kind], TRUSTED)
    assert outcomes(found) == {Subject.FORM: FAILS}
    assert (found.verdict, found.receipt) == (FAILS, None)


def test_a_key_of_another_name_is_not_tried() -> None:
    found = check_receipt(encoded(signed(make(), kid="key-2")), TRUSTED)
    assert outcomes(found)[Subject.SIGNATURE] is UNTOLD
