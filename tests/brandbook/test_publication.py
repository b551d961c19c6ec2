"""Applying files: a new version where something changed, and slugs that keep their meaning."""

from tests.brandbook.folders import Folder

from consentid.brandbook.book import Book
from consentid.brandbook.encoding import decode, encode
from consentid.brandbook.folder import Draft
from consentid.brandbook.problem import BrandbookError, Problem, Rule
from consentid.brandbook.publication import publish
from consentid.core.catalogue import find_terms
from consentid.core.party import Party, PartyKind, Slug
from consentid.core.purpose import PurposeId

NEWS = Party(kind=PartyKind.BRAND, slug=Slug("news"))
PLAY = Party(kind=PartyKind.BRAND, slug=Slug("play"))
ENTRY = '{ on = 2026-01-31, reason = "..." }'


def apply(previous: Book | None, draft: Draft) -> Book:
    book = publish(previous, draft)
    assert book is not None
    return book


def refusal(previous: Book, draft: Draft) -> list[Problem]:
    try:
        _ = publish(previous, draft)
    except BrandbookError as error:
        return list(error.problems)
    msg = "the draft was accepted"
    raise AssertionError(msg)


def test_the_first_version_is_1_throughout(folder: Folder) -> None:
    book = apply(None, folder.load())
    assert book.catalogue.version == 1
    assert {notice.version for notice in book.notices.values()} == {1}


def test_applying_the_same_files_again_changes_nothing(folder: Folder) -> None:
    book = apply(None, folder.load())
    assert publish(book, folder.load()) is None
    assert publish(decode(encode(book)), folder.load()) is None


def test_comments_and_white_space_are_no_change(folder: Folder) -> None:
    book = apply(None, folder.load())
    folder.write("news.toml", "# Reviewed.\n\n" + folder.read("news.toml"))
    assert publish(book, folder.load()) is None


def test_another_look_is_a_new_version_with_the_same_notices(folder: Folder) -> None:
    first = apply(None, folder.load())
    folder.replace("news.toml", 'radius = "2px"', 'radius = "3px"')
    second = apply(first, folder.load())
    assert second.catalogue.version == 2
    assert second.notices == first.notices
    assert second.catalogue.revised == first.catalogue.revised


def test_a_word_changed_in_one_language_raises_the_notice_in_all(folder: Folder) -> None:
    first = apply(None, folder.load())
    folder.replace("news.toml", "Avant de poursuivre", "Avant de continuer")
    second = apply(first, folder.load())
    versions = {key: notice.version for key, notice in second.notices.items()}
    assert {key: version for key, version in versions.items() if version != 1} == {
        ("news", "en"): 2,
        ("news", "fr"): 2,
    }
    assert second.catalogue.revised == first.catalogue.revised, "a purpose reworded is kept"


def test_a_brand_that_joins_raises_the_notices_that_now_name_it(folder: Folder) -> None:
    first = apply(None, folder.load())
    joining = folder.read("play.toml").replace("Halcyon Play", "Halcyon Live")
    folder.write("live.toml", joining.replace("play", "live").replace("live-together", "x"))
    folder.replace("live.toml", 'id = "halcyon-live"', 'id = "halcyon-live-bv"')
    second = apply(first, folder.load())
    versions = {id_: notice.version for (id_, _), notice in second.notices.items()}
    assert versions == {"news": 2, "shop": 1, "play": 1, "live": 1, "reach": 1, "bazaar": 1}


def test_loosening_an_override_asks_again_there_alone(folder: Folder) -> None:
    first = apply(None, folder.load())
    folder.replace("play.toml", "own = true", "validity_days = 390")
    second = apply(first, folder.load())
    tv = PurposeId("tv.ads")
    at_play = find_terms(second.catalogue, PLAY, tv)
    at_news = find_terms(second.catalogue, NEWS, tv)
    assert at_play is not None
    assert at_news is not None
    assert (at_play.revised_in, at_news.revised_in) == (2, 1)


def test_a_material_edition_asks_everybody_again(folder: Folder) -> None:
    first = apply(None, folder.load())
    folder.replace("group.toml", "[purposes.content]\n", "[purposes.content]\nmaterial = 2\n")
    second = apply(first, folder.load())
    terms = find_terms(second.catalogue, NEWS, PurposeId("content.across"))
    assert terms is not None
    assert terms.revised_in == 2


def test_a_removed_purpose_is_refused_unless_it_is_retired(folder: Folder) -> None:
    first = apply(None, folder.load())
    text = folder.read("play.toml")
    start, end = text.index('[purposes."play:together"]'), text.index("[texts.en]")
    folder.write("play.toml", (text[:start] + text[end:]).replace('"play:together", ', ""))
    assert refusal(first, folder.load()) == [
        Problem(
            rule=Rule.REMOVED,
            file="play.toml",
            line=1,
            key='purposes."play:together"',
            message='"play:together" is gone, and decisions speak of it',
            remedy=(
                f'put it back, or write "play:together" = {ENTRY} under [retired.purposes] '
                "of group.toml"
            ),
        )
    ]
    retired = '[retired.purposes]\n"play:together" = { on = 2026-11-01, reason = "Unused." }\n'
    folder.replace("group.toml", "[retired.purposes]\n", retired)
    assert apply(first, folder.load()).catalogue.version == 2


