"""Every mistake in the files is told with file, line, key and remedy."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.brandbook.client_mistakes import CLIENT_MISTAKES
from tests.brandbook.folders import Folder
from tests.brandbook.mistakes import MISTAKES, Mistake

from consentid.brandbook.problem import BrandbookError, Problem, Rule, report


@pytest.mark.parametrize("mistake", [*MISTAKES, *CLIENT_MISTAKES], ids=lambda mistake: mistake.name)
def test_each_mistake_is_told_with_its_file_line_key_and_remedy(
    folder: Folder, mistake: Mistake
) -> None:
    folder.replace(mistake.file, mistake.old, mistake.new, every=mistake.every)
    problems = folder.problems()
    file = mistake.told_in or mistake.file
    assert (
        Problem(
            rule=mistake.rule,
            file=file,
            line=folder.line_of(file, mistake.mark),
            key=mistake.key,
            message=mistake.message,
            remedy=mistake.remedy,
        )
        in problems
    ), report(problems)
    assert (len(problems) == 1) == mistake.alone, report(problems)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_files(folder: Folder) -> None:
    folder.replace("shop.toml", "validity_days = 90", "validity_days = 900")
    folder.replace("group.toml", "identity =", "identities =")
    folder.replace("group.toml", '[retired.purposes]\n"ads.ret', '[retired.purpose]\n"ads.ret')
    folder.replace("partners/reach.toml", 'country = "DE"', 'country = "Germany"')
    assert [(each.file, each.key) for each in folder.problems()] == [
        ("group.toml", "identities"),
        ("group.toml", "retired.purpose"),
        ("partners/reach.toml", "legal_entity.country"),
        ("shop.toml", 'overrides."ads.partners".validity_days'),
    ]


def test_a_report_gives_place_and_remedy_on_two_lines(folder: Folder) -> None:
    folder.replace("news.toml", "off = true", "of = true")
    problems = folder.problems()
    line = folder.line_of("news.toml", "of = true")
    assert report(problems).splitlines() == [
        f"news.toml:{line - 1}: overrides.location: this override says nothing",
        "    remove it, or write off, own, adults_only, assisted, validity_days or basis",
        f"news.toml:{line}: overrides.location.of: unknown key",
        '    did you mean "off"?',
    ]


def test_a_file_that_is_no_toml_is_told_with_line_and_column(folder: Folder) -> None:
    folder.write("news.toml", 'name = "Halcyon News"\ndomains = [\n  "a" "b"\n]\n')
    (problem,) = folder.problems()
    assert (problem.rule, problem.file, problem.line) == (Rule.INVALID_TOML, "news.toml", 3)
    assert problem.message == "not valid TOML: Unclosed array (column 7)"


def test_a_file_that_ends_too_soon_is_told_at_its_end(folder: Folder) -> None:
    folder.write("news.toml", 'name = "Halcyon News"\ndomains = [')
    (problem,) = folder.problems()
    assert (problem.rule, problem.file, problem.line) == (Rule.INVALID_TOML, "news.toml", 2)


def test_a_file_that_is_no_utf_8_is_told_at_the_line_of_the_wrong_byte(folder: Folder) -> None:
    _ = (folder.path / "news.toml").write_bytes(b'name = "Halcyon News"\naudience = "\xff"\n')
    (problem,) = folder.problems()
    assert (problem.rule, problem.file, problem.line) == (Rule.INVALID_TOML, "news.toml", 2)
    assert problem.message == "the file is not UTF-8 text"


def test_files_with_windows_line_ends_and_a_byte_order_mark_load_alike(folder: Folder) -> None:
    before = folder.load()
    text = folder.read("news.toml")
    folder.write("news.toml", "\ufeff" + text.replace("\n", "\r\n"))
    after = folder.load()
    assert after.book == before.book
    assert after.pages == before.pages


def test_a_folder_without_the_groups_file_is_refused(folder: Folder) -> None:
    (folder.path / "group.toml").unlink()
    (problem,) = folder.problems()
    assert (problem.rule, problem.file, problem.line) == (Rule.MISSING_FILE, "group.toml", 1)


def test_a_folder_without_a_brand_is_refused(folder: Folder) -> None:
    for slug in ("news", "shop", "play"):
        (folder.path / f"{slug}.toml").unlink()
    (problem,) = folder.problems()
    assert (problem.rule, problem.message) == (Rule.MISSING_FILE, "no brand stands beside it")


def test_a_file_whose_name_is_no_slug_is_refused(folder: Folder) -> None:
    folder.write("Bad_Name.toml", 'name = "x"')
    (problem,) = folder.problems()
    assert (problem.rule, problem.file) == (Rule.WRONG_FORM, "Bad_Name.toml")


def test_files_that_are_no_configuration_are_left_alone(folder: Folder) -> None:
    folder.write("README.md", "Read me.")
    folder.write(".news.toml", "not = [valid")
    assert folder.load()


def test_a_partner_with_a_brands_slug_is_refused(folder: Folder) -> None:
    partner = folder.read("partners/reach.toml").replace("reach.localhost", "other.localhost")
    partner = partner.replace("reach-", "other-").replace("Reach Media", "Other Media")
    partner = partner.replace('shop = "ads.partners.retail"', "")
    folder.write("partners/shop.toml", partner)
    (problem,) = folder.problems()
    assert (problem.rule, problem.file, problem.line, problem.key) == (
        Rule.REUSED_SLUG,
        "partners/shop.toml",
        1,
        "",
    )
    assert problem.message == 'the slug "shop" is taken by shop.toml'
    assert problem.remedy == "rename this file: brands and partners share their slugs"


def test_a_brand_with_a_retired_slug_is_refused(folder: Folder) -> None:
    retired = '[retired.parties]\nplay = { on = 2026-05-01, reason = "Sold." }\n\n[texts.en]'
    folder.replace("group.toml", "[texts.en]", retired)
    (problem,) = folder.problems()
    assert (problem.rule, problem.file) == (Rule.REUSED_SLUG, "play.toml")
    assert problem.message == 'the slug "play" was retired on 2026-05-01'


def test_a_catalogue_whose_tokens_could_be_too_large_is_refused(folder: Folder) -> None:
    extra = "".join(
        f"""
