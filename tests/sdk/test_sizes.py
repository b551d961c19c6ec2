"""What the SDK weighs over the wire."""

import gzip
from importlib.resources import files

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
