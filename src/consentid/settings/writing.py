"""Settings as a file, for other commands beside the servers that ``dev`` or ``demo`` started.

What is only ever a secret stays out; an embedded server's address holds no password.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from consentid.settings.chosen import PREFIX, SECRETS, Settings

_MODE: Final = 0o600
_ADDRESSES: Final = "_url"


def write(chosen: Settings, path: Path, *, command: str) -> None:
    """Write the settings to where ``CONSENTID_CONFIG`` can point; whole or not at all."""
    lines = [
        # JSON's strings, numbers, booleans and arrays are TOML's too.
        f"{name} = {json.dumps(msgspec.to_builtins(value, enc_hook=str))}\n"
        for name, value in msgspec.structs.asdict(chosen).items()
        if value is not None and not _is_left_out(name)
    ]
    text = "".join([f"# Written by consentid {command} at each start.\n", *lines])
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)


def left_out(chosen: Settings) -> Mapping[str, str]:
    """The variables that say what the file does not."""
    given = msgspec.structs.asdict(chosen)
    return {
        f"{PREFIX}{name.upper()}": value
        for name, value in given.items()
        if value is not None and _is_left_out(name)
    }


def _is_left_out(name: str) -> bool:
    return name in SECRETS and not name.endswith(_ADDRESSES)
