"""``python -m tests.bench.sequencer``: a worker's sequencer and nothing else, until SIGTERM.

A process of its own, so that ``tests.bench.deciding`` can hold it and let it go on.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

import uvloop

from consentid.flows.opening import open_context
from consentid.settings import Settings
from consentid.worker.metrics import Rounds
from consentid.worker.sequencer import run_sequencer


async def _sequence(settings: Settings) -> None:
    opened, stopped = open_context(settings), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await run_sequencer(opened.context, stopped, Rounds())
    await opened.close()


def main() -> int:
    """Sequence until told to stop."""
    uvloop.run(
        _sequence(
            Settings(
                database_url=os.environ["CONSENTID_DATABASE_URL"],
                keys_dir=Path(os.environ["CONSENTID_KEYS_DIR"]),
            )
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
