import importlib
import os
import re
import signal
import subprocess
import sys

import pytest
from tests.cli.running import REPOSITORY, Command, run_process

from consentid.cli.main import COMMANDS, main
from consentid.cli.terminal import Exit


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(consentid: Command, name: str) -> None:
    ended = consentid(name, "--help")
    assert ended.code == Exit.OK
    assert ended.out.startswith(f"usage: consentid {name}")


def test_help_names_every_command_with_examples_and_exit_codes(consentid: Command) -> None:
    ended = consentid("--help")
    assert ended.code == Exit.OK
    listed = ended.out.partition("examples:")
    assert all(re.search(rf"\n    {name}\s", listed[0]) for name in COMMANDS)
    assert "consentid demo --check" in listed[2]
    assert "exit codes:" in listed[2]


def test_the_version_is_told() -> None:
    ended = run_process("--version")
    assert ended.code == Exit.OK
    assert ended.out.startswith("consentid ")


@pytest.mark.parametrize(
    "words", [[], ["conjure"], ["brands"], ["brands", "mend"], ["serve", "--port", "eighty"]]
)
def test_wrong_usage_is_told_and_is_2(consentid: Command, words: list[str]) -> None:
    ended = consentid(*words)
    assert ended.code == Exit.USAGE
    assert "usage: consentid" in ended.err
    assert not ended.out


def test_a_misspelt_setting_is_told_and_is_4(consentid: Command) -> None:
    consentid.set("DATABSE_URL", "postgresql://u@h/d")
    ended = consentid("migrate")
    assert ended.code == Exit.SETUP
    assert "CONSENTID_DATABSE_URL" in ended.err
    assert "did you mean CONSENTID_DATABASE_URL?" in ended.err


def test_an_error_is_one_json_object_where_json_was_asked_for(consentid: Command) -> None:
    ended = consentid("migrate", "--json")
    assert ended.code == Exit.SETUP
    assert ended.json["error"] == "settings.missing"
    assert ended.json["where"] == "CONSENTID_DATABASE_URL"


@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
def test_without_a_database_the_server_commands_say_what_to_set(
    consentid: Command, command: str
) -> None:
    ended = consentid(command)
    assert ended.code == Exit.SETUP
    assert "CONSENTID_DATABASE_URL" in ended.err


def test_without_the_server_extra_a_command_says_what_to_install(
    consentid: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    consentid.set("DATABASE_URL", "postgresql://u@h/d")
    for name in [name for name in sys.modules if name.startswith("consentid.store")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "alembic", None)
    ended = consentid("migrate")
    assert ended.code == Exit.SETUP
    assert "consentid migrate: needs alembic: pip install 'consentid[server]'" in ended.err


def test_help_is_there_without_the_server_extra(
    consentid: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "consentid.cli.brands_command", raising=False)
    monkeypatch.delitem(sys.modules, "consentid.brandbook.place", raising=False)
    monkeypatch.delitem(sys.modules, "consentid.brandbook.folder", raising=False)
    monkeypatch.delitem(sys.modules, "consentid.brandbook.table", raising=False)
    monkeypatch.setitem(sys.modules, "tree_sitter", None)
    monkeypatch.setitem(sys.modules, "tree_sitter_toml", None)
    ended = consentid("--help")
    assert ended.code == Exit.OK
    assert "brands" in ended.out
    assert "needs the server extra" in ended.out


def test_a_missing_module_of_our_own_is_a_bug_and_not_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "consentid.cli.verify_command", None)
    with pytest.raises(ModuleNotFoundError, match=r"consentid\.cli\.verify_command"):
        main(["verify", "--help"])


def test_verifying_imports_nothing_of_the_server() -> None:
    """What a partner installs is the base alone."""
    program = (
        "import sys; from consentid.cli.main import main; main(['verify', '--help']);"
        "print([m for m in ('litestar', 'sqlalchemy', 'alembic', 'asyncpg', 'uvicorn', 'valkey',"
        "'joserfc', 'jwt', 'authlib', 'tree_sitter') if m in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_ctrl_c_is_an_end_like_another(consentid: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    command = importlib.import_module("consentid.cli.brands_command")

    def interrupt(_folder: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(command, "load", interrupt)
    # Whoever is started in the background by a shell is deaf to it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    ended = consentid("brands", "check")
    signal.signal(signal.SIGINT, before)
    assert ended.code == Exit.INTERRUPTED
    assert not ended.err


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    shell = f"{sys.executable} -m consentid brands show | head -n 1"
    done = subprocess.run(  # noqa: S602  a pipe is what is tested
        shell, shell=True, capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout.startswith("Halcyon")
    assert not done.stderr
