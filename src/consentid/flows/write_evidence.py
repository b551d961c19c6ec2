"""Evidence as one zip: what proves, what it is, and a verifier that needs nothing of ours.

It is made piece by piece, each handed on before the next is read, so no more is held than one
decision or one picture; whoever stops reading has no directory at its end, and so no zip.
"""

import hashlib
import io
import zipfile
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Final, final

import msgspec
from typing_extensions import override

from consentid.flows.context import Context
from consentid.flows.note_export import Taker
from consentid.flows.prove_decisions import Missing, Named, prove_decisions
from consentid.store.engine import Database

SCHEMA: Final = "consentid/evidence/1"
_README: Final = files("consentid.flows") / "court_readme.txt"
_VERIFIER: Final = files("consentid.flows") / "court_verifier.py"
_PICTURE: Final = ".png"
_FAST: Final = 1
"""A catalogue takes milliseconds, not tens of them, for which others wait."""


class _Manifest(msgspec.Struct, frozen=True, kw_only=True):
    schema: str
    made_at: str
    decisions: list[str]
    catalogues: list[str]
    pictures: list[str]
    unreadable: dict[str, str]
    files: dict[str, str]


@dataclass(slots=True, kw_only=True)
class Written:
    """What is in a zip, as far as it has grown."""

    digests: dict[str, str] = field(default_factory=dict)
    """SHA-256 in hexadecimal, by name."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Decisions that are left out, and why."""

    def named(self, folder: str) -> list[str]:
        """What has a folder of its own there, in the order written."""
        return _named(self.digests, folder)


async def write_evidence(
    context: Context,
    named: Named,
    *,
    folder: str,
    made_at: datetime,
    taker: Taker,
    apart: Database | None = None,
    written: Written | None = None,
) -> AsyncGenerator[bytes]:
    """The zip in pieces; all that is in it lies within one folder.  See ``prove_decisions``.

    Raises:
        GoneError, UnreadableError, UnavailableError: as there.
    """
    done = Written() if written is None else written
    pipe = _Pipe()
    parts = prove_decisions(context, named, taker=taker, apart=apart)
    with zipfile.ZipFile(pipe, "w") as archive:
        growing = _Growing(archive, folder, made_at, done.digests)
        growing.add({"README.txt": _README.read_bytes(), "verify.py": _VERIFIER.read_bytes()})
        async for part in parts:
            if isinstance(part, Missing):
                done.unreadable[part.decision] = part.why
                continue
            growing.add({f"{part.folder}/{name}": content for name, content in part.files.items()})
            yield pipe.take()
        growing.add({"manifest.json": _manifest(done, made_at)})
    yield pipe.take()


@dataclass(frozen=True, slots=True)
class _Growing:
    """A zip, all of it within one folder."""

    archive: zipfile.ZipFile
    folder: str
    made_at: datetime
    digests: dict[str, str]

    def add(self, some: Mapping[str, bytes]) -> None:
        """Write files, and keep their digests."""
        for name, content in some.items():
            self.digests[name] = hashlib.sha256(content).hexdigest()
            info = zipfile.ZipInfo(f"{self.folder}/{name}", self.made_at.timetuple()[:6])
            info.external_attr = 0o644 << 16
            is_packed = name.endswith(_PICTURE)
            packing = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
            self.archive.writestr(info, content, packing, _FAST)


def _manifest(done: Written, made_at: datetime) -> bytes:
    manifest = _Manifest(
        schema=SCHEMA,
        made_at=made_at.isoformat(timespec="seconds"),
        decisions=done.named("decisions"),
        catalogues=done.named("catalogues"),
        pictures=done.named("pictures"),
        unreadable=done.unreadable,
        files=dict(sorted(done.digests.items())),
    )
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2)


def _named(names: Iterable[str], folder: str) -> list[str]:
    found = (name.split("/") for name in names if name.startswith(f"{folder}/"))
    return list(dict.fromkeys(parts[1] for parts in found))


@final
class _Pipe(io.RawIOBase):
    """Where a zip is written that cannot go back; what was written is taken away."""

    def __init__(self) -> None:
        super().__init__()
        self._held: bytearray = bytearray()

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: "bytes | bytearray | memoryview", /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]  bytes is all that comes
        self._held += data
        return len(data)

    def take(self) -> bytes:
        """What was written since."""
        taken, self._held = bytes(self._held), bytearray()
        return taken
