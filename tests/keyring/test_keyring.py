"""Generate, rotate, load: one folder through its life."""

import json
import multiprocessing
import os
import secrets
import signal
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.tokens.making import AUDIENCE, ISSUER, NOW, claims, consent

from consentid.keyring import manifest
from consentid.keyring.generating import MASTER, PAIRWISE, Generated, generate
from consentid.keyring.loading import Keyring, load
from consentid.keyring.manifest import State, Use
from consentid.keyring.rotating import KEEP_RETIRED_S, PUBLISH_AHEAD_S, Rotated, rotate
from consentid.kit import base64url
from consentid.kit.errors import (
    ConflictError,
    ConsentidError,
    MalformedError,
    NotFoundError,
    RateLimitedError,
)
from consentid.kit.instants import HOUR, SECOND, Instant
from consentid.tokens import verifying

START = Instant(NOW * SECOND)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, int]]:
    """A fresh keyring's files, made once: RSA keys take their time."""
    folder = tmp_path_factory.mktemp("made")
    generate(folder, now=START, randomness=secrets.token_bytes)
    return {
        path.name: (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in folder.iterdir()
        if path.name != ".lock"
    }


@pytest.fixture
def folder(tmp_path: Path, made: dict[str, tuple[bytes, int]]) -> Path:
    for name, (content, mode) in made.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(mode)
    return tmp_path


def again(folder: Path) -> Generated:
    return generate(folder, now=START, randomness=secrets.token_bytes)


def rotated(folder: Path, *, hours: int = 1, force: bool = False) -> Rotated:
    return rotate(folder, now=Instant(START + hours * HOUR), force=force)


def issue(keyring: Keyring) -> str:
    key = keyring.active(Use.CONSENT)
    signing_input = consent.unsigned(claims(), key.kid)
    return consent.assemble(signing_input, key.sign(signing_input))


def verifies(token: str, keyring: Keyring) -> bool:
    found = verifying.verify(
        token, keys=keyring.verifying_keys(), issuer=ISSUER, audience=AUDIENCE, now_s=NOW
    )
    return isinstance(found, verifying.Verified)


def published(keyring: Keyring) -> set[str]:
    return {key["kid"] for key in keyring.public_jwks()["keys"]}


def test_a_new_keyring_signs_what_it_verifies(folder: Path) -> None:
    keyring = load(folder)
    assert verifies(issue(keyring), keyring)
    assert len(keyring.pairwise) == len(keyring.master) == 32
    assert keyring.pairwise != keyring.master


def test_an_id_key_signs_for_pyjwt(folder: Path) -> None:
    key = load(folder).active("id")
    signing_input = b"eyJhbGciOiJSUzI1NiJ9.e30"
    token = signing_input + b"." + base64url.encode(key.sign(signing_input)).encode()
    public = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert jwt.decode(token.decode(), public, algorithms=["RS256"]) == {}


def test_private_files_are_ours_alone_and_the_manifest_holds_nothing_private(
    folder: Path,
) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes.pop(manifest.NAME) == 0o644
    assert set(modes.values()) == {0o600}
    assert len(modes) == 6
    for key in json.loads((folder / manifest.NAME).read_text())["keys"]:
        assert {"d", "p", "q", "dp", "dq", "qi"}.isdisjoint(key["jwk"])


def test_nothing_secret_shows_in_a_representation(folder: Path) -> None:
    keyring = load(folder)
    shown = repr(keyring) + repr(keyring.active("consent"))
    assert repr(keyring.pairwise) not in shown
    assert "private" not in shown


def test_generating_again_changes_nothing(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert again(folder).created == ()
    after = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}
    assert after == before


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


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o644, 0o601])
@pytest.mark.parametrize("name", [PAIRWISE, MASTER, "pem"])
def test_a_private_file_open_to_others_is_refused(folder: Path, name: str, mode: int) -> None:
    if name == "pem":
        name = f"{load(folder).active('consent').kid}.pem"
    (folder / name).chmod(mode)
    with pytest.raises(MalformedError, match="chmod 600"):
        load(folder)


def test_a_folder_without_keys_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="keys generate"):
        load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"?", b"AAAA", b"AA==\n"])
def test_a_secret_of_the_wrong_form_is_refused(folder: Path, content: bytes) -> None:
    (folder / MASTER).write_bytes(content)
    with pytest.raises(MalformedError, match=r"master\.key"):
        load(folder)


def test_a_key_that_is_not_the_published_one_is_refused(folder: Path) -> None:
    found = manifest.read(folder)
    active, following = (found.only(Use.CONSENT, s).kid for s in (State.ACTIVE, State.NEXT))
    (folder / f"{active}.pem").write_bytes((folder / f"{following}.pem").read_bytes())
    with pytest.raises(MalformedError, match="publishes"):
        load(folder)


def test_a_manifest_with_a_private_member_is_refused(folder: Path) -> None:
    content = json.loads((folder / manifest.NAME).read_text())
    content["keys"][0]["jwk"]["d"] = "AA"
    (folder / manifest.NAME).write_text(json.dumps(content))
    with pytest.raises(MalformedError, match="more than a public key"):
        load(folder)


