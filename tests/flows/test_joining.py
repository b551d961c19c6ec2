"""Two partners compare all that they got about the same people, and learn who is who of nobody."""

import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
from tests.flows.town import (
    CONSENT_TOKEN,
    DEVICE_CREDENTIAL,
    GRANTED,
    GROUP,
    PARTNER,
    REFUSED,
    Town,
    exchange,
    together,
)

from consentid.flows.authenticate import Caller
from consentid.flows.history import show_history
from consentid.flows.publish_status_lists import publish_status_lists, show_status_list
from consentid.flows.seal_saying import first_revision, raised
from consentid.flows.show_state import show_state
from consentid.kit import base64url
from consentid.tokens import status

PEOPLE = int(os.environ.get("JOINING_PEOPLE", "100"))
"""10,000 take a quarter of an hour."""
WITHDRAWING = PEOPLE * 3 // 10
AT_ONCE = 8
FEW = 5
"""What so few people have in common at a partner tells them from the rest."""
BY_CHANCE = 9
"""Guessing finds one person on average; ten or more come about once in ten million times."""
AUDIENCES = {
    "reach-forms": "https://reach-media.example",
    "bazaar-web": "https://bazaar-lumen.example",
}
_DOTS = 2
ASKED = ("ads.partners", "ads.partners.retail")


@dataclass(kw_only=True)
class Partner:
    """What one partner knows: each person by a number of its own making, which tells nothing."""

    town: Town
    client: str
    chance: random.Random
    callers: dict[int, Caller] = field(default_factory=dict)
    known: dict[int, dict[str, set[str]]] = field(default_factory=dict)
    places: dict[int, tuple[int, int]] = field(default_factory=dict)

    async def meet(self, people: Mapping[int, str]) -> None:
        """Everybody in an order of its own, some at a time."""
        order = list(people)
        self.chance.shuffle(order)
        for start in range(0, len(order), AT_ONCE):
            await together(*(self._meet(each, people[each]) for each in order[start:][:AT_ONCE]))

    async def _meet(self, person: int, credential: str) -> None:
        town = self.town
        caller, entered = await town.enter(self.client, **exchange(credential, DEVICE_CREDENTIAL))
        choices = {each: self.chance.choice((GRANTED, REFUSED)) for each in ASKED}
        choices[ASKED[1]] = choices[ASKED[0]]
        decided = await town.decide(caller, choices, PARTNER)
        issued = await town.ask_token(
            self.client,
            **exchange(credential, DEVICE_CREDENTIAL),
            requested_token_type=CONSENT_TOKEN,
        )
        claims = town.claims(issued.body["access_token"], AUDIENCES[self.client])
        self.callers[person] = caller
        at = claims.status.status_list
        self.places[person] = (int(at.uri.rpartition("/")[2]), at.idx)
        told = {
            "entered": entered.body,
            "decided": decided,
            "issued": issued.body,
            "claims": claims,
            "state": await show_state(town.context, caller, at_least=None),
            "history": await show_history(town.context, caller, cursor=None, limit=50),
        }
        self.known[person] = leaves(told)

    async def look_again(self) -> None:
        """What state and history say after some have withdrawn everywhere."""
        for person, caller in self.callers.items():
            told = {
                "later": await show_state(self.town.context, caller, at_least=None),
                "history later": await show_history(
                    self.town.context, caller, cursor=None, limit=50
                ),
            }
            for path, values in leaves(told).items():
                self.known[person].setdefault(path, set()).update(values)

    def telling(self) -> dict[str, set[int]]:
        """Values that few people have, and who."""
        holders: defaultdict[str, set[int]] = defaultdict(set)
        for person, found in self.known.items():
            for values in found.values():
                for value in values:
                    holders[value].add(person)
        return {value: people for value, people in holders.items() if len(people) <= FEW}


def leaves(told: object) -> dict[str, set[str]]:
    """Every value, by the path to it; compact tokens are opened."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path, value in _walk("", json.loads(msgspec.json.encode(told))):
        found[path].add(value)
    return dict(found)


def _walk(path: str, told: Any) -> Iterator[tuple[str, str]]:
    if isinstance(told, dict):
        for name, value in cast("dict[str, Any]", told).items():
            yield from _walk(f"{path}.{name}", value)
    elif isinstance(told, list):
        for value in cast("list[Any]", told):
            yield from _walk(f"{path}[]", value)
    else:
        text = str(told)
        yield path, text
        if text.count(".") == _DOTS and text.startswith("ey"):
            yield from _walk(f"{path}!", json.loads(base64url.decode(text.split(".")[1])))


def hits(one: Mapping[int, str], other: Mapping[int, str], chance: random.Random) -> int:
    """How many people are found by putting both partners' values in order, rank beside rank."""

    def ranked(values: Mapping[int, str]) -> list[int]:
        people = list(values)
        chance.shuffle(people)  # what is alike tells nothing
        return sorted(people, key=lambda each: (len(values[each]), values[each]))

    return sum(a == b for a, b in zip(ranked(one), ranked(other), strict=True))


