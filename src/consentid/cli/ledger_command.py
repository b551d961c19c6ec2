"""``consentid ledger``: what was recorded, checked, proven, handed on."""

import argparse
import asyncio
import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from consentid import settings
from consentid.cli import ledger_export, ledger_prove, terminal
from consentid.cli.terminal import Exit
from consentid.kit.errors import MalformedError
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

    from consentid.flows.context import Context
    from consentid.flows.verify_all import Part
    from consentid.flows.verify_ledger import Fault
    from consentid.ledger.cosignature import Policy
    from consentid.store.engine import Database

_PROGRESS_S: Final = 2.0
_MOST_SHOWN: Final = 100
_STEPS: Final = {
    "projection": "every projection recomputed from its history",
    "tokens": "every token's claim held against its history",
}


class _Arguments(Protocol):
    projection: bool
    log: bool
    tokens: bool
    checkpoint: list[Path]
    policy: Path | None
    tables: bool
    json: bool


@dataclass(slots=True, kw_only=True)
class _Found:
    """What a check has come to."""

    seconds: float = 0.0
    entries: int = 0
    entries_s: float = 0.0
    subjects: int = 0
    decisions: int = 0
    checked_s: float = 0.0
    faulty: dict[str, Sequence[str]] = field(default_factory=dict)
    """What is wrong with a subject, by its id."""
    audiences: int = 0
    token_faults: dict[str, Sequence[str]] = field(default_factory=dict)
    """What is wrong with what tokens say, by whose they are."""
    faults: "list[Fault]" = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether nothing was found."""
        return not (self.faults or self.faulty or self.token_faults)


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the command to the command line."""
    parser = subparsers.add_parser("ledger", help="check, prove, export what was recorded")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verify = verbs.add_parser(
        "verify",
        help="recompute and compare",
        description=(
            "Walk the log from its first entry: every leaf, tile, size and checkpoint is computed "
            "anew, and each leaf held against the decision that it speaks of. Then recompute every "
            "projection from the full history and compare it, byte for byte, with what is stored, "
            "opening each record and checking it against its commitment. Then hold what tokens "
            "say, and the status lists that end them, against the same history. Bodies of whoever "
            "was set aside take the erasing role's database, or the owner's."
        ),
        epilog="Exit codes: 0 all is well, 1 a fault was found, 3 unavailable, 4 wrong set-up.",
    )
    only = verify.add_mutually_exclusive_group()
    only.add_argument("--log", action="store_true", help="check the log only")
    only.add_argument(
        "--projection",
        action="store_true",
        help="check projections, records and commitments only",
    )
    only.add_argument("--tokens", action="store_true", help="check what tokens say only")
    verify.add_argument(
        "--checkpoint",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a checkpoint that was kept elsewhere: the log must continue it (may be repeated)",
    )
    verify.add_argument(
        "--policy",
        type=Path,
        metavar="FILE",
        help=(
            "whose cosignatures those checkpoints, or else the last one, must carry: TOML with "
            "`quorum` and `witnesses` (keys as C2SP writes them)"
        ),
    )
    verify.add_argument(
        "--tables",
        action="store_true",
        help="say which tables it answers for, and why not for the others; check nothing",
    )
    verify.add_argument("--json", action="store_true", help="answer as one JSON object")
    verify.set_defaults(run=_verify)
    ledger_prove.add_verb(verbs)
    ledger_export.add_verb(verbs)
    return parser


def _verify(args: argparse.Namespace) -> int:
    given = cast("_Arguments", cast("object", args))
    from consentid.cli.witness_policy import read_policy  # noqa: PLC0415  the server extra

    if given.tables:
        return _say_tables(as_json=given.json)
    chosen = settings.from_environment(os.environ)
    chosen.database()
    kept = {str(path): _read(path) for path in given.checkpoint}
    policy = None if given.policy is None else read_policy(given.policy)
    found = asyncio.run(_check(chosen, given, kept, policy))
    if given.json:
        terminal.say_json(_as_json(found))
    else:
        _say(found, given)
    return Exit.OK if found.is_whole else Exit.NO


async def _check(
    chosen: Settings, given: _Arguments, kept: Mapping[str, bytes], policy: "Policy | None"
) -> _Found:
    from consentid.flows.opening import PATIENT_S, open_context  # noqa: PLC0415  the server extra
    from consentid.flows.verify_all import Part  # noqa: PLC0415  the server extra
    from consentid.store.engine import Database  # noqa: PLC0415  the server extra

    found = _Found()
    started = time.monotonic()
    opened = open_context(chosen, answered_within_s=PATIENT_S)
    url = chosen.erasure_database()
    apart = None if url is None else Database(url, connections=1, answered_within_s=PATIENT_S)
    only = {Part.LOG: given.log, Part.PROJECTION: given.projection, Part.TOKENS: given.tokens}
    try:
        for part in [part for part, is_it in only.items() if is_it] or Part:
            with terminal.step(_STEPS[part]) if part in _STEPS else contextlib.nullcontext():
                await _look(found, opened.context, part, apart=apart, kept=kept, policy=policy)
    finally:
        if apart is not None:
            await apart.close()
        await opened.close()
    found.seconds = time.monotonic() - started
    return found