def test_a_manifest_without_a_next_key_is_refused(folder: Path) -> None:
    content = json.loads((folder / manifest.NAME).read_text())
    content["keys"] = [key for key in content["keys"] if key["state"] != "next"]
    (folder / manifest.NAME).write_text(json.dumps(content))
    with pytest.raises(MalformedError, match="exactly one next key"):
        load(folder)


def test_rotation_signs_with_the_key_that_was_published_before(folder: Path) -> None:
    before = load(folder)
    token = issue(before)
    done = rotated(folder)
    assert before.changed()
    after = load(folder)
    assert not after.changed()
    assert after.active("consent").kid == done.activated[0]
    assert verifies(issue(after), before), "a verifier with the old key set knows the new key"
    assert verifies(token, after), "a token of the retired key holds"
    assert not (folder / f"{before.active('consent').kid}.pem").exists()


def test_rotation_waits_until_verifiers_know_the_next_key(folder: Path) -> None:
    with pytest.raises(RateLimitedError) as refused:
        rotate(folder, now=Instant(START + PUBLISH_AHEAD_S * SECOND - 1))
    assert refused.value.retry_after_s == 1
    assert rotate(folder, now=START, force=True).activated


def test_a_retired_key_is_published_until_what_it_signed_has_expired(folder: Path) -> None:
    retired = rotated(folder, hours=1).retired
    kept_hours = KEEP_RETIRED_S // 3600
    rotated(folder, hours=kept_hours)
    assert published(load(folder)).issuperset(retired)
    done = rotated(folder, hours=1 + kept_hours)
    assert set(done.removed) == set(retired)
    assert published(load(folder)).isdisjoint(retired)


def test_a_compromised_key_is_published_no_more(folder: Path) -> None:
    before = load(folder)
    token = issue(before)
    rotate(folder, now=START, compromised=True)
    after = load(folder)
    assert not verifies(token, after)
    assert published(after).isdisjoint({key.kid for key in before.signing_keys.values()})


def _rotate_in_a_process(folder: Path, told: "multiprocessing.Queue[str]") -> None:
    try:
        rotated(folder)
    except ConsentidError as error:
        told.put(error.code)
    else:
        told.put("rotated")


def test_of_two_rotations_at_once_one_waits_and_is_then_refused(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    both = [context.Process(target=_rotate_in_a_process, args=(folder, told)) for _ in range(2)]
    for process in both:
        process.start()
    answers = sorted(told.get(timeout=60) for _ in both)
    for process in both:
        process.join()
    assert answers == ["next_key_too_young", "rotated"]
    assert load(folder).active("consent")


class CrashError(Exception):
    """What a test raises in place of a power cut."""


def _crash_at(monkeypatch: pytest.MonkeyPatch, step: int, *, after: bool) -> list[int]:
    """Raise at the n-th file operation, before it is done or once it is."""
    count = [0]
    for owner, name in (
        (os, "link"),
        (os, "fsync"),
        (Path, "rename"),
        (Path, "unlink"),
    ):
        real = getattr(owner, name)

        def counted(*args: object, _real: object = real, **named: object) -> object:
            count[0] += 1
            assert callable(_real)
            if count[0] == step and not after:
                raise CrashError
            answer = _real(*args, **named)
            if count[0] == step:
                raise CrashError
            return answer

        monkeypatch.setattr(owner, name, counted)
    return count


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_step_of_a_rotation_leaves_the_old_or_the_new_keyring(
    folder: Path, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = {path.name: path.read_bytes() for path in folder.iterdir()}
    old = published(load(folder))
    steps = 0
    while True:
        steps += 1
        for path in folder.iterdir():
            path.unlink()
        for name, content in start.items():
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o600)
        with monkeypatch.context() as patched:
            count = _crash_at(patched, steps, after=after)
            try:
                rotated(folder)
            except CrashError:
                pass
            else:
                assert count[0] < steps
                break
        keyring = load(folder)
        if published(keyring) == old:
            rotated(folder)
        assert published(load(folder)) > old
        with pytest.raises(RateLimitedError):
            rotated(folder)
    assert steps > 10


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_step_of_generating_is_mended_by_generating_again(
    tmp_path: Path, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret: bytes | None = None
    for step in (1, 2, 3, 4, 6, 8, 10, 14, 18, 22, 26, 30, 34):
        folder = tmp_path / str(step)
        with monkeypatch.context() as patched:
            _crash_at(patched, step, after=after)
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


def _rotate_for_ever(folder: Path) -> None:
    while True:
        rotate(folder, now=START, force=True)


def test_a_kill_amid_rotations_leaves_a_keyring_that_loads(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_rotate_for_ever, args=(folder,))
    before = load(folder)
    process.start()
    try:
        loaded = 0
        while loaded < 5:
            if before.changed():
                before = load(folder)
                loaded += 1
                assert verifies(issue(before), before)
    finally:
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    after = load(folder)
    assert verifies(issue(after), after)
    rotate(folder, now=START, force=True)
