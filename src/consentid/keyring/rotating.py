"""Rotate the signing keys: next becomes active, active becomes retired, a new next is made.

No verifier ever meets an unknown key: a key signs only after it was published for as long as a
verifier may cache the key set, and a retired key stays published until all that it signed expired.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec

from consentid.keyring import files, manifest
from consentid.keyring.generating import make_key
from consentid.keyring.manifest import KeyEntry, Manifest, State, Use
from consentid.kit.canonical import Json
from consentid.kit.errors import ConflictError, RateLimitedError
from consentid.kit.instants import Instant
from consentid.tokens import consent, jwks

PUBLISH_AHEAD_S: Final = jwks.CACHE_S
KEEP_RETIRED_S: Final = consent.MAX_LIFETIME_S + 7_200
"""The longest token, and two hours for nodes that still sign with the old key, and for clocks."""
_MOST: Final = 60
"""That are published: half of what is read of a manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What the rotation did, by key names."""

    manifest: Manifest
    activated: tuple[str, ...]
    retired: tuple[str, ...]
    created: tuple[str, ...]
    removed: tuple[str, ...]
    """No longer published."""

    @property
    def act(self) -> Mapping[str, Json]:
        """What the log says of it."""
        return {
            "act": "keys/rotate",
            "active": list(self.activated),
            "removed": list(self.removed),
        }


def rotate(
    folder: Path, *, now: Instant, force: bool = False, active: Collection[str] | None = None
) -> Rotated:
    """Rotate the keys of every use.

    ``force`` skips the wait for verifiers to learn the next key; those that cache the key set
    look again when they meet it.  ``active`` are those that sign as far as the caller knows.

    Raises:
        RateLimitedError: a next key is too young, or too many are published; ``retry_after_s``
            says when it will do.
        ConflictError: others than ``active`` sign.
        NotFoundError: there is no keyring in the folder.
    """
    with files.locked(folder):
        before = manifest.read(folder)
        _refuse_unseen(before, active)
        if not force:
            _refuse_early(before, now)
        retired = [key for key in before.keys if key.state is State.RETIRED and _is_kept(key, now)]
        _refuse_many(retired, now)
        kept: list[KeyEntry] = []
        created: list[str] = []
        for use in Use:
            kept.append(_retire(before.only(use, State.ACTIVE), now))
            kept.append(activate(before.only(use, State.NEXT), now))
            newest = make_key(folder, use=use, state=State.NEXT, now=now)
            kept.append(newest)
            created.append(newest.kid)
        kept += retired
        after = manifest.write(folder, kept)
        was_active = [before.only(use, State.ACTIVE).kid for use in Use]
        # Only now: until the manifest was replaced, the old keys were the keyring's.
        for kid in was_active:
            files.remove(folder / f"{kid}.pem")
        published = {key.kid for key in after.keys}
        return Rotated(
            manifest=after,
            activated=tuple(after.only(use, State.ACTIVE).kid for use in Use),
            retired=tuple(was_active),
            created=tuple(created),
            removed=tuple(key.kid for key in before.keys if key.kid not in published),
        )


def _refuse_early(before: Manifest, now: Instant) -> None:
    youngest = max(before.only(use, State.NEXT).created_at for use in Use)
    ready = youngest + timedelta(seconds=PUBLISH_AHEAD_S)
    wait = ready - manifest.moment(now)
    if wait > timedelta(0):
        seconds = -(-wait // timedelta(seconds=1))
        raise RateLimitedError(
            "next_key_too_young",
            f"verifiers may not know the next key yet: rotate in {seconds} s, or "
            "force it (--force; by program: force)",
            retry_after_s=seconds,
        )


def _refuse_unseen(before: Manifest, active: Collection[str] | None) -> None:
    signing = {before.only(use, State.ACTIVE).kid for use in Use}
    if active is not None and set(active) != signing:
        raise ConflictError(
            "keys_changed",
            f"{', '.join(sorted(signing))} sign now: they were rotated since, or replaced. Look "
            "at the keys again.",
            where="active",
        )


def _refuse_many(retired: Sequence[KeyEntry], now: Instant) -> None:
    """The manifest is read to a bound, and verifiers fetch all that it publishes."""
    if len(retired) + 3 * len(Use) <= _MOST:
        return
    leaving = min(key.retired_at for key in retired if key.retired_at is not None)
    wait = leaving + timedelta(seconds=KEEP_RETIRED_S) - manifest.moment(now)
    seconds = max(1, -(-wait // timedelta(seconds=1)))
    raise RateLimitedError(
        "keys_many",
        f"{len(retired)} retired keys are still published: rotate in {seconds} s, when the oldest "
        "is no more",
        retry_after_s=seconds,
    )


def _retire(key: KeyEntry, now: Instant) -> KeyEntry:
    return msgspec.structs.replace(key, state=State.RETIRED, retired_at=manifest.moment(now))


def activate(key: KeyEntry, now: Instant) -> KeyEntry:
    """A key that signs from now on."""
    return msgspec.structs.replace(key, state=State.ACTIVE, activated_at=manifest.moment(now))


def _is_kept(key: KeyEntry, now: Instant) -> bool:
    if key.retired_at is None:
        return True
    return manifest.moment(now) - key.retired_at < timedelta(seconds=KEEP_RETIRED_S)
