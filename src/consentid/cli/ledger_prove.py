"""``consentid ledger prove``: evidence for a court or an authority, with all that checks it."""

import argparse
import asyncio
import hashlib
import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, cast

import msgspec

from consentid import settings
from consentid.cli import terminal
from consentid.cli.terminal import Exit
from consentid.kit.errors import MalformedError
from consentid.settings import Settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  its only name

SCHEMA: Final = "consentid/evidence/1"
_README: Final = files("consentid.cli") / "court_readme.txt"
_VERIFIER: Final = files("consentid.cli") / "court_verifier.py"


class _Arguments(Protocol):
    name: str
    output: Path | None
    json: bool


class _Manifest(msgspec.Struct, frozen=True, kw_only=True):
    schema: str
    made_at: str
    decisions: list[str]
    catalogues: list[str]
    pictures: list[str]
    unreadable: dict[str, str]
    files: dict[str, str]


@dataclass(slots=True)
class _Bundle:
    """A zip that grows, all of it within one folder."""

    archive: zipfile.ZipFile
    folder: str
    made_at: datetime
    digests: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    """Decisions that are left out, and why."""

    def add(self, name: str, content: bytes) -> None:
        """Write one file, and keep its digest."""
        self.digests[name] = hashlib.sha256(content).hexdigest()
        info = zipfile.ZipInfo(f"{self.folder}/{name}", self.made_at.timetuple()[:6])
        info.external_attr = 0o644 << 16
        self.archive.writestr(info, content, zipfile.ZIP_DEFLATED)

    def seal(self) -> None:
        """Write what was written."""
        manifest = _Manifest(
            schema=SCHEMA,
            made_at=self.made_at.isoformat(timespec="seconds"),
            decisions=_named(self.digests, "decisions"),
            catalogues=_named(self.digests, "catalogues"),
            pictures=_named(self.digests, "pictures"),
            unreadable=self.unreadable,
            files=dict(sorted(self.digests.items())),
        )
        self.add("manifest.json", msgspec.json.format(msgspec.json.encode(manifest), indent=2))


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
    bundle = asyncio.run(_write(chosen, given.name, path))
    written = len(_named(bundle.digests, "decisions"))
    if given.json:
        told = {"file": str(path), "decisions": written, "unreadable": bundle.unreadable}
        terminal.say_json(told)
    else:
        terminal.say(f"{path}: {written} {'decision' if written == 1 else 'decisions'}")
        terminal.note("It holds personal data. To check it: unpack it, then run its verify.py")
    for decision, why in bundle.unreadable.items():
        terminal.note(f"left out: decision {decision}: {why}")
    return Exit.NO if bundle.unreadable else Exit.OK


async def _write(chosen: Settings, name: str, path: Path) -> _Bundle:
    from consentid.flows.opening import PATIENT_S, open_context  # noqa: PLC0415  the server extra
    from consentid.flows.prove_decisions import (  # noqa: PLC0415  the server extra
        Missing,
        find_named,
        prove_decisions,
    )
    from consentid.store.engine import Database  # noqa: PLC0415  the server extra

    opened = open_context(chosen, answered_within_s=PATIENT_S)
    url = chosen.erasure_database()
    apart = None if url is None else Database(url, connections=1, answered_within_s=PATIENT_S)
    unfinished = path.with_name(f"{path.name}.part")
    try:
        named = await find_named(opened.context, name, apart=apart)
        with _created(unfinished) as file, zipfile.ZipFile(file, "w") as archive:
            bundle = _Bundle(archive, path.stem, datetime.now(UTC))
            bundle.add("README.txt", _README.read_bytes())
            bundle.add("verify.py", _VERIFIER.read_bytes())
            async for evidence in prove_decisions(opened.context, named, apart=apart):
                if isinstance(evidence, Missing):
                    bundle.unreadable[evidence.decision] = evidence.why
                    continue
                for file_name, content in evidence.files.items():
                    bundle.add(f"{evidence.folder}/{file_name}", content)
            bundle.seal()
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
        if apart is not None:
            await apart.close()
        await opened.close()
    return bundle


def _created(path: Path) -> BinaryIO:
    """A new file that nobody else may read."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
    except OSError as error:
        raise MalformedError(
            "file_unwritable", f"cannot be written: {error.strerror}", where=str(path)
        ) from error


def _named(names: Iterable[str], folder: str) -> list[str]:
    """What has a folder of its own there, in the order written."""
    found = (name.split("/") for name in names if name.startswith(f"{folder}/"))
    return list(dict.fromkeys(parts[1] for parts in found))
