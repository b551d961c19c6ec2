"""Each named mutant of the rule is killed by some property, and the rule itself by none."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.core.mutants import MUTANTS, Mutant, rules_of
from tests.core.properties import PROPERTIES, Rules
from tests.core.worlds import LINEAGE, NARROW, Size, World, worlds

ORACLE = "the_projection_tells_the_full_history"


@pytest.mark.parametrize("size", [NARROW, LINEAGE], ids=["narrow", "lineage"])
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_of_the_rule_is_killed_by_an_invariant(mutant: Mutant, size: Size) -> None:
    assert _is_killed(rules_of(mutant), mutant.killer, size)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_of_the_rule_differs_from_the_naive_rule(mutant: Mutant) -> None:
    assert _is_killed(rules_of(mutant), "the_projection_tells_the_full_history", LINEAGE)


@pytest.mark.parametrize("name", PROPERTIES)
def test_the_rule_itself_compiled_the_same_way_is_killed_by_none(name: str) -> None:
    assert not _is_killed(rules_of(None), name, NARROW, examples=60)


def _is_killed(rules: Rules, name: str, size: Size, *, examples: int = 3000) -> bool:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=[HealthCheck.too_slow],
        report_multiple_bugs=False,
    )
    @given(worlds(size))
    def check(world: World) -> None:
        PROPERTIES[name](rules, world)

    try:
        check()
    except AssertionError:
        return True
    return False
