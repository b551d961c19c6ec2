"""The invariants of the resolution rule, over narrow and broad histories."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.core.properties import PROPERTIES, Rules
from tests.core.worlds import (
    BROAD,
    LINEAGE,
    NARROW,
    Size,
    World,
    worlds,
)

from consentid.core import projection, resolution
from consentid.core.projection import EMPTY, project

RULES = Rules(
    empty=EMPTY,
    project=project,
    add=projection.add,
    merge=projection.merge,
    encode=projection.encode,
    decode=projection.decode,
    resolve=resolution.resolve,
)


@pytest.mark.parametrize("name", PROPERTIES)
@pytest.mark.parametrize(
    ("size", "examples"),
    [
        pytest.param(NARROW, 120, id="narrow"),
        pytest.param(LINEAGE, 150, id="lineage"),
        pytest.param(BROAD, 150, id="broad"),
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