async def bits_of(town: Town) -> dict[int, bytes]:
    """The lists, as anybody may fetch them."""
    found: dict[int, bytes] = {}
    for (number,) in await town.rows("SELECT list_no FROM status_lists"):
        published = await show_status_list(town.context, number)
        assert published is not None
        payload = json.loads(base64url.decode(published.token.split(".")[1]))
        found[number] = status.decode_list(payload["status_list"]["lst"])
    return found


async def test_nothing_that_two_partners_were_told_joins_their_people(town: Town) -> None:
    chance = random.Random(6)  # noqa: S311 - the same people in each run
    people: dict[int, str] = {}
    for start in range(0, PEOPLE, AT_ONCE):
        made = await together(*(town.new_device() for _ in range(min(AT_ONCE, PEOPLE - start))))
        people |= dict(enumerate(made, start=start))
    partners = [
        Partner(town=town, client=client, chance=random.Random(seed))  # noqa: S311 - as above
        for seed, client in enumerate(AUDIENCES)
    ]
    for partner in partners:
        await partner.meet(people)
    one, other = partners

    await publish_status_lists(town.context)
    before = await bits_of(town)
    withdrawing = chance.sample(sorted(people), WITHDRAWING)
    for each in withdrawing:
        await town.withdraw(await town.on_device(people[each]), reach=GROUP)
    await publish_status_lists(town.context)
    after = await bits_of(town)
    for partner in partners:
        await partner.look_again()

    # No value in common that would tell anybody from the rest.
    shared = one.telling().keys() & other.telling().keys()
    instants = {value for value in shared if value.isdigit() or value.endswith("Z")}
    assert shared == instants, sorted(shared - instants)[:5]
    # Moments and places coincide by chance alone.
    right = sum(bool(one.telling()[value] & other.telling()[value]) for value in shared)
    assert right <= len(shared) * FEW * FEW / PEOPLE * 4 + BY_CHANCE, (right, len(shared))

    assert hits(people, people, chance) == PEOPLE  # what both were told would be found
    # No order of anything that both know finds more people than guessing does.
    paths = Counter(
        path for each in (one, other) for found in each.known.values() for path in found
    )
    compared = 0
    for path, count in paths.items():
        if count == 2 * PEOPLE and all(
            len(partner.known[person][path]) == 1 for partner in partners for person in people
        ):
            found = hits(
                {person: next(iter(one.known[person][path])) for person in people},
                {person: next(iter(other.known[person][path])) for person in people},
                chance,
            )
            assert found <= BY_CHANCE, (path, found)
            compared += 1
    assert compared > 20

    # The withdrawals of one window: who fell at both is not told by where they fell.
    def fell(partner: Partner) -> dict[int, str]:
        return {
            person: f"{number}/{idx:06}"
            for person, (number, idx) in partner.places.items()
            if status.is_set(after[number], idx) and not status.is_set(before[number], idx)
        }

    gone = [fell(partner) for partner in partners]
    both = gone[0].keys() & gone[1].keys()
    assert both
    assert both <= set(withdrawing)
    found = hits(
        {person: gone[0][person] for person in both},
        {person: gone[1][person] for person in both},
        chance,
    )
    assert found <= BY_CHANCE


def test_a_revision_does_not_count_how_often_somebody_changed_their_mind() -> None:
    chance = random.Random(6)  # noqa: S311 - the same in each run
    changes = {person: 1 + int(chance.expovariate(1 / 30)) for person in range(10_000)}

    def at_a_partner() -> tuple[dict[int, str], dict[int, str]]:
        """The revisions of two tokens of each person, changes apart: the last, and the rise."""
        lasts, rises = dict[int, str](), dict[int, str]()
        for person, times in changes.items():
            first = rev = first_revision(chance.randrange)
            for change in range(times):
                before, rev = rev, raised(rev, chance.randrange, was_shown=change == 0)
                assert rev > before
            lasts[person], rises[person] = str(rev), str(rev - first)
        return lasts, rises

    counted = {person: str(times) for person, times in changes.items()}
    assert hits(counted, counted, chance) > BY_CHANCE  # a count would tell
    for one, other in zip(at_a_partner(), at_a_partner(), strict=True):
        assert hits(one, other, chance) <= BY_CHANCE
