from pathlib import Path

from tests.cli.running import Command
from tests.conftest import run_apart

from consentid.cli.terminal import Exit
from consentid.embedded.postgres import EmbeddedPostgres


def test_an_empty_database_is_brought_up_to_date_once(
    consentid: Command, postgres: EmbeddedPostgres
) -> None:
    urls = run_apart(postgres.create_database("cli_migrate"))
    consentid.set("DATABASE_URL", urls.serving)
    consentid.set("MIGRATION_DATABASE_URL", urls.owner)
    first = consentid("migrate", "--json")
    assert first.code == Exit.OK
    assert first.json["before"] is None
    again = consentid("migrate")
    assert again.code == Exit.OK
    assert again.out == f"at step {first.json['after']}, nothing was changed\n"
    assert "database brought up to date" in again.err


def test_a_serving_role_that_does_not_exist_is_told(
    consentid: Command, postgres: EmbeddedPostgres
) -> None:
    urls = postgres.urls()
    consentid.set("DATABASE_URL", urls.serving.replace("consentid_serving", "nobody_here"))
    consentid.set("MIGRATION_DATABASE_URL", urls.owner)
    ended = consentid("migrate")
    assert ended.code == Exit.NO
    assert "nobody_here" in ended.err


def test_a_database_that_lets_nobody_in_is_told_with_its_own_words(
    consentid: Command, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    urls = postgres.urls()
    for changed, said in (
        (urls.owner.replace("/consentid?", "/no_such_place?"), '"no_such_place" does not exist'),
        (urls.owner.replace("consentid_owner@", "nobody_here@"), '"nobody_here" does not exist'),
        (f"postgresql://owner@/consentid?host={tmp_path}", "No such file or directory"),
    ):
        consentid.set("DATABASE_URL", urls.serving)
        consentid.set("MIGRATION_DATABASE_URL", changed)
        ended = consentid("migrate")
        assert ended.code == Exit.UNAVAILABLE
        assert "The database cannot be reached now." in ended.err
        assert said in ended.err
