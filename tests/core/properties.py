"""The invariants of consent as checks that any implementation of the rule can be held to.

Each takes the rule's functions, real or mutated, and a drawn world.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any
from uuid import UUID

from tests.core.oracle import answer
from tests.core.worlds import GRANTED, REFUSED, World, act, at

from consentid.core.catalogue import Catalogue, Override, find_terms
from consentid.core.decision import Assurance, Choice, Decision, DecisionId
from consentid.core.party import Party, PartyKind, Slug
from consentid.core.purpose import LegalBasis, PurposeId, is_within


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The functions of one implementation; mutants bring classes of their own, hence ``Any``."""

    empty: Any
    project: Callable[..., Any]
    add: Callable[..., Any]
    merge: Callable[..., Any]
    encode: Callable[..., bytes]
    decode: Callable[[bytes], Any]
    resolve: Callable[..., Any]

    def ask(self, world: World, history: Iterable[Decision], **changed: object) -> Any:
        """Resolve the world's question over a history."""
        asked = replace(world, **changed) if changed else world
        return self.resolve(
            self.project(history),
            asked.catalogue,
            asked.asked,
            asked.purpose,
            asked.now,
            adult=asked.adult,
        )


def arrival_changes_nothing(rules: Rules, world: World) -> None:
    """1 and 6: order and duplication of arrival change nothing, byte for byte."""
    once = rules.project(world.history)
    arrived = [world.history[place] for place in world.shuffled]
    added = reduce(rules.add, arrived, rules.empty)
    assert rules.project(arrived) == once == added
    assert rules.encode(rules.project(arrived)) == rules.encode(once) == rules.encode(added)
    assert rules.decode(rules.encode(once)) == once


