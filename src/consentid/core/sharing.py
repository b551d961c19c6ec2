"""What a partner may act on for a brand: the brand's own yes, passed on where the person allows it.

A line begins with the brand (or partner) that was answered, its *origin*, and goes over at most two
partners.  Each hop rests on a purpose, for example ``ads.partners.retail``: only while the person's
answer to that purpose is a yes at the origin does anything pass.

Invariants: what passes is never more than the origin may do, than the partner's file lists, than
the person leaves standing at each partner on the way; a purpose that a hop rests on is re-judged at
every use, so a withdrawal ends the whole line.  Spec: RFC 8693 section 4.1 (the chain of actors).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from consentid.core.catalogue import Catalogue
from consentid.core.party import Party
from consentid.core.purpose import PurposeId
from consentid.core.resolution import Resolution, State
from consentid.core.saying import Saying, say
from consentid.kit.instants import Instant

MAX_ACTORS: Final = 2

Shares: TypeAlias = Mapping[Party, Mapping[Party, PurposeId]]
"""By receiver, then by giver: the purpose that passing on rests on."""

Resolve: TypeAlias = Callable[[Party], Mapping[PurposeId, Resolution]]

_STANDING_NO: Final = frozenset({State.REFUSED, State.WITHDRAWN, State.OBJECTED})


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Whose answer it is, and over whom it was passed on."""

    origin: Party
    actors: tuple[Party, ...] = ()
    """In the order of the hops; at most two, none for the origin's own tokens."""

    @property
    def holder(self) -> Party:
        """Whose token it is."""
        return self.actors[-1] if self.actors else self.origin

    def passed_to(self, receiver: Party) -> "Line":
        """The line with one hop more."""
        return Line(origin=self.origin, actors=(*self.actors, receiver))


def may_pass(line: Line, shares: Shares) -> bool:
    """Whether each hop of a line is registered, and none comes back to where it was."""
    path = (line.origin, *line.actors)
    return (
        len(line.actors) <= MAX_ACTORS
        and len(set(path)) == len(path)
        and all(
            giver in shares.get(receiver, {})
            for giver, receiver in zip(path, line.actors, strict=False)
        )
    )


def say_on(
    line: Line, shares: Shares, catalogue: Catalogue, resolve: Resolve, now: Instant
) -> Saying:
    """What is said to a line's holder; nothing where a hop does not stand."""
    said = say(resolve(line.origin), now)
    if not line.actors:
        return said
    resting_on = _resting_on(line, shares)
    if resting_on is None or not set(resting_on) <= set(said.yes):
        return Saying(yes=(), no=())
    stopped = {
        purpose
        for actor in line.actors
        for purpose, found in resolve(actor).items()
        if found.state in _STANDING_NO
    }
    listed = _listed(line, catalogue)
    passed = said.within(listed - stopped)
    return msgspec.structs.replace(passed, no=tuple(sorted(listed & (set(said.no) | stopped))))


def _resting_on(line: Line, shares: Shares) -> Sequence[PurposeId] | None:
    if not may_pass(line, shares):
        return None
    path = (line.origin, *line.actors)
    return [shares[receiver][giver] for giver, receiver in zip(path, line.actors, strict=False)]


def _listed(line: Line, catalogue: Catalogue) -> frozenset[PurposeId]:
    """What every partner on the way is listed for; a party that has left is listed for nothing."""
    listed = frozenset(catalogue.purposes)
    for actor in line.actors:
        terms = catalogue.parties.get(actor)
        listed &= frozenset() if terms is None or terms.listed is None else terms.listed
    return listed
