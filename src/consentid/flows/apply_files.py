"""Files of configuration that a program sends: read as ``brands check`` reads a folder, applied."""

import asyncio
import re
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from consentid.brandbook.client import Scope
from consentid.brandbook.difference import difference
from consentid.brandbook.folder import PARTNERS_FOLDER, Draft, load
from consentid.brandbook.problem import BrandbookError, Problem, Rule
from consentid.flows.context import Context
from consentid.flows.own_database import owned
from consentid.flows.publish_catalogue import Published, preview_catalogue, publish_catalogue

MOST_FILES: Final = 200
MOST_CHARACTERS: Final = 262_144
"""Of one file."""
_NAME: Final = re.compile(
    rf"(?:{PARTNERS_FOLDER}/)?[A-Za-z0-9_-][A-Za-z0-9._-]{{0,80}}\.(?:toml|json)", re.ASCII
)
_SHOWN: Final = 100


async def apply_files(
    context: Context,
    files: Mapping[str, str],
    *,
    by: str,
    withheld: Collection[Scope],
    is_dry: bool,
) -> Published:
    """Put files in force, by their names in the folder; where ``is_dry``, only say what would be.

    Raises:
        BrandbookError: they hold mistakes, or contradict what is in force; it has all of them.
        ForbiddenError: this process may not, or a client would get what is withheld.
    """
    async with owned(context) as database:
        # Beside the loop: who is served here does not wait for it.
        draft = await asyncio.to_thread(_read, files)
        if is_dry:
            return await preview_catalogue(database, draft, withheld=withheld)
        return await publish_catalogue(
            database,
            draft,
            randomness=context.randomness,
            ledger_origin=context.settings.ledger_origin,
            by=by,
            withheld=withheld,
        )


def changes_of(published: Published) -> list[str]:
    """What a version changes, as ``brands apply`` says it."""
    if not published.is_new:
        return []
    return [str(each) for each in difference(published.previous, published.book)]


def _read(files: Mapping[str, str]) -> Draft:
    """Read them from a folder of their own, which nobody else can enter and which then is gone."""
    strange = [name for name in files if _NAME.fullmatch(name) is None]
    if strange:
        raise BrandbookError([_misnamed(name) for name in strange])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / PARTNERS_FOLDER).mkdir()
        for name, text in files.items():
            _ = (folder / name).write_bytes(text.encode())
        return load(folder)


def _misnamed(name: str) -> Problem:
    return Problem(
        rule=Rule.WRONG_FORM,
        file=name[:_SHOWN],
        line=1,
        key="",
        message="no file of the folder is called this",
        remedy=f"write NAME.toml or {PARTNERS_FOLDER}/NAME.toml; NAME.json beside it for key sets",
    )
