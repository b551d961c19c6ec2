"""Make a keyring: one active and one next key per use, and the three keys that never change."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from consentid.keyring import files, manifest, signing
from consentid.keyring.manifest import ALGORITHMS, KeyEntry, Manifest, State, Use
from consentid.kit import base64url
from consentid.kit.errors import ConflictError
from consentid.kit.instants import Instant

PAIRWISE: Final = "pairwise.key"
"""Makes ``sub``.  Never rotated: back it up apart from the database."""
MASTER: Final = "master.key"
"""Wraps each subject's own key.  Losing it loses every decision's body."""
LEDGER: Final = "ledger.key"
"""Signs the log's checkpoints: an Ed25519 seed.  Its public half is what auditors pin, so it is
never rotated; with another key the log begins anew under another origin.
"""
SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """What the folder holds now, and which files are new."""

    manifest: Manifest
    created: tuple[str, ...]


def generate(folder: Path, *, now: Instant, randomness: Callable[[int], bytes]) -> Generated:
    """Make what a keyring needs and the folder lacks.  Running it again changes nothing.

    ``randomness`` gives that many unguessable bytes.  The manifest is written last: where there
    is one, everything else was there, so a secret that is missing then was lost and is not made
    anew, which would give every subject another ``sub`` or make every decision unreadable.  Only
    the log's key is: keyrings of earlier releases have none, and where one was lost, the sequencer
    tells that this is another.

    Raises:
        ConflictError: a manifest is there, and a secret is missing.
        MalformedError: what is there cannot be read.
    """
    folder.mkdir(mode=files.FOLDER_MODE, parents=True, exist_ok=True)
    with files.locked(folder):
        if (folder / manifest.NAME).exists():
            for name in (PAIRWISE, MASTER):
                if not (folder / name).exists():
                    raise ConflictError(
                        "key_file_lost",
                        f"{name} is gone: restore its backup, a new one would fit nothing stored",
                        where=name,
                    )
            found = manifest.read(folder)
            return Generated(manifest=found, created=_make_secrets(folder, (LEDGER,), randomness))
        created = [*_make_secrets(folder, (PAIRWISE, MASTER, LEDGER), randomness)]
        entries: list[KeyEntry] = []
        for use in Use:
            for state in (State.ACTIVE, State.NEXT):
                entry = make_key(folder, use=use, state=state, now=now)
                entries.append(entry)
                created.append(f"{entry.kid}.pem")
        written = manifest.write(folder, entries)
        return Generated(manifest=written, created=(*created, manifest.NAME))


def _make_secrets(
    folder: Path, names: Sequence[str], randomness: Callable[[int], bytes]
) -> tuple[str, ...]:
    missing = tuple(name for name in names if not (folder / name).exists())
    for name in missing:
        secret = base64url.encode(randomness(SECRET_BYTES))
        files.create(folder / name, f"{secret}\n".encode())
    return missing


def make_key(folder: Path, *, use: Use, state: State, now: Instant) -> KeyEntry:
    """Make a key and write its private file.  Call within ``files.locked``."""
    key = signing.generate(ALGORITHMS[use])
    files.create(folder / f"{key.kid}.pem", signing.to_pem(key))
    return KeyEntry(
        kid=key.kid,
        use=use,
        alg=key.alg,
        state=state,
        created_at=manifest.moment(now),
        activated_at=manifest.moment(now) if state is State.ACTIVE else None,
        jwk=key.jwk(),
    )
