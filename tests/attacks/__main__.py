"""``python -m tests.attacks``: every address of a running hub, met with what attackers send.

Heads, framings, targets and bodies that are wrong, doubled, endless, or of somebody else, byte by
byte.  No answer may be an error of ours, more than one, another protocol, a way elsewhere, or say
again what was sent; and no connection may stay open.  Each finding is printed; the exit status is 1
where there is one.
"""

import argparse
import asyncio
import shutil
import sys

from tests.attacks.judging import all_addresses, attack, some
from tests.bench.serving import migrated
from tests.conftest import run_apart
from tests.web.hub import in_charge, running_hub, running_portal
from tests.web.roles import everybody

from consentid.embedded.places import scratch_folder
from consentid.embedded.postgres import EmbeddedPostgres
from consentid.embedded.valkey import EmbeddedValkey


def main() -> int:
    """Attack, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="of the attacks on each address")
    parser.add_argument("--path", default="", help="addresses whose path begins so")
    given = parser.parse_args()
    folder = scratch_folder()
    try:
        with (
            EmbeddedPostgres(folder / "postgres", is_thrown_away=True) as postgres,
            EmbeddedValkey(folder / "valkey") as valkey,
            running_portal() as portal,
            running_hub(
                folder,
                database := run_apart(migrated(postgres)),
                portal,
                valkey_url=valkey.url,
                settings=in_charge(database),
            ) as hub,
        ):
            roles = {role.name: role.headers for role in everybody(hub)}
            person, browser = roles["a site for a person"], roles["a person's browser"]
            found = all_addresses(hub, person, browser)
            found = [each for each in found if each.path.startswith(given.path)]
            targets = some(found, given.every)
            wrong = asyncio.run(attack(hub, targets))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for each in wrong:
        print(each)  # noqa: T201 a command speaks
    print(f"{len(targets)} attacks on {len(found)} addresses, {len(wrong)} findings")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
