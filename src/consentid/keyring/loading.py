"""Load a keyring into memory, and notice when the folder holds a newer one."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NewType

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from consentid.keyring import files, manifest, signing
from consentid.keyring.generating import MASTER, PAIRWISE, SECRET_BYTES
from consentid.keyring.manifest import KeyEntry, State, Use
from consentid.keyring.signing import SigningKey
from consentid.kit import base64url
from consentid.kit.errors import MalformedError, NotFoundError, UnavailableError
from consentid.tokens import jwks

Stamp = NewType("Stamp", tuple[int, int, int])
"""Which manifest a folder holds: inode, size, time of change."""

_PUBLISHED_ORDER: Final = (State.ACTIVE, State.NEXT, State.RETIRED)
_ATTEMPTS: Final = 5
_WITHOUT_KEY_S: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """Keys as they were when loaded."""

    folder: Path
    stamp: Stamp
    entries: tuple[KeyEntry, ...]
    signing_keys: Mapping[Use, SigningKey] = field(repr=False)
    pairwise: bytes = field(repr=False)
    """Makes ``sub``.  32 bytes."""
    master: bytes = field(repr=False)
    """Wraps subjects' keys.  32 bytes."""

    def active(self, use: Use | str) -> SigningKey:
        """The key that signs now for this use.

        Raises:
            UnavailableError: it was revoked, and so was the next one.
        """
        found = self.signing_keys.get(Use(use))
        if found is None:
            raise UnavailableError(
                "no_signing_key",
                f"the keys for {Use(use)} were revoked, and {self.folder} holds no other yet",
                retry_after_s=_WITHOUT_KEY_S,
            )
        return found

    def without(self, revoked: AbstractSet[str]) -> "Keyring":
        """The same without some keys, in use nowhere: the next one signs where the active one did.

        Raises:
            NotFoundError, MalformedError: as ``load``, of that next one.
        """
        if revoked.isdisjoint(each.kid for each in self.entries):
            return self
        kept = tuple(each for each in self.entries if each.kid not in revoked)
        signing_keys = {
            use: key for use, key in self.signing_keys.items() if key.kid not in revoked
        }
        for each in kept:
            if each.state is State.NEXT and each.use not in signing_keys:
                signing_keys[each.use] = _load_key(self.folder, each)
        return replace(self, entries=kept, signing_keys=signing_keys)

    def public_jwks(self) -> dict[str, list[dict[str, str]]]:
        """What ``/jwks.json`` serves: active, next and retired keys.  Spec: RFC 7517 section 5."""
        return jwks_of(self.entries)

    def verifying_keys(self) -> Mapping[str, EllipticCurvePublicKey]:
        """The published ES256 keys by name, as ``tokens.verifying.verify`` takes them."""
        return jwks.read_keys(msgspec.json.encode(self.public_jwks()))

    def changed(self) -> bool:
        """Whether the folder holds another manifest than this one: then ``load`` again."""
        return stamp(self.folder) != self.stamp


def jwks_of(entries: Iterable[KeyEntry]) -> dict[str, list[dict[str, str]]]:
    """The public keys of a folder's entries, in the order in which they are published."""
    ordered = sorted(entries, key=lambda key: _PUBLISHED_ORDER.index(key.state))
    return {"keys": [dict(key.jwk) for key in ordered]}


def load(folder: Path) -> Keyring:
    """Load the keyring of a folder.

    Raises:
        NotFoundError: the folder, the manifest or a file that it needs is missing.
        MalformedError: a file is open to others, or not what it should be.
    """
    for _ in range(_ATTEMPTS - 1):
        seen = stamp(folder)
        try:
            return _load(folder, seen)
        except NotFoundError:
            # A rotation between reading the manifest and the key removed what was active.
            if stamp(folder) == seen:
                raise
    return _load(folder, stamp(folder))


def stamp(folder: Path) -> Stamp:
    """Which manifest the folder holds now.  Cheap enough to ask each second.

    Raises:
        NotFoundError: there is none.
    """
    try:
        status = (folder / manifest.NAME).stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(
            "no_keyring",
            f"{folder} holds no {manifest.NAME}: run `consentid keys generate`",
            where=manifest.NAME,
        ) from error
    return Stamp((status.st_ino, status.st_size, status.st_mtime_ns))


def _load(folder: Path, seen: Stamp) -> Keyring:
    found = manifest.read(folder)
    return Keyring(
        folder=folder,
        stamp=seen,
        entries=found.keys,
        signing_keys={use: _load_key(folder, found.only(use, State.ACTIVE)) for use in Use},
        pairwise=load_secret(folder / PAIRWISE),
        master=load_secret(folder / MASTER),
    )


def _load_key(folder: Path, entry: KeyEntry) -> SigningKey:
    name = f"{entry.kid}.pem"
    key = signing.from_pem(entry.kid, entry.alg, files.read_private(folder / name))
    if key.jwk() != entry.jwk:
        raise MalformedError(
            "key_mismatch", f"{name} is not the key that {manifest.NAME} publishes", where=name
        )
    return key


def load_secret(path: Path) -> bytes:
    """A secret of 32 bytes.

    Raises:
        NotFoundError: it is not there.
        MalformedError: it is open to others, or not what it should be.
    """
    try:
        secret = base64url.decode(files.read_private(path).strip())
    except ValueError as error:
        raise MalformedError(
            "bad_key_file", f"{path.name} is not base64url", where=path.name
        ) from error
    if len(secret) != SECRET_BYTES:
        raise MalformedError(
            "bad_key_file", f"{path.name} must hold {SECRET_BYTES} bytes", where=path.name
        )
    return secret
