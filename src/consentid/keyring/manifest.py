"""The public manifest ``keyring.json``: which keys exist, for what, in which state, since when.

Holds no secret; what ``/jwks.json`` publishes is made from it alone.  Spec: RFC 7517 for ``jwk``.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from consentid.keyring import files
from consentid.kit import instants
from consentid.kit.errors import MalformedError
from consentid.kit.instants import Instant

NAME: Final = "keyring.json"


class Use(StrEnum):
    """What a key signs."""

    CONSENT = "consent"
    """Consent tokens and status lists, with ES256."""
    ID = "id"
    """ID tokens, with RS256."""


class Algorithm(StrEnum):
    """One per key, fixed when it is made."""

    ES256 = "ES256"
    RS256 = "RS256"


_PUBLIC_MEMBERS: Final = frozenset({"kid", "use", "alg", "kty", "crv", "x", "y", "n", "e"})
"""None of them private: what the manifest holds is published as it stands."""

ALGORITHMS: Final = {Use.CONSENT: Algorithm.ES256, Use.ID: Algorithm.RS256}


class State(StrEnum):
    """Where a key is in its life.  In every state it is published."""

    NEXT = "next"
    """Published so that verifiers know it before it signs."""
    ACTIVE = "active"
    RETIRED = "retired"
    """Signs no more; published until all that it signed has expired."""


class KeyEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key of the manifest."""

    kid: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,12}\Z")]
    use: Use
    alg: Algorithm
    state: State
    created_at: datetime
    activated_at: datetime | None = None
    retired_at: datetime | None = None
    jwk: dict[str, str]
    """The public key, as it is published."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All keys that are published."""

    version: Literal[1]
    keys: tuple[KeyEntry, ...]

    def only(self, use: Use, state: State) -> KeyEntry:
        """The one key in this use and state.  There is exactly one next and one active."""
        return next(key for key in self.keys if key.use is use and key.state is state)


def read(folder: Path) -> Manifest:
    """Read and check the manifest.

    Raises:
        NotFoundError: there is none.
        MalformedError: it is not one, or the states of its keys do not fit together.
    """
    try:
        manifest = msgspec.json.decode(files.read_public(folder / NAME), type=Manifest)
    except ValueError as error:
        raise MalformedError("bad_keyring", f"{NAME}: {error}", where=NAME) from error
    check(manifest.keys)
    return manifest


def write(folder: Path, keys: Iterable[KeyEntry]) -> Manifest:
    """Replace the manifest.  Call within ``files.locked``; private files come first."""
    manifest = Manifest(version=1, keys=tuple(keys))
    check(manifest.keys)
    content = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    files.replace(folder / NAME, content)
    return manifest


def check(keys: Iterable[KeyEntry]) -> None:
    """Check that each use has one next and one active key, and that names and kinds fit.

    Raises:
        MalformedError: naming the key or use.
    """
    entries = tuple(keys)
    if len({key.kid for key in entries}) != len(entries):
        raise MalformedError("bad_keyring", "a key's name is there twice", where=NAME)
    for use in Use:
        for state in (State.NEXT, State.ACTIVE):
            if sum(key.use is use and key.state is state for key in entries) != 1:
                raise MalformedError(
                    "bad_keyring", f"there must be exactly one {state} key for {use}", where=NAME
                )
    for key in entries:
        if not _PUBLIC_MEMBERS.issuperset(key.jwk):
            raise MalformedError(
                "bad_keyring", "jwk holds more than a public key", where=f"{NAME}: {key.kid}"
            )
        named = (key.jwk.get("kid"), key.jwk.get("alg"))
        if key.alg is not ALGORITHMS[key.use] or named != (key.kid, key.alg):
            raise MalformedError(
                "bad_keyring", "use, alg and jwk do not fit together", where=f"{NAME}: {key.kid}"
            )


def moment(instant: Instant) -> datetime:
    """The instant as the manifest writes it."""
    return instants.to_datetime(instant)
