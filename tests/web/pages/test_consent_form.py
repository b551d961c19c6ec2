"""What a form says: answers to what was shown, and to nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.web.pages.views import consent

from consentid.core.decision import Choice, Outcome
from consentid.core.purpose import PurposeId, lineage
from consentid.kit.errors import MalformedError
from consentid.web.pages.consent import Interest, Mistake
from consentid.web.pages.consent_form import (
    Act,
    choices_of,
    find_mistakes,
    read_submission,
    sent_back,
)

_VIEW = consent()
_IDS = [one.id for one in _VIEW.asked]
_AUDIENCE = PurposeId("audience")


def _save(**fields: str) -> dict[str, str]:
    return {"act": "save", "reach": "group", "form_token": "t", "served": "s", **fields}


def test_accepting_grants_what_rests_on_consent_and_leaves_objections_alone() -> None:
    choices = choices_of(read_submission(_save(act="accept")), _VIEW.asked, _VIEW.interests)
    assert choices == tuple(Choice(purpose=id_, outcome=Outcome.GRANTED) for id_ in _IDS)


def test_refusing_refuses_all_that_is_shown() -> None:
    choices = choices_of(read_submission(_save(act="refuse")), _VIEW.asked, _VIEW.interests)
    assert {choice.purpose for choice in choices} == {*_IDS, _AUDIENCE}
    assert {choice.outcome for choice in choices} == {Outcome.REFUSED}


def test_what_was_left_unanswered_is_no_choice() -> None:
    submission = read_submission(_save(**{"choice.ads": "granted"}))
    assert choices_of(submission, _VIEW.asked, _VIEW.interests) == (
        Choice(purpose=PurposeId("ads"), outcome=Outcome.GRANTED),
    )


@pytest.mark.parametrize(
    ("is_objected", "ticked", "outcome"),
    [
        (False, True, Outcome.REFUSED),
        (True, False, Outcome.GRANTED),
        (False, False, None),
        (True, True, None),
    ],
)
def test_an_objection_is_a_choice_only_where_it_changes(
    is_objected: bool, ticked: bool, outcome: Outcome | None
) -> None:
    interest = Interest(
        id=_AUDIENCE, name="", description="", is_objected=is_objected, ticked=is_objected
    )
    fields = _save(**({"object.audience": "on"} if ticked else {}))
    choices = choices_of(read_submission(fields), (), (interest,))
    assert [choice.outcome for choice in choices] == ([] if outcome is None else [outcome])


@pytest.mark.parametrize("act", [Act.LATER, Act.CONTINUE, Act.WITHDRAW])
def test_leaving_the_page_is_no_choice(act: Act) -> None:
    fields = _save(**{"choice.ads": "granted"}, act=act)
    assert choices_of(read_submission(fields), _VIEW.asked, _VIEW.interests) == ()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"act": "save"},
        {"act": "buy", "reach": "group"},
        {"act": "save", "reach": "everywhere"},
        _save(**{"choice.ads": "maybe"}),
        _save(**{"object.audience": "granted"}),
        _save(subject="somebody"),
    ],
)
def test_a_field_that_no_page_has_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(MalformedError):
        read_submission(fields)


@pytest.mark.parametrize("field", ["choice.tv.unknown", "choice.audience", "object.ads"])
def test_an_answer_to_what_was_not_shown_is_refused(field: str) -> None:
    text = "on" if field.startswith("object") else "granted"
    with pytest.raises(MalformedError):
        choices_of(read_submission(_save(**{field: text})), _VIEW.asked, _VIEW.interests)


def test_each_mandatory_purpose_wants_a_yes_or_a_no() -> None:
    mistakes = find_mistakes(read_submission(_save(**{"choice.ads": "refused"})), _VIEW.asked)
    mandatory = {one.id for one in _VIEW.asked if one.is_mandatory}
    assert set(mistakes) == mandatory - {PurposeId("ads")}
    assert set(mistakes.values()) == {Mistake.MISSING}


_ANSWERS = st.dictionaries(st.sampled_from(_IDS), st.sampled_from([*Outcome]))


@given(_ANSWERS)
def test_no_form_without_mistakes_refuses_a_purpose_and_grants_what_is_under_it(
    answers: dict[PurposeId, Outcome],
) -> None:
    submission = read_submission(
        _save(**{f"choice.{id_}": outcome.value for id_, outcome in answers.items()})
    )
    mistakes = find_mistakes(submission, _VIEW.asked)
    for id_, outcome in answers.items():
        under = any(answers.get(above) is Outcome.REFUSED for above in lineage(id_)[1:])
        assert (mistakes.get(id_) is Mistake.UNDER_REFUSED) == (
            under and outcome is Outcome.GRANTED
        )


def test_a_form_sent_back_keeps_what_was_filled_in() -> None:
    submission = read_submission(_save(**{"choice.ads": "refused", "object.audience": "on"}))
    mistakes = find_mistakes(submission, _VIEW.asked)
    again = sent_back(_VIEW, submission, mistakes)
    assert [one.chosen for one in again.asked if one.chosen] == [Outcome.REFUSED]
    assert again.interests[0].ticked
    assert not again.interests[0].is_objected
    assert again.mistakes == mistakes
    assert again.is_open
