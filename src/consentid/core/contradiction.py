"""Where an account and a device say different things, so that the person can be told.

A contradiction is told once: what was told is kept, and told again only after an answer changed.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from consentid.core.catalogue import Catalogue, offered
from consentid.core.party import Party
from consentid.core.projection import Projection
from consentid.core.purpose import PurposeId
from consentid.core.resolution import Resolution, State, resolve
from consentid.kit.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Contradiction:
    """A party and a purpose that were answered yes on one side and no on the other."""

    party: Party
    purpose: PurposeId
    account_says_yes: bool


_NOTHING: Final[frozenset[Contradiction]] = frozenset()


def find_contradictions(
    account: Projection,
    device: Projection,
    catalogue: Catalogue,
    now: Instant,
    *,
    adult: bool,
    told: AbstractSet[Contradiction] = _NOTHING,
) -> tuple[Contradiction, ...]:
    """Find what the person is to be told of at sign-in, beyond what was ``told`` before.

    Only answers contradict each other: where one side was never asked, or forgot, nothing does.
    """
    return tuple(sorted(set(_find(account, device, catalogue, now, adult=adult)) - told))


def _find(
    account: Projection, device: Projection, catalogue: Catalogue, now: Instant, *, adult: bool
) -> Iterator[Contradiction]:
    for party in catalogue.parties:
        for purpose in offered(catalogue, party):
            ours = _answer(resolve(account, catalogue, party, purpose, now, adult=adult))
            theirs = _answer(resolve(device, catalogue, party, purpose, now, adult=adult))
            if ours is not None and theirs is not None and ours != theirs:
                yield Contradiction(party=party, purpose=purpose, account_says_yes=ours)


def _answer(resolution: Resolution) -> bool | None:
    """What the person answered, as far as it still counts."""
    if resolution.grant is not None:
        return True
    if resolution.state in {State.REFUSED, State.WITHDRAWN, State.OBJECTED}:
        return False
    return None
