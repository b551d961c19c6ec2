"""Check a receipt with nothing but public keys: what it opens, who signed it, where it is logged.

Every check says how it went, and ``Findings.verdict`` what that comes to.  Whoever gives the
issuer's token keys asks for the signature, whoever gives the keys of its logs for the proof.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from consentid.kit import canonical
from consentid.kit.errors import MalformedError
from consentid.ledger import bundle
from consentid.ledger.bundle import Bundle
from consentid.ledger.commitment import commit
from consentid.ledger.leaf import VERSION, Kind
from consentid.ledger.note import NoteKey
from consentid.tokens import receipt as receipts
from consentid.tokens.reasons import Inactive, Reason
from consentid.tokens.receipt import Receipt, Unverified


class Subject(StrEnum):
    """What is checked, in this order."""

    FORM = "form"
    ISSUER = "issuer"
    COMMITMENT = "commitment"
    """Salt and record make the commitment."""
    LEAF = "leaf"
    """The log's entry carries it, and speaks of this very decision."""
    SIGNATURE = "signature"
    INCLUSION = "inclusion"
    """The entry is in the log, and the log's key signed its root."""


class Outcome(StrEnum):
    """How a check went."""

    HOLDS = "holds"
    FAILS = "fails"
    UNTOLD = "untold"
    """It cannot be told with what is at hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check, and how it went."""

    subject: Subject
    outcome: Outcome
    detail: str
    """In English; nothing of what was decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """What a receipt is held against; what is None or empty is not asked for."""

    issuer: str | None = None
    keys: Mapping[str, EllipticCurvePublicKey] | None = None
    """The issuer's ES256 keys by name, as ``tokens.jwks.read_keys`` has them."""
    logs: Sequence[NoteKey] = ()
    """The keys of the issuer's logs, had by another way than the receipt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Every check that was made."""

    checks: tuple[Check, ...]
    receipt: Receipt | None
    """None where it is no receipt at all."""
    proven: Bundle | None = None
    """Where in the log it is; None where that was not shown."""
    size: int | None = None
    """How large the log was then."""

    @property
    def verdict(self) -> Outcome:
        """Fails where one check fails; holds where somebody vouches for it.

        That is the signature where it was asked for: the proof speaks of the record alone.
        """
        outcomes = {each.subject: each.outcome for each in self.checks}
        if Outcome.FAILS in outcomes.values():
            return Outcome.FAILS
        return outcomes.get(Subject.SIGNATURE, outcomes.get(Subject.INCLUSION, Outcome.UNTOLD))


class _Leaf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    v: int
    kind: Kind
    id: str
    time: int
    origin: str
    commitment: str


def check_receipt(unverified: bytes, trusted: Trusted, *, proof: str | None = None) -> Findings:
    """Check a receipt; ``proof`` is one that was had apart, where the receipt has none."""
    try:
        found = receipts.read(unverified)
    except MalformedError as error:
        return Findings(checks=(_told(Subject.FORM, error),), receipt=None)
    receipt = found.receipt
    checks = [_holds(Subject.FORM, f"a receipt ({receipt.schema})")]
    if trusted.issuer is not None:
        checks.append(_issuer(receipt, trusted.issuer))
    checks += (_commitment(receipt), _leaf(receipt))
    if trusted.keys is not None:
        checks.append(_signature(found, trusted.keys))
    if not trusted.logs:
        return Findings(checks=tuple(checks), receipt=receipt)
    unverified_proof = receipt.proof or proof
    if unverified_proof is None:
        told = "it carries no proof yet: get one from its issuer"
        checks.append(_untold(Subject.INCLUSION, told))
        return Findings(checks=tuple(checks), receipt=receipt)
    try:
        proven, size = _inclusion(receipt, unverified_proof, trusted.logs)
    except MalformedError as error:
        checks.append(_told(Subject.INCLUSION, error))
        return Findings(checks=tuple(checks), receipt=receipt)
    origin = proven.note.partition("\n")[0]
    checks.append(
        _holds(Subject.INCLUSION, f"at index {proven.index} among the {size} entries of {origin}")
    )
    return Findings(checks=tuple(checks), receipt=receipt, proven=proven, size=size)


