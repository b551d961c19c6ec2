import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from tests.keyring.living import (
    START,
    CrashError,
    crash_at,
    issue,
    published,
    rotated,
    verifies,
)

from consentid.keyring import files, manifest
from consentid.keyring.loading import load
from consentid.keyring.manifest import State
from consentid.keyring.rotating import KEEP_RETIRED_S, PUBLISH_AHEAD_S, rotate
from consentid.kit.errors import (
    RateLimitedError,
)
from consentid.kit.instants import HOUR, SECOND, Instant


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


def test_who_rotates_without_end_is_stopped_before_the_manifest_is_too_large(folder: Path) -> None:
    rotated(folder)
    known = manifest.read(folder).keys
    retired = [each for each in known if each.state is State.RETIRED]
    kept = [each for each in known if each.state is not State.RETIRED]
    for number in range(27):
        for each in retired:
            kid = f"{number:02}{each.use:x>10}"
            renamed = msgspec.structs.replace(each, kid=kid, jwk={**each.jwk, "kid": kid})
            kept.append(renamed)
    manifest.write(folder, kept)
    assert len(rotated(folder, force=True).manifest.keys) == 60
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(RateLimitedError) as refused:
        rotated(folder, force=True)
    assert refused.value.code == "keys_many"
    assert 0 < refused.value.retry_after_s <= KEEP_RETIRED_S
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert (folder / manifest.NAME).stat().st_size < files.MAX_BYTES * 3 / 4
    later = Instant(START + HOUR + refused.value.retry_after_s * SECOND)
    assert rotate(folder, now=later, force=True).removed


_ROTATE = """
import sys
from pathlib import Path
from consentid.keyring.rotating import rotate
from consentid.kit.errors import ConsentidError
folder, now, force = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "for ever"
while True:
    try:
        rotate(folder, now=now, force=force)
    except ConsentidError as error:
        print(error.code)
        break
    if not force:
        print("rotated")
        break
"""


def rotating_process(folder: Path, now: int, how: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", _ROTATE, str(folder), str(now), how]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and words
        words, stdout=subprocess.PIPE, text=True
    )


def test_of_two_rotations_at_once_one_waits_and_is_then_refused(folder: Path) -> None:
    both = [rotating_process(folder, START + HOUR, "once") for _ in range(2)]
    answers = sorted(process.communicate(timeout=300)[0].strip() for process in both)
    assert answers == ["next_key_too_young", "rotated"]
    assert load(folder).active("consent")


@pytest.mark.parametrize("after", [False, True])
def test_acrash_at_any_step_of_a_rotation_leaves_the_old_or_the_new_keyring(
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
            count = crash_at(patched, steps, after=after)
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


def test_a_kill_amid_rotations_leaves_a_keyring_that_loads(folder: Path) -> None:
    keyring = load(folder)
    with rotating_process(folder, START, "for ever") as process:
        seen = 0
        while seen < 5:
            assert process.poll() is None
            if keyring.changed():
                keyring = load(folder)
                seen += 1
                assert verifies(issue(keyring), keyring)
        process.send_signal(signal.SIGKILL)
    after = load(folder)
    assert verifies(issue(after), after)
    rotate(folder, now=START, force=True)
