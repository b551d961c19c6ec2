import shutil
from pathlib import Path

import pytest
from tests.cli.running import BRANDS, Command

from consentid.cli.terminal import Exit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped brands, to make mistakes in."""
    return Path(shutil.copytree(BRANDS, tmp_path / "brands"))


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_the_shipped_brands_are_sound(consentid: Command) -> None:
    ended = consentid("brands", "check", "--brands", BRANDS)
    assert ended.code == Exit.OK
    assert "is sound: " in ended.out


def test_a_mistake_is_told_with_file_line_key_and_remedy(consentid: Command, folder: Path) -> None:
    replace(folder / "news.toml", "domains =", "domain =")
    ended = consentid("brands", "check", "--brands", folder)
    assert ended.code == Exit.NO
    assert any(line.startswith("news.toml:4: domain: ") for line in ended.out.splitlines())
    assert "mistake" in ended.err


def test_mistakes_are_told_to_programs_too(consentid: Command, folder: Path) -> None:
    replace(folder / "news.toml", "domains =", "domain =")
    ended = consentid("brands", "check", "--json", "--brands", folder)
    assert ended.code == Exit.NO
    assert ended.json["sound"] is False
    told = next(p for p in ended.json["problems"] if p["rule"] == "unknown_key")
    assert (told["file"], told["line"], told["key"]) == ("news.toml", 4, "domain")
    assert told["remedy"]


def test_a_folder_that_is_not_there_is_a_mistake(consentid: Command, tmp_path: Path) -> None:
    ended = consentid("brands", "check", "--brands", tmp_path / "none")
    assert ended.code == Exit.NO
    assert "group.toml" in ended.out


def test_show_tells_what_each_brand_offers_with_overrides_applied(consentid: Command) -> None:
    ended = consentid("brands", "show", "news", "--brands", BRANDS)
    assert ended.code == Exit.OK
    rows = {line.split()[0]: line for line in ended.out.splitlines() if line}
    assert "184 d" in rows["ads.personalised"]
    assert "location" not in rows
    assert "shop:loyalty" not in rows


def test_show_tells_programs_every_party(consentid: Command) -> None:
    shown = consentid("brands", "show", "--json", "--brands", BRANDS).json
    assert set(shown) == {
        *("brand/news", "brand/shop", "brand/play"),
        *("partner/bazaar", "partner/reach"),
    }
    assert shown["brand/news"]["purposes"]["ads.personalised"]["validity_s"] == 184 * 86_400


def test_show_of_an_unknown_brand_names_the_known(consentid: Command) -> None:
    ended = consentid("brands", "show", "nws", "--brands", BRANDS)
    assert ended.code == Exit.USAGE
    assert "only news, play, shop, bazaar, reach" in ended.err


def test_the_same_files_applied_again_change_nothing(installed: Command) -> None:
    first = installed("brands", "apply", "--json")
    assert first.code == Exit.OK
    assert first.json["new"] is True
    assert first.json["changes"]
    again = installed("brands", "apply", "--json")
    assert again.code == Exit.OK
    assert again.json == {"version": first.json["version"], "new": False, "changes": []}
    assert "nothing was changed" in installed("brands", "apply").out


def test_a_change_makes_a_new_version_and_says_what_it_changes(
    installed: Command, folder: Path
) -> None:
    before = installed("brands", "apply", "--json").json["version"]
    replace(folder / "news.toml", "validity_days = 184", "validity_days = 90")
    ended = installed("brands", "apply", "--brands", folder)
    assert ended.code == Exit.OK
    assert f"version {before + 1} is in force" in ended.out
    assert "ads.personalised" in ended.out


def test_a_removed_brand_is_refused_and_nothing_changes(installed: Command, folder: Path) -> None:
    version = installed("brands", "apply", "--json").json["version"]
    (folder / "partners" / "reach.toml").unlink()
    ended = installed("brands", "apply", "--brands", folder)
    assert ended.code == Exit.NO
    assert "reach" in ended.out
    assert installed("brands", "apply", "--json").json["version"] == version


def test_apply_without_a_reachable_database_is_unavailable(
    consentid: Command, tmp_path: Path
) -> None:
    consentid.set("DATABASE_URL", f"postgresql://u@/d?host={tmp_path}")
    ended = consentid("brands", "apply", "--brands", BRANDS)
    assert ended.code == Exit.UNAVAILABLE
    assert "database" in ended.err
