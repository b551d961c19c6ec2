"""The six wrong rules (the last arrival in two halves), by patching the source of the right one.

A mutant is compiled from the source of ``projection``, ``seats`` and ``resolution`` with one
passage replaced; that it is still there is asserted, so a mutant cannot silently become the rule
itself.
"""

import inspect
import sys
from dataclasses import dataclass
from types import ModuleType

from tests.core.properties import Rules

from consentid.core import projection, projection_form, resolution, seats


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    name: str
    killer: str
    """The property that fails."""
    module: str
    passage: str
    replacement: str


MUTANTS = (
    Mutant(
        name="a_refusal_counts_from_its_early_end",
        killer="what_was_withdrawn_is_never_relied_on",
        module="projection",
        passage="late=decision.interval.late,",
        replacement="late=decision.interval.early,",
    ),
    Mutant(
        name="a_grant_counts_from_its_late_end",
        killer="what_was_withdrawn_is_never_relied_on",
        module="projection",
        passage="early=decision.interval.early,\n                        catalogue",
        replacement="early=decision.interval.late,\n                        catalogue",
    ),
    Mutant(
        name="a_group_grant_revives_a_brand_refusal",
        killer="a_brands_own_refusal_outlives_group_grants",
        module="seats",
        passage="return seat.narrowness >= other.narrowness and seat.distance <= other.distance",
        replacement="return seat.distance <= other.distance",
    ),
    Mutant(
        name="a_group_withdrawal_does_not_reach_brand_grants",
        killer="what_was_withdrawn_is_never_relied_on",
        module="seats",
        passage="for other in seats for refusal in other.refusals)",
        replacement=(
            "for other in seats if other.narrowness >= seat.narrowness"
            " for refusal in other.refusals)"
        ),
    ),
    Mutant(
        name="the_last_arrival_wins",
        killer="arrival_changes_nothing",
        module="projection",
        passage="fact.age > refusal.age",
        replacement="True",
    ),
    Mutant(
        name="the_last_grant_to_arrive_wins",
        killer="arrival_changes_nothing",
        module="projection",
        passage="fact.age > grant.age",
        replacement="True",
    ),
    Mutant(
        name="a_tie_goes_to_the_grant",
        killer="a_yes_is_newer_than_every_refusal",
        module="seats",
        passage="return grant.early > refusal.late",
        replacement="return grant.early >= refusal.late",
    ),
)


def rules_of(mutant: Mutant | None) -> Rules:
    """Compile the rule's modules, one of them mutated."""
    facts = _compile(projection, mutant)
    form = _compile(projection_form, mutant, projection=facts)
    places = _compile(seats, mutant, projection=facts)
    rule = _compile(resolution, mutant, projection=facts, seats=places)
    return Rules(
        empty=facts.EMPTY,
        project=facts.project,
        add=facts.add,
        merge=facts.merge,
        encode=form.encode,
        decode=form.decode,
        resolve=rule.resolve,
    )


def _compile(original: ModuleType, mutant: Mutant | None, **compiled: ModuleType) -> ModuleType:
    """Compile one of them, resting on those that were compiled before."""
    name, source = original.__name__.rpartition(".")[2], inspect.getsource(original)
    if mutant is not None and mutant.module == name:
        assert source.count(mutant.passage) == 1, mutant.name
        source = source.replace(mutant.passage, mutant.replacement)
    for other, module in compiled.items():
        source = source.replace(
            f"from consentid.core.{other} import", f"from {module.__name__} import"
        )
    module = ModuleType(f"mutated_{name}_{mutant.name if mutant else 'not'}")
    # A dataclass looks its module up by name.
    sys.modules[module.__name__] = module
    exec(compile(source, f"<{module.__name__}>", "exec"), module.__dict__)  # noqa: S102 our own source
    return module
