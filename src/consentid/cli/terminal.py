"""How commands speak: results to standard output, everything else to standard error.

Colour, ticks and moving lines appear only where a person looks on (a terminal, ``NO_COLOR`` unset,
``TERM`` not ``dumb``); a program gets plain lines or, with ``--json``, one JSON value.
"""

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from enum import IntEnum
from typing import Final, TextIO

from consentid.kit.errors import (
    ConsentidError,
    MalformedError,
    UnavailableError,
    said_by,
)

SHOW_AFTER_S: Final = 1.0
REFRESH_S: Final = 0.2
_SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Exit(IntEnum):
    """What a command's end means."""

    OK = 0
    NO = 1
    USAGE = 2
    UNAVAILABLE = 3
    SETUP = 4
    INTERRUPTED = 130


class Style(IntEnum):
    """ANSI's numbers for what we use."""

    BOLD = 1
    DIM = 2
    RED = 31
    GREEN = 32
    YELLOW = 33
    CYAN = 36


def has_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether a stream takes colours.  Spec: no-color.org (set and not empty turns it off)."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def paint(text: str, *styles: Style, on: TextIO) -> str:
    """The text in a style, where the stream takes one."""
    if not styles or not has_colour(on, os.environ):
        return text
    return f"\x1b[{';'.join(str(int(style)) for style in styles)}m{text}\x1b[0m"


def say(text: str = "") -> None:
    """One line of the result."""
    print(text, flush=True)


def note(text: str) -> None:
    """One line beside the result: for the person, not for the program."""
    print(text, file=sys.stderr, flush=True)


def note_over(text: str) -> None:
    """The same in the place of a line that moves."""
    clear = "\r\x1b[2K" if has_colour(sys.stderr, os.environ) else ""
    note(f"{clear}{text}")


def say_json(value: object) -> None:
    """The result as one JSON value."""
    print(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def say_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table: columns as wide as they need, the last one free."""
    widths = [max(len(row[at]) for row in (headings, *rows)) for at in range(len(headings))]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))

    say(paint(line(headings).rstrip(), Style.BOLD, on=sys.stdout))
    for row in rows:
        say(line(row).rstrip())


def say_error(error: ConsentidError, *, command: str, as_json: bool = False) -> Exit:
    """Tell an error; the exit code that it means."""
    if as_json:
        say_json({"error": error.code, "message": error.message, "where": error.where})
    else:
        name = paint(f"consentid {command}:", Style.RED, on=sys.stderr)
        where = f"{error.where}: " if error.where else ""
        why = said_by(error) if error.code == "database_unavailable" else None
        note(f"{name} {where}{error.message}{f' ({why})' if why else ''}")
    return exit_of(error)


def exit_of(error: ConsentidError) -> Exit:
    """The exit code for an error."""
    if error.code.startswith("settings."):
        return Exit.SETUP
    match error:
        case UnavailableError():
            return Exit.UNAVAILABLE
        case MalformedError():
            return Exit.USAGE
        case _:
            return Exit.NO


@contextlib.contextmanager
def step(label: str) -> Generator[None]:
    """Say that something is under way, once it takes longer than a second, and how it ended."""
    stream = sys.stderr
    ended = threading.Event()
    started_at = time.monotonic()
    moving = threading.Thread(target=_show_progress, args=(label, ended, stream), daemon=True)
    if has_colour(stream, os.environ):
        moving.start()
    tick = _tick(stream, good=False)
    try:
        yield
        tick = _tick(stream, good=True)
    finally:
        took_s = time.monotonic() - started_at
        ended.set()
        if moving.is_alive():
            moving.join()
        note_over(f"{tick} {label}{f' ({took_s:.1f} s)' if took_s >= SHOW_AFTER_S else ''}")


def _show_progress(label: str, ended: threading.Event, stream: TextIO) -> None:
    waited_s = SHOW_AFTER_S
    turn = 0
    while not ended.wait(SHOW_AFTER_S if turn == 0 else REFRESH_S):
        mark = paint(_SPINNER[turn % len(_SPINNER)] if _is_unicode(stream) else ".", on=stream)
        stream.write(f"\r\x1b[2K{mark} {label} {waited_s:.0f} s")
        stream.flush()
        turn += 1
        waited_s += REFRESH_S


def _tick(stream: TextIO, *, good: bool) -> str:
    mark = ("✓" if good else "✗") if _is_unicode(stream) else ("ok" if good else "failed:")
    return paint(mark, Style.GREEN if good else Style.RED, on=stream)


def _is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")