[purposes."tv.an_awfully_long_name_number_{number}"]
basis = "consent"
source = "first_party"
data = ["viewing"]
texts = {{ en = {{ name = "A", description = "A" }}, fr = {{ name = "A", description = "A" }} }}
"""
        for number in range(12)
    )
    folder.write("group.toml", folder.read("group.toml") + extra)
    said = [(each.rule, each.file, each.line, each.key, each.remedy) for each in folder.problems()]
    # Not at the shop, where TV is off, and not at the partner, which lists what it may have.
    remedy = "offer fewer purposes here (off), or give them shorter slugs"
    assert said == [
        (Rule.TOKEN_TOO_LARGE, "news.toml", 1, "", remedy),
        (Rule.TOKEN_TOO_LARGE, "play.toml", 1, "", remedy),
    ]


FILES = ("group.toml", "news.toml", "shop.toml", "play.toml", "partners/reach.toml")
VALUES = (
    "1",
    "-1",
    "true",
    "false",
    '""',
    '"x"',
    "[]",
    "[1]",
    '["x"]',
    "{}",
    "{ x = 1 }",
    "1.5",
    "2026-01-01",
    "nan",
    '"{"',
    '"ads"',
    '["ads", "ads"]',
)


@given(data=st.data())
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=60,
)
def test_whatever_is_written_for_a_key_is_taken_or_told(
    folder: Folder, data: st.DataObject
) -> None:
    """No mistake makes the check itself stumble."""
    file = data.draw(st.sampled_from(FILES))
    sound = folder.read(file)
    lines = sound.splitlines()
    keyed = [at for at, line in enumerate(lines) if re.match(r"[^#\[ ]+ = ", line)]
    for at in data.draw(st.sets(st.sampled_from(keyed), min_size=1, max_size=3)):
        key = lines[at].partition(" = ")[0]
        value = data.draw(st.sampled_from((*VALUES, "")))
        lines[at] = f"{key} = {value}" if value else ""
    folder.write(file, "\n".join(lines))
    told: tuple[Problem, ...] = ()
    try:
        _ = folder.load()
    except BrandbookError as error:
        told = error.problems
    finally:
        folder.write(file, sound)
    assert all(each.message and each.remedy and each.line >= 1 for each in told)


@pytest.mark.parametrize("text", ["x = " + "[" * 5_000 + "]" * 5_000, "x = " + "{a=" * 5_000])
def test_what_is_nested_without_end_is_a_mistake_like_others(folder: Folder, text: str) -> None:
    folder.write("news.toml", text)
    (problem,) = folder.problems()
    assert (problem.file, problem.rule) == ("news.toml", Rule.INVALID_TOML)


def test_a_number_without_end_is_a_mistake_like_others(folder: Folder) -> None:
    folder.write("news.toml", "\nx = " + "1" * 5_000 + "\n" + folder.read("news.toml"))
    (problem,) = folder.problems()
    assert (problem.file, problem.line, problem.rule) == ("news.toml", 2, Rule.INVALID_TOML)


def test_a_key_of_many_parts_is_a_mistake_like_others(folder: Folder) -> None:
    folder.write("news.toml", "\n" + "a." * 100_000 + "a = 1\n" + folder.read("news.toml"))
    (problem,) = folder.problems()
    assert (problem.file, problem.line, problem.rule) == ("news.toml", 2, Rule.INVALID_TOML)
