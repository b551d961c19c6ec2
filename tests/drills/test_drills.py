"""The short forms of the drills: each with real processes, and few of everything."""

import random
from pathlib import Path

from tests.drills import revocation, rotation, upgrade
from tests.faults.deployment import deployed

ROUNDS = 3


async def test_keys_rotate_under_load_and_a_stolen_one_is_refused_and_replaced(
    server_folder: Path,
) -> None:
    draw = random.Random(11)  # noqa: S311 a test's dice
    async with deployed(server_folder / "drills") as deployment:
        rotated = await rotation.run(deployment, draw, rounds=ROUNDS, clients=1)
        assert rotated.failed == []
        assert rotated.rotations == ROUNDS
        assert len(rotated.kids) > ROUNDS
        assert rotated.old > 0
        assert rotated.secrets_rotated > 0
        revoked = await revocation.run(deployment, draw, patience_s=0)
        assert {"node 0", "node 1", "introspection 0"} <= revoked.refused_after_s.keys()
        assert revoked.believed_after_s.keys() >= {"node 0", "node 1", "strict", "default"}
        assert revoked.has_other_key
        assert revoked.verdicts == {"token": "ours", "forged": "forged"}


async def test_this_release_serves_on_while_a_later_one_expands_the_database(
    server_folder: Path,
) -> None:
    """As the chart has it: the step first, then one process after the other."""
    draw = random.Random(12)  # noqa: S311 a test's dice
    async with deployed(server_folder / "upgrade") as deployment:
        report = await upgrade.run_upgrade(
            deployment, draw, upgrade.expand, upgrade.migrate, upgrade.replace_all, clients=2
        )
    assert not report.violations, str(report.violations[0])
    assert report.retried == 0
    assert report.acknowledged > 0