def test_a_removed_brand_is_refused_unless_it_is_retired(folder: Folder) -> None:
    first = apply(None, folder.load())
    (folder.path / "play.toml").unlink()
    folder.replace("group.toml", 'play = "halcyon-play"\n', "")
    said = refusal(first, folder.load())
    assert [(each.rule, each.file, each.key, each.message) for each in said] == [
        (Rule.REMOVED, "group.toml", "", '"play" is gone, and decisions speak of it'),
        (
            Rule.REMOVED,
            "group.toml",
            'purposes."play:together"',
            '"play:together" is gone, and decisions speak of it',
        ),
    ]
    retired = '[retired.parties]\nplay = { on = 2026-11-01, reason = "Sold." }\n\n[texts.en]'
    folder.replace("group.toml", "[texts.en]", retired)
    assert apply(first, folder.load()).brands.keys() == {"news", "shop"}


def test_a_forgotten_retirement_is_refused(folder: Folder) -> None:
    first = apply(None, folder.load())
    text = folder.read("group.toml")
    folder.write("group.toml", text.replace('"ads.retargeting" = {', '"ads.retarget" = {'))
    (problem,) = refusal(first, folder.load())
    assert (problem.rule, problem.file, problem.key) == (
        Rule.REMOVED,
        "group.toml",
        'retired.purposes."ads.retargeting"',
    )
    assert problem.line == folder.line_of("group.toml", "[retired.purposes]")
    assert problem.remedy == f'put "ads.retargeting" = {ENTRY} back'


def test_a_retired_slug_that_is_back_is_refused(folder: Folder) -> None:
    first = apply(None, folder.load())
    text = folder.read("group.toml")
    start, end = text.index("[retired.purposes]"), text.index("# ── Words of every notice")
    back = text[:start] + text[end:]
    folder.write("group.toml", back.replace("ads.measurement", "ads.retargeting"))
    folder.replace("partners/reach.toml", '"ads.measurement", ', "")
    said = [(each.rule, each.key) for each in refusal(first, folder.load())]
    assert (Rule.REUSED_SLUG, 'purposes."ads.retargeting"') in said


def test_a_purpose_on_another_legal_basis_is_refused(folder: Folder) -> None:
    first = apply(None, folder.load())
    folder.replace("group.toml", 'basis = "legitimate_interest" # not', 'basis = "contract" # not')
    folder.replace("shop.toml", '[overrides.audience]\nbasis = "consent"', "# was\n# was")
    (problem,) = refusal(first, folder.load())
    assert problem == Problem(
        rule=Rule.RE_MEANT,
        file="group.toml",
        line=folder.line_of("group.toml", 'basis = "contract" # not'),
        key="purposes.audience.basis",
        message='"audience" rested on another legal basis when people answered',
        remedy='put it back, or retire "audience" and declare another purpose',
    )


def test_a_purpose_with_the_data_of_others_is_refused(folder: Folder) -> None:
    first = apply(None, folder.load())
    folder.replace("shop.toml", 'source = "first_party"', 'source = "third_party"')
    (problem,) = refusal(first, folder.load())
    assert (problem.rule, problem.file, problem.key, problem.line) == (
        Rule.RE_MEANT,
        "shop.toml",
        'purposes."shop:loyalty".source',
        folder.line_of("shop.toml", 'source = "third_party"'),
    )


def test_a_material_edition_that_goes_back_is_refused(folder: Folder) -> None:
    folder.replace("group.toml", "[purposes.tv]\n", "[purposes.tv]\nmaterial = 3\n")
    first = apply(None, folder.load())
    folder.replace("group.toml", "material = 3", "material = 2")
    (problem,) = refusal(first, folder.load())
    assert (problem.rule, problem.key, problem.line) == (
        Rule.RE_MEANT,
        "purposes.tv.material",
        folder.line_of("group.toml", "material = 2"),
    )


def test_a_client_id_that_moves_to_another_brand_is_refused(folder: Folder) -> None:
    first = apply(None, folder.load())
    folder.replace("news.toml", "[clients.news-web]", "[clients.play-web]")
    folder.replace("play.toml", "[clients.play-web]", "[clients.play-site]")
    (problem,) = refusal(first, folder.load())
    assert (problem.rule, problem.file, problem.key, problem.message) == (
        Rule.RE_MEANT,
        "news.toml",
        "clients.play-web",
        'the client "play-web" belongs to brand/play',
    )


def test_a_brand_sold_to_another_undertaking_is_a_new_version(folder: Folder) -> None:
    first = apply(None, folder.load())
    folder.replace("play.toml", 'id = "halcyon-play"', 'id = "kingfisher-media"')
    second = apply(first, folder.load())
    assert second.catalogue.parties[PLAY].entity == "kingfisher-media"
    assert second.notices["play", "en"].version == 2
