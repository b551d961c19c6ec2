"""``consentid ledger prove``: evidence for a court or an authority, with all that checks it."""

import argparse
import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from consentid import settings
from consentid.cli import terminal
from consentid.cli.terminal import Exit
from consentid.kit.errors import MalformedError
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

    from consentid.flows.write_evidence import Written


class _Arguments(Protocol):
    name: str
    output: Path | None
    json: bool


def add_verb(verbs: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to ``consentid ledger``."""
    parser = verbs.add_parser(
        "prove",
        help="write evidence for a court or an authority",
        description=(
            "Write a zip that proves one decision, or all of a subject's: record, salt, entry, "
            "proof and checkpoint, the notice as it was shown, with pictures where there are any, "
            "the configuration in force, the keys, and a verifier that needs Python and "
            "`cryptography` alone. Of whom was set aside it takes the erasing role's database, or "
            "the owner's. It holds personal data: hand it on as such."
        ),
        epilog=(
            "Exit codes: 0 written, 1 nothing of that name, or written without a decision whose "
            "record cannot be read, 3 unavailable or not logged yet."
        ),
    )
    parser.add_argument(
        "name",
        metavar="SUBJECT|DECISION",
        help="an id of either, as a receipt's record has it, or portal:SUB for a person there",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="where to (default: evidence-NAME.zip)"
    )
    parser.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=_prove)


def _prove(args: argparse.Namespace) -> int:
    given = cast("_Arguments", cast("object", args))
    chosen = settings.from_environment(os.environ)
    chosen.database()
    stem = "".join(each if each.isalnum() or each == "-" else "-" for each in given.name)
    path = given.output or Path(f"evidence-{stem}.zip")
    done = asyncio.run(_write(chosen, given.name, path))
    written = len(done.named("decisions"))
    if given.json:
        told = {"file": str(path), "decisions": written, "unreadable": done.unreadable}
        terminal.say_json(told)
    else:
        terminal.say(f"{path}: {written} {'decision' if written == 1 else 'decisions'}")
        terminal.note("It holds personal data. To check it: unpack it, then run its verify.py")
    for decision, why in done.unreadable.items():
        terminal.note(f"left out: decision {decision}: {why}")
    return Exit.NO if done.unreadable else Exit.OK


async def _write(chosen: Settings, name: str, path: Path) -> "Written":
    from consentid.flows.note_export import command_line  # noqa: PLC0415  the server extra
    from consentid.flows.opening import PATIENT_S, open_context  # noqa: PLC0415  the server extra
    from consentid.flows.prove_decisions import find_named  # noqa: PLC0415  the server extra
    from consentid.flows.write_evidence import Written, write_evidence  # noqa: PLC0415  the server extra
    from consentid.store.engine import Database  # noqa: PLC0415  the server extra

    opened = open_context(chosen, answered_within_s=PATIENT_S)
    url = chosen.erasure_database()
    apart = None if url is None else Database(url, connections=1, answered_within_s=PATIENT_S)
    unfinished = path.with_name(f"{path.name}.part")
    done = Written()
    try:
        named = await find_named(opened.context, name, apart=apart)
        with _created(unfinished) as file:
            async for piece in write_evidence(
                opened.context,
                named,
                folder=path.stem,
                made_at=datetime.now(UTC),
                taker=command_line(opened.context),
                apart=apart,
                written=done,
            ):
                file.write(piece)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
        if apart is not None:
            await apart.close()
        await opened.close()
    return done


def _created(path: Path) -> BinaryIO:
    """A new file that nobody else may read."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
    except OSError as error:
        raise MalformedError(
            "file_unwritable", f"cannot be written: {error.strerror}", where=str(path)
        ) from error
