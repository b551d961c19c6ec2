"""Double opt-in: where the catalogue wants a yes confirmed, only a yes by a link is one."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.core.worlds import (
    ADS,
    ADS_X,
    ADS_X_Y,
    GRANTED,
    NEWS,
    REFUSED,
    SHOP,
    act,
    catalogue,
)

from consentid.core.asking import Reason, find_reason
from consentid.core.catalogue import Catalogue, find_terms
from consentid.core.decision import Assurance, Decision
from consentid.core.explanation import Why, explain
from consentid.core.party import Party
from consentid.core.projection import merge, project
from consentid.core.projection_form import decode, encode
from consentid.core.purpose import PurposeId
from consentid.core.resolution import CONFIRM_WITHIN_S, Resolution, State, resolve
from consentid.core.succession import is_looser
from consentid.kit.instants import DAY, SECOND, Instant

NOW = Instant(20_000 * DAY)
PLAIN = catalogue()


def confirming(*purposes: PurposeId) -> Catalogue:
    """The same group, where these want a yes confirmed."""
    told = {
        id_: replace(purpose, confirmed=id_ in purposes) for id_, purpose in PLAIN.purposes.items()
    }
    return replace(PLAIN, purposes=told)


CONFIRMING = confirming(ADS_X)


def ago(days: float) -> Instant:
    return Instant(NOW - int(days * DAY))


def linked(decision: Decision) -> Decision:
    return replace(decision, assurance=Assurance.LINK)


def ask(
    *history: Decision,
    purpose: PurposeId = ADS_X,
    asked: Party = NEWS,
    now: Instant = NOW,
    by: Catalogue = CONFIRMING,
) -> Resolution:
    return resolve(project(history), by, asked, purpose, now, adult=False)


def test_a_yes_counts_once_it_is_said_again_by_a_link() -> None:
    said = act(1, GRANTED, ADS_X, early=ago(2))
    followed = linked(act(2, GRANTED, ADS_X, early=ago(1)))
    waiting = ask(said)
    assert (waiting.state, waiting.permitted, waiting.may_ask) == (State.UNASKED, False, False)
    assert waiting.waiting is not None
    assert waiting.waiting.decision == said.id
    given_ = ask(said, followed)
    assert (given_.state, given_.waiting) == (State.GIVEN, None)
    assert given_.grant is not None
    assert given_.grant.decision == followed.id


def test_a_yes_to_what_it_is_part_of_does_not_go_round_the_link() -> None:
    above = act(1, GRANTED, ADS, early=ago(2))
    assert ask(above, purpose=ADS).permitted
    for below in (ADS_X, ADS_X_Y):
        assert not ask(above, purpose=below).permitted
        assert ask(linked(above), purpose=below).permitted


def test_a_no_after_the_link_is_a_no_and_a_yes_without_a_link_lifts_no_no() -> None:
    followed = linked(act(1, GRANTED, ADS_X, early=ago(3)))
    no = act(2, REFUSED, ADS_X, early=ago(2))
    again = act(3, GRANTED, ADS_X, early=ago(1))
    assert ask(followed, no).state is State.WITHDRAWN
    waiting = ask(followed, no, again)
    assert not waiting.permitted
    assert waiting.waiting is not None
    assert ask(followed, no, again, linked(act(4, GRANTED, ADS_X, early=ago(0.5)))).permitted


def test_a_newer_yes_without_a_link_takes_nothing_from_the_one_by_a_link() -> None:
    followed = linked(act(1, GRANTED, ADS_X, early=ago(3)))
    said = act(2, GRANTED, ADS_X, early=ago(1))
    found = ask(followed, said)
    assert found.grant is not None
    assert found.grant.decision == followed.id
    plain = ask(followed, said, by=PLAIN)
    assert plain.grant is not None
    assert plain.grant.decision == said.id


def test_nobody_is_asked_again_while_their_link_is_on_its_way_and_then_they_may_be() -> None:
    said = act(1, GRANTED, ADS_X, early=NOW)
    until = Instant(NOW + CONFIRM_WITHIN_S * SECOND)
    assert not ask(said, now=Instant(until - 1)).may_ask
    late = ask(said, now=until)
    assert late.may_ask
    assert late.waiting is None
    assert (
        find_reason(late, project([said]), CONFIRMING, NEWS, ADS_X, adult=False).reason
        is not Reason.NEW_BRAND
    )


def test_a_yes_that_waits_is_explained_and_what_speaks_against_it_keeps_it_from_waiting() -> None:
    said = act(1, GRANTED, ADS_X, early=ago(2))
    why = explain(ask(said), project([said]), CONFIRMING, NEWS, ADS_X, adult=False)
    assert (why.why, why.decision, why.at) == (Why.WAITING, said.id, ago(2))
    no = act(2, REFUSED, ADS_X, early=ago(1), reach=NEWS)
    assert ask(said, no).waiting is None
    assert ask(said, no, asked=SHOP).waiting is not None


def test_what_is_kept_says_which_yes_came_by_a_link_and_who_never_had_one_keeps_their_bytes() -> (
    None
):
    said = act(1, GRANTED, ADS_X, early=ago(2))
    followed = linked(act(2, GRANTED, ADS_X, early=ago(1)))
    kept = project([said, followed])
    assert decode(encode(kept)) == kept
    assert merge(project([followed]), project([said])) == kept
    assert b'"form":1' in encode(project([said]))
    assert b"linked" not in encode(project([said]))


def test_doing_without_a_link_is_loosening_and_asks_anew() -> None:
    strict, loose = (find_terms(each, NEWS, ADS_X) for each in (CONFIRMING, PLAIN))
    assert strict is not None
    assert loose is not None
    assert is_looser(strict, loose)
    assert not is_looser(loose, strict)


_PURPOSES = st.sampled_from([ADS, ADS_X, ADS_X_Y])
_ACTS = st.lists(
    st.tuples(
        st.booleans(), st.booleans(), _PURPOSES, st.integers(1, 6), st.sampled_from([None, NEWS])
    ),
    max_size=6,
)


@given(_ACTS, _PURPOSES)
def test_wanting_a_link_never_makes_a_no_a_yes_and_every_yes_rests_on_one(
    acts: list[tuple[bool, bool, PurposeId, int, Party | None]], purpose: PurposeId
) -> None:
    history: list[Decision] = []
    for id_, (yes, by_link, said, day, reach) in enumerate(acts, start=1):
        made = act(id_, GRANTED if yes else REFUSED, said, early=ago(7 - day), reach=reach)
        history.append(linked(made) if by_link else made)
    strict = ask(*history, purpose=purpose)
    plain = ask(*history, purpose=purpose, by=PLAIN)
    assert plain.permitted or not strict.permitted
    if strict.permitted and purpose is not ADS:
        by_link = {each.id for each in history if each.assurance is Assurance.LINK}
        assert strict.grant is not None
        assert strict.grant.decision in by_link
        alone = [
            each for each in history if each.id in by_link or each.choices[0].outcome is REFUSED
        ]
        assert ask(*alone, purpose=purpose).permitted
