"""``python -m tests.bench.bundles``: ten thousand bundles, shuffled and repeated, end in one state.

A device of the command line captures them without network; they are brought over HTTP to a hub, in
random order, each several times, many in one call.  The end is held against what was captured: each
once, and not one that waits.  The order has a seed, which is told, so that a run can be repeated.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import shutil
import sys
import time
from collections.abc import Sequence
from typing import Any

from tests.bench.serving import migrated
from tests.web.hub import Hub, running_hub, running_portal
from tests.web.tablets import Tablet, bring, new_tablet

from consentid.embedded.places import scratch_folder
from consentid.embedded.postgres import EmbeddedPostgres

_SETTINGS = {"CONSENTID_LOG_LEVEL": "warning", "CONSENTID_CAPTURES_OPERATOR_MOST": "1000000"}
_ENDED = """
    SELECT head_seq,
      (SELECT count(*) FROM field_bundles b WHERE b.device_id = d.id AND state = 'recorded'),
      (SELECT count(*) FROM field_bundles b WHERE b.device_id = d.id AND state <> 'recorded'),
      (SELECT count(*) FROM field_entries e JOIN captures c ON c.id = e.capture_id
        WHERE e.device_id = d.id),
      (SELECT count(*) FROM captures)
    FROM field_devices d WHERE d.id = '{device}'
"""


def main() -> int:
    """Bring them, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bundles")
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.add_argument("--bundles", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=2, help="how often each comes")
    parser.add_argument("--at-once", type=int, default=64, help="bundles in one call")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    folder = scratch_folder()
    try:
        with EmbeddedPostgres(folder / "postgres") as postgres, running_portal() as portal:
            urls = asyncio.run(migrated(postgres))
            with running_hub(folder, urls, portal, valkey_url=None, settings=_SETTINGS) as hub:
                told = _measure(hub, given)
    finally:
        shutil.rmtree(folder)
    told["machine"] = f"{platform.machine()}, {os.cpu_count()} cores"
    if given.json:
        print(json.dumps(told))  # noqa: T201 a command speaks by printing
    else:
        for name, figure in told.items():
            print(f"{name.replace('_', ' '):<24} {figure}")  # noqa: T201 as above
    return int(not told["one_state"])


def _measure(hub: Hub, given: argparse.Namespace) -> dict[str, Any]:
    tablet = new_tablet(hub)
    many, times, at_once = int(given.bundles), int(given.times), int(given.at_once)
    texts = _capture(tablet, many)
    order = [*texts] * times
    random.Random(given.seed).shuffle(order)  # noqa: S311 an order, no secret
    began = time.perf_counter()
    for first in range(0, len(order), at_once):
        bring(hub, *order[first : first + at_once])
    took_s = time.perf_counter() - began
    found = tuple(hub.rows(_ENDED.format(device=tablet.id))[0])
    return {
        "bundles": many,
        "brought": len(order),
        "seed": given.seed,
        "seconds": round(took_s, 1),
        "brought_per_second": round(len(order) / took_s, 1),
        "ended": found,
        "one_state": found == (many, many, 0, many, many),
    }


def _capture(tablet: Tablet, many: int) -> Sequence[str]:
    for _ in range(many):
        tablet.capture()
    return tablet.texts


if __name__ == "__main__":
    sys.exit(main())
