import contextlib
import io
import json
import re
import threading

import pytest

from consentid.cli import terminal
from consentid.cli.terminal import Exit, Style
from consentid.kit.errors import (
    ConflictError,
    ConsentidError,
    MalformedError,
    NotFoundError,
    UnavailableError,
)
from consentid.settings import SettingsError


class Screen(io.StringIO):
    """A terminal in memory, which tells when something moves on it."""

    def __init__(self) -> None:
        super().__init__()
        self.moved: threading.Event = threading.Event()

    def write(self, text: str) -> int:  # pyright: ignore[reportImplicitOverride]  3.11 has no override
        written = super().write(text)
        if text.startswith("\r"):
            self.moved.set()
        return written

    def isatty(self) -> bool:  # pyright: ignore[reportImplicitOverride]  3.11 has no override
        return True

    @property
    def encoding(self) -> str:  # pyright: ignore[reportImplicitOverride, reportIncompatibleVariableOverride]  io declares an attribute
        return "utf-8"


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    made = Screen()
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return made


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [
        ({}, True),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm"}, True),
    ],
)
def test_colour_is_for_terminals_that_want_it(environ: dict[str, str], coloured: bool) -> None:
    assert terminal.has_colour(Screen(), environ) is coloured
    assert not terminal.has_colour(io.StringIO(), environ)


def test_paint_leaves_plain_text_plain_for_a_program(screen: Screen) -> None:
    assert terminal.paint("text", Style.RED, on=io.StringIO()) == "text"
    assert terminal.paint("text", Style.RED, Style.BOLD, on=screen) == "\x1b[31;1mtext\x1b[0m"
    assert terminal.paint("text", on=screen) == "text"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsError("settings.missing", "m"), Exit.SETUP),
        (MalformedError("usage", "m"), Exit.USAGE),
        (UnavailableError("database_unavailable", "m", retry_after_s=1), Exit.UNAVAILABLE),
        (NotFoundError("client_unknown", "m"), Exit.NO),
        (ConflictError("client_exists", "m"), Exit.NO),
        (ConsentidError("other", "m"), Exit.NO),
    ],
)
def test_each_family_of_errors_has_its_exit_code(error: ConsentidError, code: Exit) -> None:
    assert terminal.exit_of(error) is code


def test_an_error_says_command_place_and_message(capsys: pytest.CaptureFixture[str]) -> None:
    error = NotFoundError("client_unknown", "no such client", where="client_id")
    assert terminal.say_error(error, command="clients") is Exit.NO
    assert capsys.readouterr().err == "consentid clients: client_id: no such client\n"
    terminal.say_error(error, command="clients", as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "error": "client_unknown",
        "message": "no such client",
        "where": "client_id",
    }


def test_a_table_lines_up_and_trails_no_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say_table(("A", "LONG"), [("wide cell", ""), ("x", "y")])
    assert capsys.readouterr().out == "A          LONG\nwide cell\nx          y\n"


def test_a_table_without_rows_still_has_its_headings(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say_table(("A", "B"), [])
    assert capsys.readouterr().out == "A  B\n"


def test_a_step_says_how_it_ended_and_nothing_on_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with terminal.step("done well"):
        pass
    with pytest.raises(ValueError, match="broken"), terminal.step("done badly"):
        raise ValueError("broken")
    out, err = capsys.readouterr()
    assert not out
    assert re.fullmatch(r"(✓|ok) done well\n(✗|failed:) done badly\n", err)


def test_a_step_that_takes_longer_shows_that_it_is_under_way(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "SHOW_AFTER_S", 0.0)
    monkeypatch.setattr(terminal, "REFRESH_S", 0.001)
    with contextlib.redirect_stderr(screen), terminal.step("long work"):
        assert screen.moved.wait(10)
    assert re.search(r"\x1b\[32m✓\x1b\[0m long work \(\d+\.\d s\)\n$", screen.getvalue())
