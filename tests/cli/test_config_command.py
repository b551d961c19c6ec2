from pathlib import Path

import pytest
from tests.cli.running import REPOSITORY, Command

from consentid.cli.terminal import Exit
from consentid.settings import Settings
from consentid.settings.reference import entries, markdown

HIDDEN = "***"


def test_every_setting_is_shown_with_who_said_so(consentid: Command, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("postgresql://serving:hush@db:5432/consentid?sslmode=require")
    config = tmp_path / "consentid.toml"
    config.write_text('drain_s = 30\ndatabase_url_file = "secret"\n')
    consentid.set("CONFIG", config)
    consentid.set("TRUSTED_PROXIES", "10.0.0.0/8, ::1")
    consentid.set("PORTAL_CLIENT_SECRET", "hush hush")
    told = consentid("config", "show", "--json")
    assert told.code == Exit.OK
    assert told.json.keys() == set(Settings.__struct_fields__)
    assert told.json["drain_s"] == {"value": 30, "source": f"{config}: drain_s"}
    assert told.json["port"] == {"value": 8000, "source": "default"}
    assert told.json["trusted_proxies"] == {
        "value": ["10.0.0.0/8", "::1"],
        "source": "CONSENTID_TRUSTED_PROXIES",
    }
    assert told.json["database_url"] == {
        "value": f"postgresql+asyncpg://serving:{HIDDEN}@db:5432/consentid",
        "source": f"{config}: database_url_file",
    }
    assert told.json["portal_client_secret"]["value"] == HIDDEN
    assert told.json["valkey_url"] == {"value": None, "source": "default"}
    shown = consentid("config", "show")
    assert "hush" not in shown.out + told.out
    assert any(
        line.split() == ["trusted_proxies", "10.0.0.0/8,", "::1", "CONSENTID_TRUSTED_PROXIES"]
        for line in shown.out.splitlines()
    )


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://serving:12/hush@db/consentid",
        "postgresql://serving:a@hush@db/consentid",
        "postgresql://serving:a?hush@db/consentid",
        "postgresql://serving:a#hush@db/consentid",
        "postgresql://serving@db/consentid?password=hush",
        "postgresql://db/consentid?password=hush",
        "postgresql://serving:hush@a,b/consentid",
        "postgresql:///hush",
    ],
)
def test_where_a_password_may_end_is_not_guessed(consentid: Command, url: str) -> None:
    consentid.set("DATABASE_URL", url)
    told = consentid("config", "show")
    assert told.code in {Exit.OK, Exit.SETUP}  # some are no address at all
    assert "hush" not in told.out + told.err


def test_a_wrong_setting_is_told_and_is_4(consentid: Command) -> None:
    consentid.set("DRAIN", "3")
    told = consentid("config", "show", "--json")
    assert told.code == Exit.SETUP
    assert told.json["error"] == "settings.unknown"
    assert "CONSENTID_DRAIN_S" in told.json["message"]


def test_the_reference_explains_every_setting(consentid: Command) -> None:
    told = consentid("config", "reference")
    assert told.code == Exit.OK
    assert told.out == f"{markdown()}\n"
    assert all(entry.said.endswith((".", "`")) for entry in entries())
    explained = consentid("config", "reference", "--json").json
    assert explained.keys() == set(Settings.__struct_fields__)
    assert explained["database_url"]["secret"] is True
    assert explained["port"]["variable"] == "CONSENTID_PORT"


def test_the_readme_holds_the_reference() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    assert f"\n{markdown()}\n" in readme, "run: python -m tests.helm.settings_schema"
