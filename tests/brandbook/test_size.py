"""No token is larger than what was foreseen."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentid.brandbook.folder import Draft
from consentid.brandbook.size import MAX_TOKEN_BYTES, largest_token_bytes
from consentid.core.catalogue import offered
from consentid.core.purpose import PurposeId
from consentid.tokens.consent import (
    MAX_LENGTH,
    Actor,
    Confirmation,
    Consent,
    ConsentClaims,
    Status,
    StatusListRef,
    token_length,
)

ISSUER = "https://consent.halcyon.example"
AUDIENCE = "https://news.halcyon.example"
CLIENT = "news-web"


def claims(
    granted: Sequence[str], refused: Sequence[str], *, widest: bool = False
) -> ConsentClaims:
    plain = ConsentClaims(
        iss=ISSUER,
        sub="pLHDpDSpjCoxs4gYUgB1cg",
        aud=AUDIENCE,
        client_id=CLIENT,
        jti="c9s3pAxxTtGrQ0MaQmZp8w",
        iat=1_790_000_000,
        exp=1_790_003_600,
        consent=Consent(cat=12, rev=345, g=tuple(granted), d=tuple(refused)),
        status=Status(status_list=StatusListRef(idx=123_456, uri=f"{ISSUER}/statuslists/17")),
    )
    if not widest:
        return plain
    return ConsentClaims(
        iss=plain.iss,
        sub=plain.sub,
        aud=plain.aud,
        client_id=plain.client_id,
        jti=plain.jti,
        iat=plain.iat,
        exp=plain.exp,
        consent=plain.consent,
        status=plain.status,
        act=Actor(sub=CLIENT, act=Actor(sub=CLIENT)),
        acr="urn:halcyon:strong",
        cnf=Confirmation(jkt="t" * 43),
    )


def test_the_cap_is_the_one_that_tokens_are_held_to() -> None:
    assert MAX_TOKEN_BYTES == MAX_LENGTH


def test_twelve_purposes_of_realistic_names_fit_into_1000_bytes(halcyon: Draft) -> None:
    named = list(halcyon.book.catalogue.purposes)[:12]
    for split in range(13):
        assert token_length(claims(named[:split], named[split:])) <= 1000


@pytest.mark.parametrize("slug", ["news", "shop", "play"])
def test_each_brand_of_the_demo_group_keeps_within_the_cap(halcyon: Draft, slug: str) -> None:
    book = halcyon.book
    profile = {str(key): each for key, each in book.brands.items()}[slug]
    largest = largest_token_bytes(
        issuer=book.group.issuer,
        audience=profile.audience,
        clients=profile.clients,
        purposes=offered(book.catalogue, profile.party),
    )
    assert largest <= MAX_TOKEN_BYTES


purposes = st.lists(
    st.from_regex(r"[a-z]{1,12}(\.[a-z]{1,12}){0,2}", fullmatch=True), unique=True, max_size=40
)


@given(named=purposes, split=st.integers(min_value=0, max_value=40), widest=st.booleans())
def test_whatever_is_answered_a_token_is_no_larger_than_foreseen(
    named: list[str], split: int, *, widest: bool
) -> None:
    foreseen = largest_token_bytes(
        issuer=ISSUER,
        audience=AUDIENCE,
        clients=[CLIENT],
        purposes=[PurposeId(slug) for slug in named],
    )
    made = token_length(claims(named[:split], named[split:], widest=widest))
    assert made <= foreseen