def merge_is_a_maximum(rules: Rules, world: World) -> None:
    """1: merge is commutative, associative and idempotent, and the projection of the union."""
    third = max(1, len(world.history) // 3)
    a = rules.project(world.history[: 2 * third])
    b = rules.project(world.history[third:])
    c = rules.project(world.history[::2])
    assert rules.merge(a, b) == rules.merge(b, a) == rules.project(world.history)
    assert rules.merge(rules.merge(a, b), c) == rules.merge(a, rules.merge(b, c))
    assert rules.merge(a, a) == a == rules.merge(a, rules.empty)


def a_refusal_never_makes_a_yes(rules: Rules, world: World) -> None:
    """2: adding a refusal never turns a no into a yes."""
    for place, decision in enumerate(world.history):
        if all(choice.outcome is REFUSED for choice in decision.choices):
            without = [one for other, one in enumerate(world.history) if other != place]
            if rules.ask(world, world.history).permitted:
                assert rules.ask(world, without).permitted


def an_override_never_makes_a_yes(rules: Rules, world: World) -> None:
    """3: an override never turns a no into a yes."""
    if world.asked.kind is PartyKind.PARTNER:
        return
    for override in (
        Override(purpose=PurposeId("ads"), off=True),
        Override(purpose=PurposeId("ads"), own=True),
        Override(purpose=PurposeId("ads"), validity_s=2),
        Override(purpose=PurposeId("ads"), adults_only=True),
        Override(purpose=PurposeId("ads"), unassisted=True),
        Override(purpose=PurposeId("ads"), basis=LegalBasis.CONSENT),
    ):
        plain = rules.ask(world, world.history, catalogue=_overridden(world, None))
        narrowed = rules.ask(world, world.history, catalogue=_overridden(world, override))
        assert plain.permitted or not narrowed.permitted


def _overridden(world: World, override: Override | None) -> Catalogue:
    party = world.catalogue.parties[world.asked]
    rules = {} if override is None else {override.purpose: override}
    return replace(
        world.catalogue,
        parties={**world.catalogue.parties, world.asked: replace(party, overrides=rules)},
    )


def a_yes_is_newer_than_every_refusal(rules: Rules, world: World) -> None:
    """4: a yes rests on one grant, given truly after every refusal that applies."""
    found = rules.ask(world, world.history)
    if found.grant is None:
        assert found.state != "given"
        return
    assert found.permitted
    happened = dict(zip((one.id for one in world.history), world.true_times, strict=True))
    assert any(
        choice.outcome is GRANTED and is_within(world.purpose, choice.purpose)
        for one in world.history
        if one.id == found.grant.decision
        for choice in one.choices
    )
    for decision in world.history:
        if _refuses(decision, world.asked, world.purpose):
            assert happened[found.grant.decision] > happened[decision.id]


def what_was_withdrawn_is_never_relied_on(rules: Rules, world: World) -> None:
    """4: with only grants given truly at or before a withdrawal that applies, the answer is no."""
    for place, decision in enumerate(world.history):
        if not _refuses(decision, world.asked, world.purpose):
            continue
        kept = [
            one
            for one, happened in zip(world.history, world.true_times, strict=True)
            if happened <= world.true_times[place]
            or all(choice.outcome is REFUSED for choice in one.choices)
        ]
        assert not rules.ask(world, kept).grant
        assert rules.ask(world, kept).state != "given"


def _refuses(decision: Decision, asked: Party, purpose: PurposeId) -> bool:
    return decision.reach in (None, asked) and any(
        choice.outcome is REFUSED and is_within(purpose, choice.purpose)
        for choice in decision.choices
    )


def a_grant_stays_with_whom_it_named(rules: Rules, world: World) -> None:
    """5: a grant never reaches a party that its notice did not name, with its present entity."""
    entity = world.catalogue.parties[world.asked].entity
    elsewhere = [
        one
        for one in world.history
        if one.notice is None
        or all(name.party != world.asked or name.entity != entity for name in one.notice.names)
    ]
    found = rules.ask(world, elsewhere)
    assert found.grant is None
    assert found.state != "given"


def time_alone_never_makes_a_yes(rules: Rules, world: World) -> None:
    """8: time alone never turns a no into a yes, and a given yes ends when it said."""
    found = rules.ask(world, world.history)
    for later in range(1, 12):
        instant = at(later) + world.now
        then = rules.ask(world, world.history, now=instant)
        assert found.permitted or not then.permitted
        if found.expires_at is not None:
            assert (then.state == "given") == (instant < found.expires_at)


def a_brands_own_refusal_outlives_group_grants(rules: Rules, world: World) -> None:
    """10: if its own decisions leave a party refused, no group grant makes it a yes."""
    own = [one for one in world.history if one.reach == world.asked]
    if rules.ask(world, own).standing:
        assert not rules.ask(world, world.history).permitted


def another_partys_reach_changes_nothing(rules: Rules, world: World) -> None:
    """10: decisions with one party's reach change no other's answers."""
    ours = [one for one in world.history if one.reach in (None, world.asked)]
    assert rules.ask(world, ours) == rules.ask(world, world.history)


def the_unknown_is_a_no(rules: Rules, world: World) -> None:
    """11: for an unknown party or purpose the answer is no."""
    nowhere = Party(kind=world.asked.kind, slug=Slug("nowhere"))
    assert not rules.ask(world, world.history, asked=nowhere).permitted
    assert not rules.ask(world, world.history, purpose=PurposeId("other")).permitted
    assert not rules.ask(world, world.history, purpose=PurposeId("*")).permitted


def the_projection_tells_the_full_history(rules: Rules, world: World) -> None:
    """What is kept for speed resolves as the naive rule does over everything."""
    state, decision = answer(
        world.history, world.catalogue, world.asked, world.purpose, world.now, adult=world.adult
    )
    found = rules.ask(world, world.history)
    assert (found.state, found.grant and found.grant.decision) == (state, decision)


def asking_again_stays_within_the_rules(rules: Rules, world: World) -> None:
    """A remembered no that is in no doubt is not asked about, a yes or an objection never."""
    found = rules.ask(world, world.history)
    if found.may_ask:
        assert not found.permitted
        assert found.state not in ("objected", "not_offered")
        assert found.in_doubt or found.state in ("unasked", "expired", "outdated")
    if found.in_doubt:
        online = [one for one in world.history if one.interval.early == one.interval.late]
        assert not rules.ask(world, online).in_doubt


def a_fresh_own_yes_is_a_yes(rules: Rules, world: World) -> None:
    """The rule is not merely a no: a told yes of one's own, after everything, is a yes."""
    newest = act(
        999,
        GRANTED,
        world.purpose,
        early=at(100),
        reach=world.asked,
        catalogue=2,
        told=True,
    )
    assert newest.id == DecisionId(UUID(int=999))
    found = rules.ask(world, [*world.history, newest], now=at(101))
    assert found.state in ("given", "permitted", "not_offered")


def what_others_say_stands_for_itself(rules: Rules, world: World) -> None:
    """Yeses that others keyed in add nothing but yeses that say so, and those where it is allowed.

    While they wait they are no decisions at all, so nothing of them can change an answer.
    """
    own = [
        replace(one, choices=kept)
        for one in world.history
        if (kept := tuple(each for each in one.choices if not _is_keyed_in(one, each)))
    ]
    found, without = rules.ask(world, world.history), rules.ask(world, own)
    assert found.permitted or not without.permitted
    if found.grant is None or not found.grant.assisted:
        assert (found.permitted, found.grant) == (without.permitted, without.grant)
    terms = find_terms(world.catalogue, world.asked, world.purpose)
    if terms is None or not terms.assisted:
        assert found == without


def _is_keyed_in(decision: Decision, choice: Choice) -> bool:
    return decision.assurance is Assurance.ASSISTED and choice.outcome is GRANTED


PROPERTIES: dict[str, Callable[[Rules, World], None]] = {
    check.__name__: check
    for check in (
        arrival_changes_nothing,
        merge_is_a_maximum,
        a_refusal_never_makes_a_yes,
        an_override_never_makes_a_yes,
        a_yes_is_newer_than_every_refusal,
        what_was_withdrawn_is_never_relied_on,
        a_grant_stays_with_whom_it_named,
        time_alone_never_makes_a_yes,
        a_brands_own_refusal_outlives_group_grants,
        another_partys_reach_changes_nothing,
        the_unknown_is_a_no,
        the_projection_tells_the_full_history,
        asking_again_stays_within_the_rules,
        a_fresh_own_yes_is_a_yes,
        what_others_say_stands_for_itself,
    )
}
