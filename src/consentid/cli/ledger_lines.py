"""``python -m consentid.cli.ledger_lines``: a verification in a process of its own, for a program.

A web process begins it, so that nobody whom it serves waits while millions of hashes are computed,
and ends it when whoever asked has left.  What to check comes in as JSON; lines of JSON go out.
"""

import asyncio
import os
import sys
from typing import Final

import msgspec

from consentid import settings
from consentid.cli.terminal import Exit, exit_of
from consentid.cli.witness_policy import policy_of
from consentid.flows.opening import PATIENT_S, open_context
from consentid.flows.verify_all import Broken, Family, Job, Line, Verdict, verify_lines
from consentid.kit.errors import (
    ConsentidError,
    MalformedError,
    RateLimitedError,
    UnavailableError,
)
from consentid.settings import Settings
from consentid.store.engine import Database

_POLITENESS: Final = 10
_AGAIN_S: Final = 60


def main() -> int:
    """Check, and tell; the exit codes are those of ``ledger verify``."""
    os.nice(_POLITENESS)  # whoever is served comes first
    try:
        job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
        return asyncio.run(_run(settings.from_environment(os.environ), job))
    except ConsentidError as error:
        _say(_broken(error))
        return exit_of(error)
    except BrokenPipeError:  # nobody listens any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.NO


async def _run(chosen: Settings, job: Job) -> int:
    policy = None
    if job.policy is not None:
        policy = policy_of(job.policy.quorum, job.policy.witnesses, where="policy")
    opened = open_context(chosen, answered_within_s=PATIENT_S)
    url = chosen.admin_database_url or chosen.erasure_database()
    apart = None if url is None else Database(url, connections=1, answered_within_s=PATIENT_S)
    is_whole = False
    try:
        async for line in verify_lines(opened.context, job, apart=apart, policy=policy):
            is_whole = isinstance(line, Verdict) and line.whole
            _say(line)
    finally:
        if apart is not None:
            await apart.close()
        await opened.close()
    return Exit.OK if is_whole else Exit.NO


def _say(line: Line) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


def _broken(error: ConsentidError) -> Broken:
    match error:
        case MalformedError():
            family = Family.MALFORMED
        case RateLimitedError():
            family = Family.BUSY
        case _:
            family = Family.UNAVAILABLE
    is_told = isinstance(error, RateLimitedError | UnavailableError)
    return Broken(
        family=family,
        code=error.code,
        message=error.message,
        where=error.where,
        retry_after_s=error.retry_after_s if is_told else _AGAIN_S,
    )


if __name__ == "__main__":
    sys.exit(main())
