"""The short forms of the drills: each with real processes, and few of everything."""

import random
from pathlib import Path

from tests.drills import revocation, rotation
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
