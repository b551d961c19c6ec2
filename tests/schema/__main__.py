"""``python -m tests.schema``: each answer is one that ``/schema`` tells of, whoever asks for what.

Schemathesis reads the document of a running hub and sends what fits it and what does not, as each
role in turn: no 5xx, statuses, headers, types and bodies as told, what does not fit refused, other
methods refused.  The exit status is 1 where anything was found, which is printed with the request.
"""

import argparse
import shutil
import sys
import time
from typing import Final

from tests.bench.serving import migrated
from tests.conftest import run_apart
from tests.schema.running import hold, town
from tests.web.hub import running_portal

from consentid.embedded.places import scratch_folder
from consentid.embedded.postgres import EmbeddedPostgres
from consentid.embedded.valkey import EmbeddedValkey

_PHASES: Final = "examples,coverage,fuzzing"


def main() -> int:
    """Hold everything against the document, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.schema", description=__doc__)
    parser.add_argument("--examples", type=int, default=50, help="of each operation, for each role")
    parser.add_argument("--phases", default=_PHASES, help=f"of Schemathesis ({_PHASES})")
    parser.add_argument(
        "--only", action="append", metavar="ROLE", help="by its name, or part of it"
    )
    parser.add_argument("--path", help="only addresses that match this expression")
    parser.add_argument("--seed", type=int, default=1, help="of all that is left to chance")
    given = parser.parse_args()
    options = [
        f"--max-examples={given.examples}",
        f"--phases={given.phases}",
        f"--seed={given.seed}",
    ]
    options += [] if given.path is None else [f"--include-path-regex={given.path}"]
    folder, found = scratch_folder(), 0
    try:
        with (
            EmbeddedPostgres(folder / "postgres", is_thrown_away=True) as postgres,
            EmbeddedValkey(folder / "valkey") as valkey,
            running_portal() as portal,
            town(folder, run_apart(migrated(postgres)), portal, valkey_url=valkey.url) as running,
        ):
            for role in running.roles:
                if given.only and not any(each in role.name for each in given.only):
                    continue
                begun_s = time.monotonic()
                outcome = hold(running.hub, role, *options)
                found += not outcome.is_clean
                said = "clean" if outcome.is_clean else outcome.told
                print(f"{role.name} ({time.monotonic() - begun_s:.0f} s): {said}", flush=True)  # noqa: T201 a command speaks
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
