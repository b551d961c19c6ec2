"""Files of the pages: named by their content, safe in a style sheet."""

import dataclasses
import re

from tests.web.pages.views import halcyon

from consentid.brandbook.book import Look
from consentid.core.party import Slug
from consentid.web.pages.assets import PAGE_STYLE, find_asset, look_icon, look_style


def test_a_look_is_found_by_its_content_only() -> None:
    book = halcyon()
    for slug, profile in book.brands.items():
        for asset in (
            look_style(profile.look, f"brand-{slug}"),
            look_icon(profile.look, f"brand-{slug}"),
        ):
            assert find_asset(book, asset.file) == asset
            assert find_asset(book, asset.file.replace(asset.digest, "0" * 16)) is None
    for name in ("", "..", "../secrets", "pages.css", "brand-news.css"):
        assert find_asset(book, name) is None


def test_two_looks_never_share_an_address() -> None:
    look = halcyon().group.look
    other = Look(logo=look.logo, properties={**look.properties, "--accent": "#000000"})
    assert look_style(look, "group").path != look_style(other, "group").path
    assert look_style(look, "group").path != look_style(look, "brand-group").path


def test_controls_are_dark_where_the_paper_is() -> None:
    brands = halcyon().brands
    schemes = {
        slug: re.findall(
            r"color-scheme:(\w+)}", look_style(profile.look, slug).content.decode().strip()
        )
        for slug, profile in brands.items()
    }
    assert schemes == {"news": ["light", "dark"], "shop": ["light", "dark"], "play": ["dark"]}


def test_a_dark_screen_gets_the_dark_look_and_paper_does_not() -> None:
    look = halcyon().brands[Slug("news")].look
    assert look.dark is not None
    light, dark = (
        look_style(look, "news")
        .content.decode()
        .split("@media screen and (prefers-color-scheme:dark)")
    )
    assert f"--accent:{look.properties['--accent']};" in light
    for key, text in look.dark.items():
        assert f"{key}:{text};" in dark


def test_an_asset_is_a_value() -> None:
    assert dataclasses.replace(PAGE_STYLE) == PAGE_STYLE
    assert PAGE_STYLE.path == f"/assets/pages.{PAGE_STYLE.digest}.css"
