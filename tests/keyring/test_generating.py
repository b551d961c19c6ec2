import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests.keyring.living import (
    CrashError,
    again,
    crash_at,
)

from consentid.keyring import manifest
from consentid.keyring.generating import LEDGER, MASTER, PAIRWISE
from consentid.keyring.ledger_key import load_ledger_key
from consentid.keyring.loading import load
from consentid.kit.errors import (
    ConflictError,
    NotFoundError,
)


def test_private_files_are_ours_alone_and_the_manifest_holds_nothing_private(
    folder: Path,
) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes.pop(manifest.NAME) == 0o644
    assert set(modes.values()) == {0o600}
    assert len(modes) == 7
    for key in json.loads((folder / manifest.NAME).read_text())["keys"]:
        assert {"d", "p", "q", "dp", "dq", "qi"}.isdisjoint(key["jwk"])


def test_generating_again_changes_nothing(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert again(folder).created == ()
    after = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}
    assert after == before


def test_a_keyring_of_an_earlier_release_gets_the_logs_key_and_keeps_the_rest(folder: Path) -> None:
    first = load_ledger_key(folder)
    assert Ed25519PublicKey.from_public_bytes(first.public).verify(first.sign(b"a"), b"a") is None
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}
    (folder / LEDGER).unlink()
    with pytest.raises(NotFoundError, match="keys generate"):
        load_ledger_key(folder)
    assert again(folder).created == (LEDGER,)
    assert load_ledger_key(folder).public != first.public
    assert (folder / LEDGER).stat().st_mode & 0o777 == 0o600
    after = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}
    assert {**after, LEDGER: b""} == {**before, LEDGER: b""}


@pytest.mark.parametrize("name", [PAIRWISE, MASTER])
def test_a_lost_secret_is_not_made_anew(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ConflictError, match="restore its backup"):
        again(folder)
    with pytest.raises(NotFoundError, match="restore it"):
        load(folder)


def test_a_secret_brought_along_is_kept(tmp_path: Path, folder: Path) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    secret = (folder / PAIRWISE).read_bytes()
    (moved / PAIRWISE).write_bytes(secret)
    (moved / PAIRWISE).chmod(0o600)
    assert PAIRWISE not in again(moved).created
    assert (moved / PAIRWISE).read_bytes() == secret


@pytest.mark.parametrize("after", [False, True])
def test_acrash_at_any_step_of_generating_is_mended_by_generating_again(
    tmp_path: Path, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret: bytes | None = None
    for step in (1, 2, 3, 4, 6, 8, 10, 14, 18, 22, 26, 30, 34):
        folder = tmp_path / str(step)
        with monkeypatch.context() as patched:
            crash_at(patched, step, after=after)
            try:
                again(folder)
            except CrashError:
                secret = (folder / PAIRWISE).read_bytes() if (folder / PAIRWISE).exists() else None
            else:
                break
        again(folder)
        assert load(folder).pairwise
        if secret is not None:
            assert (folder / PAIRWISE).read_bytes() == secret, "never overwritten"
