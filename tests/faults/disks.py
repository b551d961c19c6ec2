"""Disks of their own that are soon full, and what fills them."""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Final

from consentid.embedded.places import ENTERABLE

_PIECE: Final = b"\0" * 2**16


@contextlib.contextmanager
def small_disk(size_bytes: int) -> Generator[Path | None]:
    """A disk of so many bytes; None where we may not mount one."""
    folder = Path(tempfile.mkdtemp(prefix="consentid-disk-", dir="/var/tmp"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    is_mounted = shutil.which("mount") is not None and (
        subprocess.run(mount, check=False, capture_output=True).returncode == 0  # noqa: S603 fixed
    )
    try:
        folder.chmod(ENTERABLE)
        yield folder if is_mounted else None
    finally:
        if is_mounted:
            subprocess.run(["umount", str(folder)], check=True)  # noqa: S603, S607 the system's
        folder.rmdir()


def fill(ballast: Path, *, leaving_bytes: int = 0) -> None:
    """Write a file until its disk is full, but for so much; remove it, and there is room again."""
    with ballast.open("wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while file.write(_PIECE):
                continue
        file.truncate(max(0, file.tell() - leaving_bytes))
