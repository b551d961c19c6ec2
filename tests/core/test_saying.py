from hypothesis import given
from hypothesis import strategies as st

from consentid.core.purpose import PurposeId
from consentid.core.resolution import Resolution, State
from consentid.core.saying import Saying, say
from consentid.kit.instants import SECOND, Instant

NOW = Instant(1_800_000_000 * SECOND + 400_000)
purposes = st.sampled_from([PurposeId(name) for name in ("ads", "ads.x", "content", "tv")])
resolutions = st.dictionaries(
    purposes,
    st.builds(
        Resolution,
        state=st.sampled_from(State),
        expires_at=st.none() | st.integers(-3, 3).map(lambda s: Instant(NOW + s * SECOND // 2)),
    ),
)


@given(resolutions)
def test_what_is_neither_yes_nor_no_stands_in_no_list(found: dict[PurposeId, Resolution]) -> None:
    saying = say(found, NOW)
    assert set(saying.yes).isdisjoint(saying.no)
    assert list(saying.yes) == sorted(saying.yes)
    assert list(saying.no) == sorted(saying.no)
    for purpose, resolution in found.items():
        if purpose in saying.yes:
            assert resolution.state in {State.GIVEN, State.PERMITTED}
        is_no = resolution.state in {State.REFUSED, State.WITHDRAWN, State.OBJECTED}
        assert (purpose in saying.no) == is_no


@given(resolutions)
def test_a_token_of_whole_seconds_never_outlives_a_yes(
    found: dict[PurposeId, Resolution],
) -> None:
    saying = say(found, NOW)
    ends = [found[purpose].expires_at for purpose in saying.yes]
    known = [end for end in ends if end is not None]
    assert saying.ends_at == min(known, default=None)
    if saying.ends_at is not None:
        assert saying.ends_at // SECOND > NOW // SECOND


@given(resolutions, resolutions)
def test_a_saying_narrows_exactly_where_a_yes_is_gone(
    before: dict[PurposeId, Resolution], after: dict[PurposeId, Resolution]
) -> None:
    one, other = say(before, NOW), say(after, NOW)
    assert other.narrows(one) == any(purpose not in other.yes for purpose in one.yes)
    assert not one.narrows(one)
    assert other.narrows(one) <= other.differs(one)
    assert not one.narrows(Saying(yes=(), no=one.no))


def test_when_a_saying_ends_is_no_part_of_what_it_says() -> None:
    ads = PurposeId("ads")
    assert not Saying(yes=(ads,), no=(), ends_at=NOW).differs(Saying(yes=(ads,), no=()))