def _issuer(receipt: Receipt, issuer: str) -> Check:
    if receipt.issuer != issuer:
        return _fails(Subject.ISSUER, f"issued by somebody else, not by {issuer}")
    return _holds(Subject.ISSUER, issuer)


def _commitment(receipt: Receipt) -> Check:
    try:
        opened = commit(bytes.fromhex(receipt.salt), canonical.encode(receipt.record))
    except ValueError:
        return _fails(Subject.COMMITMENT, "the salt is not 32 bytes in hexadecimal")
    if opened.hex() != receipt.commitment:
        return _fails(Subject.COMMITMENT, "record and salt do not make the commitment")
    return _holds(Subject.COMMITMENT, "record and salt make the commitment")


def _leaf(receipt: Receipt) -> Check:
    record = receipt.record
    try:
        leaf = msgspec.convert(receipt.leaf, _Leaf)
    except msgspec.ValidationError:
        return _fails(Subject.LEAF, "the log's entry is none")
    kind = Kind.DECISION if record.get("signal") is None else Kind.SIGNAL
    if record.get("adopted_from") is not None:
        kind = Kind.CLAIM
    said = (leaf.v, leaf.kind, leaf.id, leaf.time, leaf.origin, leaf.commitment)
    if said != (
        VERSION,
        kind,
        record.get("id"),
        record.get("recorded_at"),
        receipt.log,
        receipt.commitment,
    ):
        return _fails(Subject.LEAF, "the log's entry speaks of another record")
    return _holds(Subject.LEAF, "the log's entry carries the commitment")


def _signature(found: Unverified, keys: Mapping[str, EllipticCurvePublicKey]) -> Check:
    if found.receipt.signature is None:
        return _untold(Subject.SIGNATURE, "it carries no signature: get it from its issuer again")
    opened = receipts.open_signature(found.receipt.signature, keys)
    if isinstance(opened, Inactive):
        if opened.reason is Reason.UNKNOWN_KEY:
            return _untold(
                Subject.SIGNATURE,
                "signed with a key that is not published any more, or never was: get the receipt "
                "from its issuer again",
            )
        return _fails(Subject.SIGNATURE, f"the signature does not hold ({opened.reason})")
    if (opened.claims.iss, opened.claims.receipt) != (found.receipt.issuer, found.digest.hex()):
        return _fails(Subject.SIGNATURE, "it is the signature of another receipt")
    return _holds(Subject.SIGNATURE, f"signed by {found.receipt.issuer} with key {opened.kid}")


def _inclusion(
    receipt: Receipt, unverified_proof: str, logs: Sequence[NoteKey]
) -> tuple[Bundle, int]:
    found = bundle.decode(unverified_proof)
    # A log that continues another has a name of its own, and a key under that name.
    origin = found.note.partition("\n")[0]
    keys = [key for key in logs if key.name == origin]
    if not keys:
        names = ", ".join(key.name for key in logs)
        raise MalformedError(
            "foreign_origin", f"the proof is of another log, not of {names}", where="origin"
        )
    entry = canonical.encode(receipt.leaf)
    checkpoint, _ = bundle.check(found, entry, origin=origin, keys=keys)
    return found, checkpoint.size


def _told(subject: Subject, error: MalformedError) -> Check:
    where = "" if error.where is None else f" ({error.where})"
    return _fails(subject, f"{error.message}{where}")


def _holds(subject: Subject, detail: str) -> Check:
    return Check(subject=subject, outcome=Outcome.HOLDS, detail=detail)


def _fails(subject: Subject, detail: str) -> Check:
    return Check(subject=subject, outcome=Outcome.FAILS, detail=detail)


def _untold(subject: Subject, detail: str) -> Check:
    return Check(subject=subject, outcome=Outcome.UNTOLD, detail=detail)
