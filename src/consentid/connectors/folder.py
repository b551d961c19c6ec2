"""A warehouse's folder: files by table and day, and a manifest that says how far they go.

Files are made aside, synced, and named in the manifest together with the place that they reach;
then they are moved to where readers look.  Killed before the manifest, nothing happened; killed
after it, whoever comes next moves them first.  So a reader sees each row once, and no place is
skipped, whenever somebody is killed.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias, final

import msgspec

from consentid.connectors.broker import Place
from consentid.connectors.rows import TABLES, VERSION, Row, Table
from consentid.kit.errors import ConflictError, UnavailableError

MANIFEST: Final = "manifest.json"
_ASIDE: Final = ".consentid"
_LOCK: Final = "lock"

Writing: TypeAlias = Callable[[Path, Table, Sequence[Row]], None]
Rows: TypeAlias = Mapping[tuple[Table, str], Sequence[Row]]
"""By table and day."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a folder holds."""

    version: int
    """Of the tables."""
    client: str
    """Whose events they are."""
    format: str
    stream: int
    sequence: int
    """All events up to this one are in the files."""
    columns: dict[str, dict[str, str]]
    """Of each table, with its type."""
    moving: list[str]
    """Files that were written last: whoever finds one aside moves it."""


@final
class Folder:
    """One that we have to ourselves."""

    def __init__(self, root: Path, *, client: str, form: str, write: Writing) -> None:
        self._root: Final = root
        self._client: Final = client
        self._form: Final = form
        self._write: Final = write
        self.manifest: Manifest | None = None
        """None before the first time."""

    @property
    def place(self) -> Place | None:
        """The last event that it has; None before the first time."""
        found = self.manifest
        return None if found is None else Place(stream_no=found.stream, seq=found.sequence)

    def put(self, stem: str, rows: Rows) -> list[str]:
        """Write files aside, synced; their names, which ``stem`` tells from all others."""
        names: list[str] = []
        for (table, day), some in rows.items():
            name = f"{table.name}/day={day}/{stem}.{self._form}"
            aside = self._aside(name)
            self._write(aside, table, some)
            _sync(aside)
            names.append(name)
        return names

    def keep(self, place: Place, names: Sequence[str]) -> None:
        """Say in the manifest that these files are part of it up to a place, and move them."""
        _sync(self._root / _ASIDE)
        self._save(place, names)
        self._move(names)

    def open(self) -> None:
        """Find out what is there, and finish what somebody began."""
        self.manifest = self._read()
        if self.manifest is not None:
            self._move(self.manifest.moving)
        shutil.rmtree(self._root / _ASIDE, ignore_errors=True)
        (self._root / _ASIDE).mkdir()

    def _read(self) -> Manifest | None:
        path = self._root / MANIFEST
        if not path.exists():
            self._refuse_strangers()
            return None
        try:
            found = msgspec.json.decode(path.read_bytes(), type=Manifest)
        except msgspec.MsgspecError as error:
            raise _taken(f"{path} is none of ours: {error}") from error
        for given, kept, what in (
            (self._client, found.client, "client"),
            (self._form, found.format, "format"),
            (VERSION, found.version, "version of the tables"),
        ):
            if given != kept:
                raise _taken(f"it holds another {what}: {kept}")
        return found

    def _refuse_strangers(self) -> None:
        strangers = {each.name for each in self._root.iterdir()} - {_ASIDE, f".{_LOCK}"}
        if strangers:
            raise _taken(f"it has no {MANIFEST} and is not empty")

    def _save(self, place: Place, names: Sequence[str]) -> None:
        made = Manifest(
            version=VERSION,
            client=self._client,
            format=self._form,
            stream=place.stream_no,
            sequence=place.seq,
            columns={
                table.name: {each.name: each.type.value for each in table.columns}
                for table in TABLES
            },
            moving=list(names),
        )
        aside = self._aside(MANIFEST)
        aside.write_bytes(msgspec.json.format(msgspec.json.encode(made)) + b"\n")
        _sync(aside)
        aside.replace(self._root / MANIFEST)
        _sync(self._root)
        self.manifest = made

    def _move(self, names: Sequence[str]) -> None:
        for name in names:
            aside, path = self._aside(name), self._root / name
            if aside.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                aside.replace(path)
        above = {each for name in names for each in (self._root / name).parents}
        for folder in above:
            if folder.is_relative_to(self._root):
                _sync(folder)

    def _aside(self, name: str) -> Path:
        return self._root / _ASIDE / name.replace("/", "~")


@contextmanager
def opened_folder(
    root: Path,
    *,
    client: str,
    form: str,
    write: Writing,
) -> Generator[Folder]:
    """A folder, made where there is none, for as long as we have it to ourselves.

    Raises:
        ConflictError: somebody else has it, or something else is in it.
        UnavailableError: it cannot be read or written.
    """
    folder = Folder(root, client=client, form=form, write=write)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with (root / f".{_LOCK}").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise _taken("another process writes into it") from error
            folder.open()
            yield folder
    except OSError as error:
        raise UnavailableError(
            "folder_unavailable", f"{root}: {error.strerror or error}", retry_after_s=1
        ) from error


def _sync(path: Path) -> None:
    """Make a file durable, or what a folder lists."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _taken(why: str) -> ConflictError:
    return ConflictError(
        "folder_taken", f"This folder cannot be written to: {why}. Name another.", where="--to"
    )
