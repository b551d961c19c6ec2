"""What a draft changes, in words."""

import pytest
from tests.brandbook.folders import Folder

from consentid.brandbook.difference import difference
from consentid.brandbook.publication import publish

LOOSER = "no longer needs its own consent, valid 30 days, not 390, so it is asked again"
OTHER_BASIS = (
    "now needs its own consent, now rests on legitimate_interest, not consent, so it is asked again"
)


def test_the_first_version_is_counted(folder: Folder) -> None:
    assert [*map(str, difference(None, folder.load().book))] == [
        "the first version: 22 purposes, 3 brands, 2 partners"
    ]


def test_the_same_files_differ_in_nothing(folder: Folder) -> None:
    draft = folder.load()
    applied = publish(None, draft)
    assert difference(applied, draft.book) == ()


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "news.toml",
            "https://api.news.halcyon.example",
            "https://feeds.news.halcyon.example",
            [
                "brand/news: tokens may be asked for https://feeds.news.halcyon.example as well",
                "brand/news: no more tokens for https://api.news.halcyon.example",
            ],
        ),
        (
            "play.toml",
            "own = true",
            "validity_days = 30",
            [
                f"brand/play, tv: {LOOSER}",
                f"brand/play, tv.ads: {LOOSER}",
            ],
        ),
        (
            "shop.toml",
            "validity_days = 90",
            "validity_days = 80",
            [
                "brand/shop, ads.partners: valid 80 days, not 90",
                "brand/shop, ads.partners.retail: valid 80 days, not 90",
            ],
        ),
        (
            "shop.toml",
            '[overrides.audience]\nbasis = "consent"',
            "[overrides.audience]\nown = true",
            [
                f"brand/shop, audience: {OTHER_BASIS}",
                "brand/shop, audience.research: now needs its own consent",
                "notice shop (en): other words, so version 2",
                "notice shop (fr): other words, so version 2",
            ],
        ),
        (
            "group.toml",
            "[purposes.tv]\n",
            "[purposes.tv]\nmaterial = 2\nask = false\n",
            [
                "purpose tv: means more than it did, so everybody is asked again",
                "purpose tv: no longer has to be answered",
            ],
        ),
        (
            "news.toml",
            'audience = "https://news',
            'audience = "https://gazette',
            [
                "brand/news: tokens are now meant for https://gazette.halcyon.example",
                "brand/news: other audience",
            ],
        ),
        (
            "group.toml",
            'identity = "account_prevails"',
            'identity = "most_protective"',
            ["group: other identity"],
        ),
        (
            "partners/reach.toml",
            '"ads.measurement", ',
            "",
            [
                "partner/reach, ads.measurement: no longer offered",
                "notice reach (en): other words, so version 2",
                "notice reach (fr): other words, so version 2",
                "partner/reach: other order",
            ],
        ),
    ],
    ids=[
        "other audiences",
        "looser",
        "narrower",
        "basis",
        "material",
        "audience",
        "policy",
        "listed",
    ],
)
def test_each_change_is_told(
    folder: Folder, file: str, old: str, new: str, said: list[str]
) -> None:
    applied = publish(None, folder.load())
    folder.replace(file, old, new)
    assert [*map(str, difference(applied, folder.load().book))] == said
