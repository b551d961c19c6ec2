"""What the SDK weighs over the wire, and what knowing an answer costs a page."""

import gzip
from importlib.resources import files

import pytest
from tests.sdk.brand_pages import Visitor, settle
from tests.sdk.test_core import answered

CORE_BYTES = 5_000
WITH_BANNER_BYTES = 10_000


def size(*names: str) -> int:
    return sum(
        len(gzip.compress((files("consentid.sdk") / name).read_bytes(), 9, mtime=0))
        for name in names
    )


def test_the_core_and_the_banner_are_small() -> None:
    assert size("consentid.js") <= CORE_BYTES
    assert size("consentid.js", "banner.js") <= WITH_BANNER_BYTES


def test_what_stands_in_the_head_is_tiny() -> None:
    assert len((files("consentid.sdk") / "consent-default.js").read_bytes()) <= 400


@pytest.mark.browser
def test_a_returning_visitor_is_known_within_five_milliseconds(visitor: Visitor) -> None:
    """Of script, from ``init`` to a known state: the least disturbed of eleven page loads."""
    page = answered(visitor)
    visitor.sites.body["news"] = (
        '<script type="module">import { init, granted } from'
        f' "{visitor.sites.hub}/sdk/v1/consentid.js"; const began = performance.now();'
        ' init({ client: "news-spa", brand: "news" });'
        ' window.known = granted("ads"); window.took = performance.now() - began;</script>'
    )
    took: list[float] = []
    for _ in range(11):
        page.reload()
        settle(page)
        assert page.evaluate("window.known") is True
        took.append(page.evaluate("window.took"))
    assert min(took) < 5
