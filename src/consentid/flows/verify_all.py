"""Check all that is recorded, part by part: the log, what was decided, what tokens say.

``verify_part`` is what the command tells of; ``verify_lines`` the same as messages for a program:
begun, how far it has come, each fault as it is found, and a verdict at the end.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias, assert_never

import msgspec

from consentid.flows.context import Context
from consentid.flows.verify_head import verify_heads
from consentid.flows.verify_issued import verify_issued
from consentid.flows.verify_ledger import Fault, verify_ledger
from consentid.flows.verify_projection import verify_projections
from consentid.kit.errors import RateLimitedError
from consentid.ledger.cosignature import Policy
from consentid.store import ledger_audit
from consentid.store.engine import Database
from consentid.store.turns import VERIFYING, turn

_TOLD_EACH_S: Final = 1.0
_MOST_TOLD: Final = 10_000
_AGAIN_S: Final = 60


class Part(StrEnum):
    """What is checked by itself."""

    LOG = "log"
    PROJECTION = "projection"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """How far a part has come since the last word."""

    entries: int = 0
    subjects: int = 0
    decisions: int = 0
    audiences: int = 0
    log_faults: Sequence[Fault] = ()
    whose: str = ""
    """Which subject, or what else, the faults are about that are no log's."""
    faults: Sequence[str] = ()


class Begun(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag="begun"):
    """It is under way; ``entries`` are in the log."""

    entries: int


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag="progress"):
    """How far a part has come: entries, decisions or audiences."""

    part: Part
    done: int
    faults: int


class Found(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag="fault"):
    """Something that is not what it was."""

    part: Part
    where: str
    message: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag="verdict"):
    """The last word."""

    whole: bool
    faults: int
    entries: int
    subjects: int
    decisions: int
    audiences: int
    seconds: float


class Family(StrEnum):
    """What whoever asked can do."""

    MALFORMED = "malformed"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"


class Broken(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag="broken"):
    """The last word, where it could not be checked to the end."""

    family: Family
    code: str
    message: str
    where: str | None
    retry_after_s: int


Line: TypeAlias = Begun | Progress | Found | Verdict | Broken


class PolicyIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which witnesses count, as C2SP writes their keys, and how many of them it takes."""

    quorum: int
    witnesses: list[str]


class Job(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a process of its own is to check."""

    only: Part | None = None
    checkpoints: list[str] = []
    policy: PolicyIn | None = None


async def verify_part(
    context: Context,
    part: Part,
    *,
    apart: Database | None,
    kept: Mapping[str, bytes],
    policy: Policy | None,
) -> AsyncGenerator[Looked]:
    """Check one part.

    ``apart`` is the database as a role that may look at whoever was set aside; ``kept`` are
    checkpoints that somebody kept elsewhere, ``policy`` demands cosignatures of them.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    match part:
        case Part.LOG:
            async for walked in verify_ledger(context):
                yield Looked(entries=walked.entries, log_faults=walked.faults)
            yield Looked(log_faults=await verify_heads(context, kept, policy=policy))
        case Part.PROJECTION:
            async for each in verify_projections(context, apart=apart):
                yield Looked(
                    subjects=1,
                    decisions=each.decisions,
                    whose=str(each.subject),
                    faults=each.faults,
                )
        case Part.TOKENS:
            async for each in verify_issued(context):
                yield Looked(audiences=each.audiences, whose=each.whose, faults=each.faults)
        case _:
            assert_never(part)


async def verify_lines(
    context: Context,
    job: Job,
    *,
    apart: Database | None,
    policy: Policy | None,
) -> AsyncGenerator[Line]:
    """Check what is asked for, one at a time in the whole group.

    Raises:
        RateLimitedError: another is at it.
        UnavailableError: the database cannot be reached.
    """
    kept = {f"checkpoints[{at}]": text.encode() for at, text in enumerate(job.checkpoints)}
    started = told = context.monotonic()
    sums = dict.fromkeys(("entries", "subjects", "decisions", "audiences"), 0)
    faults = 0
    async with turn(context.database, VERIFYING) as ours:
        if not await ours.take():
            raise RateLimitedError(
                "verification_under_way",
                "Another verification runs: wait until it has ended.",
                retry_after_s=_AGAIN_S,
            )
        async with context.database.reading() as connection:
            entries = await ledger_audit.entry_count(connection)
        yield Begun(entries=entries)
        for part in Part if job.only is None else (job.only,):
            done = 0
            parts = verify_part(context, part, apart=apart, kept=kept, policy=policy)
            async with aclosing(parts):
                async for looked in parts:
                    for name in sums:
                        sums[name] += (many := getattr(looked, name))
                        done += many if name != "subjects" else 0
                    for found in _found(part, looked):
                        faults += 1
                        if faults <= _MOST_TOLD:
                            yield found
                    if context.monotonic() - told >= _TOLD_EACH_S:
                        told = context.monotonic()
                        yield Progress(part=part, done=done, faults=faults)
            yield Progress(part=part, done=done, faults=faults)
    seconds = round(context.monotonic() - started, 3)
    yield Verdict(whole=not faults, faults=faults, seconds=seconds, **sums)


def _found(part: Part, looked: Looked) -> list[Found]:
    return [
        Found(part=part, where=place_of(fault), message=fault.message)
        for fault in looked.log_faults
    ] + [Found(part=part, where=looked.whose, message=each) for each in looked.faults]


def place_of(fault: Fault) -> str:
    """Where a fault of the log is: its kind, the index where it has one, and which log."""
    index = "" if fault.index is None else f" {fault.index}"
    log = "" if fault.log is None else f" ({fault.log})"
    return f"{fault.kind}{index}{log}"