async def _look(
    found: _Found,
    context: "Context",
    part: "Part",
    *,
    apart: "Database | None",
    kept: Mapping[str, bytes],
    policy: "Policy | None",
) -> None:
    from consentid.flows.verify_all import Part, verify_part  # noqa: PLC0415  the server extra
    from consentid.store import ledger_audit  # noqa: PLC0415  the server extra

    total = 0
    if part is Part.LOG:
        async with context.database.reading() as connection:
            total = await ledger_audit.entry_count(connection)
    began = told = time.monotonic()
    async for looked in verify_part(context, part, apart=apart, kept=kept, policy=policy):
        found.entries += looked.entries
        found.subjects += looked.subjects
        found.decisions += looked.decisions
        found.audiences += looked.audiences
        found.faults += looked.log_faults
        match part:
            case Part.LOG:
                told = _progress(told, began, found.entries, f"of {total:,} entries")
                found.entries_s = time.monotonic() - began
            case Part.PROJECTION:
                if looked.faults:
                    found.faulty[looked.whose] = looked.faults
                of = f"decisions, {found.subjects:,} subjects"
                told = _progress(told, began, found.decisions, of)
                found.checked_s = time.monotonic() - began
            case Part.TOKENS:
                if looked.faults:
                    found.token_faults[looked.whose] = looked.faults
                told = _progress(told, began, found.audiences, "audiences")


def _progress(told: float, began: float, many: int, what: str) -> float:
    """Tell how far it has come, now and then; when that was last told."""
    now = time.monotonic()
    if now - told <= _PROGRESS_S:
        return told
    terminal.note_over(f"  {many:,} {what} ({many / (now - began):,.0f} a second)")
    return now


def _as_json(found: _Found) -> dict[str, object]:
    return {
        "entries": found.entries,
        "subjects": found.subjects,
        "decisions": found.decisions,
        "audiences": found.audiences,
        "seconds": round(found.seconds, 3),
        "log_faults": [
            {
                "log": fault.log,
                "kind": fault.kind,
                "index": fault.index,
                "message": fault.message,
            }
            for fault in found.faults
        ],
        "faults": found.faulty,
        "token_faults": found.token_faults,
    }


def _say(found: _Found, given: _Arguments) -> None:
    if not given.projection and not given.tokens:
        pace = found.entries / max(found.entries_s, 1e-9)
        counts = f"{found.entries} entries of the log, {len(found.faults)} faults"
        terminal.say(f"{counts} ({pace:,.0f} entries a second)")
        for fault in found.faults[:_MOST_SHOWN]:
            index = "" if fault.index is None else f" {fault.index}"
            log = "" if fault.log is None else f" ({fault.log})"
            terminal.say(f"  {fault.kind}{index}: {fault.message}{log}")
        if len(found.faults) > _MOST_SHOWN:
            terminal.say(f"  and {len(found.faults) - _MOST_SHOWN} more: --json tells all")
    if not given.log and not given.tokens:
        pace = found.decisions / max(found.checked_s, 1e-9)
        counts = f"{found.subjects} subjects, {found.decisions} decisions"
        faulty = f"{len(found.faulty)} with a fault"
        terminal.say(f"{counts}, {faulty} ({pace:,.0f} decisions a second)")
        _say_faults({f"subject {id_}": faults for id_, faults in found.faulty.items()})
    if not given.log and not given.projection:
        faulty = f"{len(found.token_faults)} with a fault"
        terminal.say(f"{found.audiences} audiences that tokens speak to, {faulty}")
        _say_faults(found.token_faults)


def _say_faults(faulty: Mapping[str, Sequence[str]]) -> None:
    for whose, faults in faulty.items():
        for fault in faults[:_MOST_SHOWN]:
            terminal.say(f"  {whose}: {fault}")


def _say_tables(*, as_json: bool) -> Exit:
    from consentid.store.audited import BESIDE, COVERED  # noqa: PLC0415  the server extra

    if as_json:
        terminal.say_json({"covered": sorted(COVERED), "beside": {**BESIDE}})
        return Exit.OK
    terminal.say("Whatever is changed, added or removed there is found:")
    terminal.say(f"  {', '.join(sorted(COVERED))}")
    terminal.say("No decision's record rests on these:")
    for why, names in BESIDE.items():
        terminal.say(f"  {why}: {', '.join(names)}")
    return Exit.OK


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise MalformedError(
            "checkpoint_unreadable", f"cannot be read: {error.strerror}", where=str(path)
        ) from error
