"""The invariants of the resolution rule, over narrow and broad histories."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.core.properties import PROPERTIES, Rules
from tests.core.worlds import (
    ADS,
    ADS_X,
    ADS_X_Y,
    BROAD,
    LINEAGE,
    NARROW,
    STATISTICS,
    Size,
    World,
    worlds,
)

from consentid.core import projection, projection_form
from consentid.core.projection import EMPTY, project
from consentid.core.resolution import resolve, resolve_all

RULES = Rules(
    empty=EMPTY,
    project=project,
    add=projection.add,
    merge=projection.merge,
    encode=projection_form.encode,
    decode=projection_form.decode,
    resolve=resolve,
)


@pytest.mark.parametrize("name", PROPERTIES)
@pytest.mark.parametrize(
    ("size", "examples"),
    [
        pytest.param(NARROW, 80, id="narrow"),
        pytest.param(LINEAGE, 80, id="lineage"),
        pytest.param(BROAD, 80, id="broad"),
    ],
)
def test_the_rule_keeps_its_invariants(name: str, size: Size, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(worlds(size))
    def check(world: World) -> None:
        PROPERTIES[name](RULES, world)

    check()


@given(worlds(BROAD))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_resolving_all_is_resolving_each_offered_purpose(world: World) -> None:
    kept = project(world.history)
    found = resolve_all(kept, world.catalogue, world.asked, world.now, adult=world.adult)
    for purpose in (ADS, ADS_X, ADS_X_Y, STATISTICS):
        alone = resolve(kept, world.catalogue, world.asked, purpose, world.now, adult=world.adult)
        if purpose in found:
            assert found[purpose] == alone
        else:
            assert alone.state == "not_offered"
