"""Keys that leave before their time."""

from pathlib import Path

import pytest
from tests.keyring.living import START, issue, published, rotated, verifies

from consentid.keyring.loading import Keyring, load
from consentid.keyring.manifest import State, Use
from consentid.keyring.revoking import revoke
from consentid.kit.errors import UnavailableError


def kids(keyring: Keyring, *states: State) -> set[str]:
    return {each.kid for each in keyring.entries if each.state in states}


def test_where_the_active_key_is_revoked_the_next_one_signs_and_is_known_already(
    folder: Path,
) -> None:
    before = load(folder)
    token = issue(before)
    gone, following = kids(before, State.ACTIVE), kids(before, State.NEXT)
    done = revoke(folder, gone, now=START)
    after = load(folder)
    assert not verifies(token, after)
    assert published(after).isdisjoint(gone)
    assert not any((folder / f"{kid}.pem").exists() for kid in gone)
    assert set(done.activated) == kids(after, State.ACTIVE) == following
    assert verifies(issue(after), before)
    assert set(done.created) == kids(after, State.NEXT)
    assert set(done.removed) == gone


def test_a_retired_key_is_revoked_and_the_others_stay(folder: Path) -> None:
    token = issue(load(folder))
    retired = rotated(folder).retired
    before = load(folder)
    done = revoke(folder, retired, now=START)
    after = load(folder)
    assert not verifies(token, after)
    assert verifies(issue(before), after)
    assert (done.activated, done.created) == ((), ())


def test_where_all_are_revoked_fresh_ones_take_their_places(folder: Path) -> None:
    before = load(folder)
    revoke(folder, published(before), now=START)
    after = load(folder)
    assert published(after).isdisjoint(published(before))
    assert verifies(issue(after), after)
    assert revoke(folder, published(before), now=START).removed == ()
    assert published(load(folder)) == published(after)


def test_what_is_loaded_can_do_without_a_key_that_the_folder_still_holds(folder: Path) -> None:
    keyring = load(folder)
    token, active = issue(keyring), kids(keyring, State.ACTIVE)
    left = keyring.without(active)
    assert not verifies(token, left)
    assert verifies(issue(left), keyring)
    assert published(left) == kids(keyring, State.NEXT)
    assert left.without(active) is left
    nothing = left.without(published(left))
    assert published(nothing) == set()
    with pytest.raises(UnavailableError):
        nothing.active(Use.CONSENT)
