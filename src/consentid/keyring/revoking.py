"""Revoke keys that are in wrong hands: they go at once, and others take their places.

Where the active key goes, the next one signs, which verifiers know; where that goes too, a fresh
one, which they look up when they meet it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from consentid.keyring import files, manifest
from consentid.keyring.generating import make_key
from consentid.keyring.manifest import KeyEntry, Manifest, State, Use
from consentid.keyring.rotating import activate
from consentid.kit import instants
from consentid.kit.errors import NotFoundError
from consentid.kit.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """What became of the keyring, by key names."""

    manifest: Manifest
    activated: tuple[str, ...]
    created: tuple[str, ...]
    removed: tuple[str, ...]
    """No longer published."""


def revoke(folder: Path, kids: Collection[str], *, now: Instant) -> Replaced:
    """Take keys out of the keyring, and destroy their private halves; names not in it do nothing.

    Raises:
        NotFoundError: there is no keyring in the folder.
    """
    with files.locked(folder):
        before = manifest.read(folder)
        gone = {each.kid for each in before.keys if each.kid in kids}
        if not gone:
            return Replaced(manifest=before, activated=(), created=(), removed=())
        kept: list[KeyEntry] = []
        for use in Use:
            kept += _fill(folder, before, use, gone, now)
        kept += [
            each for each in before.keys if each.state is State.RETIRED and each.kid not in gone
        ]
        after = manifest.write(folder, kept)
        # Only now: until the manifest was replaced, they were the keyring's.
        for kid in sorted(gone):
            files.remove(folder / f"{kid}.pem")
    known = {each.kid: each.state for each in before.keys}
    return Replaced(
        manifest=after,
        activated=tuple(
            each.kid
            for each in after.keys
            if each.state is State.ACTIVE and known.get(each.kid) is not State.ACTIVE
        ),
        created=tuple(each.kid for each in after.keys if each.kid not in known),
        removed=tuple(each.kid for each in before.keys if each.kid in gone),
    )


def _fill(
    folder: Path, before: Manifest, use: Use, gone: Collection[str], now: Instant
) -> list[KeyEntry]:
    """The active and the next key of a use, fresh ones where there are none."""
    active, following = before.only(use, State.ACTIVE), before.only(use, State.NEXT)
    found = [each for each in (active, following) if each.kid not in gone]
    if not found:
        found = [make_key(folder, use=use, state=State.ACTIVE, now=now)]
    elif found[0].state is State.NEXT:
        found = [activate(found[0], now)]
    if len(found) == 1:
        found.append(make_key(folder, use=use, state=State.NEXT, now=now))
    return found


def stolen_since(
    entries: Collection[KeyEntry], kids: Collection[str], stolen_at: Instant | None
) -> Mapping[str, Instant | None]:
    """Since when each may be in wrong hands: as it is said, or since a folder's entry was made.

    None of what is not in the folder, unless that is said.
    """
    made = {each.kid: instants.from_datetime(each.created_at) for each in entries}
    return {kid: made.get(kid) if stolen_at is None else stolen_at for kid in kids}


def unknown_keys(kids: Collection[str]) -> NotFoundError:
    """Nothing is known of these names."""
    return NotFoundError(
        "key_unknown",
        f"no key {', '.join(sorted(kids))} is in the folder: see `consentid keys list`; one that"
        " left it is revoked with the time since when it was stolen",
        where="KID",
    )
