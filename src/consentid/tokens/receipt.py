"""A receipt as a format: what it holds, and what its signature is over.

The signature is a compact JWS of its own, whose one claim beside the issuer is the SHA-256 of the
receipt's canonical JSON (RFC 8785) without ``signature`` and ``proof``: any JOSE library checks it,
and the proof of inclusion can be added later by whoever has one.  Members may be added; a reader
keeps those it does not know, as they are signed too.

Spec: RFC 7515; ISO/IEC TS 27560 section 7 (receipt).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from msgspec import Meta

from consentid.kit import canonical
from consentid.kit.errors import MalformedError
from consentid.tokens import jws
from consentid.tokens.reasons import Inactive

SCHEMA: Final = "consentid/receipt/1"
TYPE: Final = "consent-receipt+jwt"
MAX_BYTES: Final = 65_536
_MAX_SIGNATURE: Final = 1_024
_UNSIGNED: Final = frozenset({"signature", "proof"})


class Receipt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A receipt.  ``record`` and ``leaf`` are hashed as canonical JSON (RFC 8785)."""

    schema: str
    issuer: str
    decision: str
    """The decision's id in the holder's sector."""
    recorded_at: str
    controllers: list[dict[str, str]]
    """The legal entities that answer for those the notice named."""
    purposes: list[dict[str, str]] | None = None
    """What each choice of the record means in law: ``basis``, of GDPR art. 6(1), and of consent its
    ``status``: given, refused, or withdrawn.  None in receipts that are older than this."""
    record: dict[str, Any]
    salt: str
    """Hexadecimal, 32 bytes."""
    commitment: str
    """SHA-256(tag || salt || record).  Hexadecimal, 32 bytes."""
    log: str
    """The transparency log in which the commitment is staged."""
    leaf: dict[str, Any]
    """The log's entry: what carries the commitment there."""
    signature: str | None = None
    """Compact JWS, type ``consent-receipt+jwt``: ``iss``, and ``receipt``, the digest of all else
    but ``proof``.  Hexadecimal, 32 bytes."""
    proof: str | None = None
    """That the leaf is in the log, once it is.  Spec: C2SP tlog-proof."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What the signature says."""

    iss: Annotated[str, Meta(max_length=512)]
    receipt: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unverified:
    """A receipt as it was read."""

    receipt: Receipt
    digest: bytes
    """What its signature has to name.  32 bytes."""


_claims: Final = msgspec.json.Decoder(Claims)


def digest_of(document: Mapping[str, Any]) -> bytes:
    """SHA-256 over the canonical form of what is signed of a receipt.  32 bytes.

    Raises:
        ValueError: it has no canonical form.
    """
    return canonical.digest({name: document[name] for name in document if name not in _UNSIGNED})


def unsigned(receipt: Receipt, kid: str) -> bytes:
    """The bytes to sign."""
    digest = digest_of(msgspec.to_builtins(receipt))
    claims = Claims(iss=receipt.issuer, receipt=digest.hex())
    return jws.signing_input(typ=TYPE, kid=kid, payload=msgspec.json.encode(claims))


assemble = jws.assemble


def read(unverified: bytes) -> Unverified:
    """Read a receipt without believing it.

    Raises:
        MalformedError: it is none, or two parsers might read it differently.
    """
    if len(unverified) > MAX_BYTES:
        raise _bad(f"a receipt has at most {MAX_BYTES} bytes")
    try:
        document = jws.parse_strictly(unverified)
        receipt = msgspec.convert(document, Receipt)
        digest = digest_of(document)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        raise _bad(f"{message}.", where=path.strip("`").removeprefix("$.") or "receipt") from error
    except (ValueError, RecursionError) as error:
        raise _bad("it is not JSON in UTF-8, whole, with each member once") from error
    if receipt.schema != SCHEMA:
        raise _bad(f"its schema is not {SCHEMA}", where="schema")
    return Unverified(receipt=receipt, digest=digest)


def open_signature(
    unverified_signature: str, keys: Mapping[str, EllipticCurvePublicKey]
) -> jws.Signed[Claims] | Inactive:
    """What a receipt's signature says, under a key that is known; else why not."""
    return jws.open_signed(
        unverified_signature,
        typ=TYPE,
        max_length=_MAX_SIGNATURE,
        read=_claims.decode,
        keys=keys,
    )


def _bad(message: str, *, where: str = "receipt") -> MalformedError:
    return MalformedError("bad_receipt", message, where=where)
