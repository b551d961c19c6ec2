"""Reading a client's public keys: a JWK set in its table, or in a file beside it.

Public keys only, each with the one algorithm that it signs with; whoever holds a private or a
symmetric key has no business writing it down here.  Spec: RFC 7517, RFC 7518 section 6.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias, cast

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from consentid.brandbook.client import ClientKey, KeyAlgorithm
from consentid.kit import base64url

MAX_KEYS: Final = 8
MAX_FILE_BYTES: Final = 65_536
_MIN_RSA_BITS: Final = 2_048
_MAX_RSA_BITS: Final = 4_096
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_MEMBERS: Final = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}
_ALGORITHMS: Final = {
    "EC": frozenset({KeyAlgorithm.ES256}),
    "RSA": frozenset({KeyAlgorithm.RS256, KeyAlgorithm.PS256}),
}
_OTHER_MEMBERS: Final = frozenset({"kid", "alg", "use", "key_ops"})
_KID: Final = re.compile(r"[A-Za-z0-9._~-]{1,64}", re.ASCII)
_COORDINATE_BYTES: Final = 32

Place: TypeAlias = tuple[str | int, ...]


class BadKeyError(ValueError):
    """A key that will not do.  ``place`` is where in the set, ``remedy`` what would be right."""

    def __init__(self, place: Place, message: str, remedy: str) -> None:
        super().__init__(message)
        self.place: Place = place
        self.message: str = message
        self.remedy: str = remedy


def read_key_file(path: Path) -> tuple[ClientKey, ...]:
    """Read a JWK set from a file.

    Raises:
        BadKeyError: there is no such file, it is no JWK set, or a key in it will not do.
    """
    try:
        raw = path.read_bytes()
        if len(raw) > MAX_FILE_BYTES:
            raise BadKeyError((), "the file is too large", f"at most {MAX_FILE_BYTES} bytes")
        document: object = json.loads(raw)
    except OSError as error:
        raise BadKeyError(
            (), "there is no such file", "write a JSON Web Key Set beside this file"
        ) from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, BadKeyError):
            raise
        raise BadKeyError((), "the file is not JSON", "write a JSON Web Key Set") from error
    return read_keys(document)


def read_keys(document: object) -> tuple[ClientKey, ...]:
    """Read a JWK set.

    Raises:
        BadKeyError: it is none, or a key in it will not do.
    """
    keys = cast("dict[str, object]", document).get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not keys:
        raise BadKeyError((), "this is no JSON Web Key Set", "write { keys = [{ ... }] }")
    entries = cast("list[object]", keys)
    if len(entries) > MAX_KEYS:
        raise BadKeyError(("keys",), "there are too many keys", f"keep {MAX_KEYS} at most")
    found: dict[str, ClientKey] = {}
    for index, entry in enumerate(entries):
        key = _read_key(entry, ("keys", index))
        if key.kid in found:
            raise BadKeyError(
                ("keys", index), f'the name "{key.kid}" is taken', "give each key its own kid"
            )
        found[key.kid] = key
    return tuple(found.values())


def _read_key(entry: object, place: Place) -> ClientKey:
    if not isinstance(entry, dict):
        raise BadKeyError(place, "this is no JSON Web Key", 'write { kty = "EC", ... }')
    jwk = cast("dict[str, object]", entry)
    private = sorted(_PRIVATE & jwk.keys())
    kty, alg = jwk.get("kty"), jwk.get("alg")
    if private or kty == "oct":
        raise BadKeyError(
            (*place, *private[:1]),
            "a private or symmetric key must never stand here",
            "write its public half, and replace the key: whoever read this file has it",
        )
    if not isinstance(kty, str) or kty not in _MEMBERS:
        raise BadKeyError((*place, "kty"), "an unknown kind of key", 'write "EC" or "RSA"')
    if not isinstance(alg, str) or alg not in _ALGORITHMS[kty]:
        known = " or ".join(f'"{each}"' for each in sorted(_ALGORITHMS[kty]))
        raise BadKeyError(
            (*place, "alg"), f"a key of kind {kty} must name its one algorithm", f"write {known}"
        )
    kid = jwk.get("kid")
    if not isinstance(kid, str) or _KID.fullmatch(kid) is None:
        raise BadKeyError(
            (*place, "kid"),
            "each key needs a name",
            'write kid: letters, digits, ".", "_", "~" and "-", 64 at most',
        )
    if jwk.get("use", "sig") != "sig":
        raise BadKeyError((*place, "use"), "the key is to sign with", 'write "sig"')
    unknown = sorted(jwk.keys() - _OTHER_MEMBERS - set(_MEMBERS[kty]))
    if unknown:
        raise BadKeyError((*place, unknown[0]), "unknown member", "remove it")
    members = {name: jwk.get(name) for name in _MEMBERS[kty]}
    if not all(isinstance(value, str) for value in members.values()):
        missing = next(name for name, value in members.items() if not isinstance(value, str))
        raise BadKeyError((*place, missing), "this is missing, or no text", f"write {missing}")
    texts = cast("dict[str, str]", members)
    try:
        _check_numbers(texts)
    except ValueError as error:
        raise BadKeyError(
            place,
            f"this is no {kty} key that may be used here",
            f"use P-256, or RSA of {_MIN_RSA_BITS} to {_MAX_RSA_BITS} bits",
        ) from error
    return ClientKey(kid=kid, alg=KeyAlgorithm(alg), members=texts)


def _check_numbers(members: Mapping[str, str]) -> None:
    if members["kty"] == "EC":
        x, y = base64url.decode(members["x"]), base64url.decode(members["y"])
        if members["crv"] != "P-256" or {len(x), len(y)} != {_COORDINATE_BYTES}:
            msg = "not P-256"
            raise ValueError(msg)
        EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), SECP256R1()).public_key()
        return
    n, e = (int.from_bytes(base64url.decode(members[name])) for name in ("n", "e"))
    if not _MIN_RSA_BITS <= n.bit_length() <= _MAX_RSA_BITS or e.bit_length() > 32:  # noqa: PLR2004 - as cryptography's own key generation
        msg = "not an RSA key of a fair size"
        raise ValueError(msg)
    RSAPublicNumbers(e, n).public_key()
