"""What a consent form says: one act, and for each purpose shown at most one answer.

A person answers what was shown and nothing else; what was not answered is no choice.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from consentid.core.decision import Choice, Outcome
from consentid.core.party import ReachKind
from consentid.core.purpose import PurposeId, lineage
from consentid.kit.errors import MalformedError
from consentid.web.pages.consent import (
    REACH,
    SERVED,
    TOKEN,
    TOLD,
    AskedPurpose,
    ConsentView,
    Interest,
    Mistake,
)

ACT: Final = "act"
CHOICE: Final = "choice."
OBJECT: Final = "object."
_TICKED: Final = "on"
MAX_FIELDS: Final = 128
"""A notice has at most 64 purposes, with one field each."""


class Act(StrEnum):
    """What the person pressed."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    SAVE = "save"
    WITHDRAW = "withdraw"
    CONTINUE = "continue"
    """Nothing was asked; what was told was read."""
    LATER = "later"


_OUTCOMES: Final = frozenset(one.value for one in Outcome)
_ACTS: Final = frozenset(one.value for one in Act)
_REACHES: Final = frozenset(one.value for one in ReachKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A form as it came, its names known to be those of the page."""

    act: Act
    reach: ReachKind
    unverified_token: str
    unverified_served: str
    answers: Mapping[PurposeId, Outcome]
    objected: frozenset[PurposeId]


def read_submission(fields: Mapping[str, str]) -> Submission:
    """Read the fields of a consent form.

    Raises:
        MalformedError: a field is none of the form's, or says what no page offers.
    """
    answers: dict[PurposeId, Outcome] = {}
    objected: set[PurposeId] = set()
    for name, text in fields.items():
        if name.startswith(CHOICE) and text in _OUTCOMES:
            answers[PurposeId(name.removeprefix(CHOICE))] = Outcome(text)
        elif name.startswith(OBJECT) and text == _TICKED:
            objected.add(PurposeId(name.removeprefix(OBJECT)))
        elif name not in (ACT, TOKEN, SERVED, REACH, TOLD):
            raise _malformed()
    act, reach = fields.get(ACT), fields.get(REACH)
    if act not in _ACTS or reach not in _REACHES:
        raise _malformed()
    return Submission(
        act=Act(act),
        reach=ReachKind(reach),
        unverified_token=fields.get(TOKEN, ""),
        unverified_served=fields.get(SERVED, ""),
        answers=answers,
        objected=frozenset(objected),
    )


def choices_of(
    submission: Submission, asked: Sequence[AskedPurpose], interests: Sequence[Interest]
) -> tuple[Choice, ...]:
    """What the person chose, of what the page showed.

    Accepting grants what rests on consent and leaves objections as they are; refusing refuses all
    that is shown.

    Raises:
        MalformedError: an answer to a purpose that the page did not show.
    """
    match submission.act:
        case Act.ACCEPT:
            return tuple(_choice(one.id, Outcome.GRANTED) for one in asked)
        case Act.REFUSE:
            return tuple(_choice(one.id, Outcome.REFUSED) for one in (*asked, *interests))
        case Act.SAVE:
            _check_shown(submission.answers, [one.id for one in asked])
            _check_shown(submission.objected, [one.id for one in interests])
            return (
                *(
                    _choice(one.id, submission.answers[one.id])
                    for one in asked
                    if one.id in submission.answers
                ),
                *_objections(submission, interests),
            )
        case Act.WITHDRAW | Act.CONTINUE | Act.LATER:
            return ()


def find_mistakes(
    submission: Submission, asked: Sequence[AskedPurpose]
) -> Mapping[PurposeId, Mistake]:
    """What keeps a form of single answers from being recorded; in the order shown."""
    if submission.act is not Act.SAVE:
        return {}
    refused = {id_ for id_, outcome in submission.answers.items() if outcome is Outcome.REFUSED}
    found: dict[PurposeId, Mistake] = {}
    for one in asked:
        outcome = submission.answers.get(one.id)
        if outcome is None and one.is_mandatory:
            found[one.id] = Mistake.MISSING
        elif outcome is Outcome.GRANTED and refused & set(lineage(one.id)[1:]):
            found[one.id] = Mistake.UNDER_REFUSED
    return found


def sent_back(
    view: ConsentView, submission: Submission, mistakes: Mapping[PurposeId, Mistake]
) -> ConsentView:
    """The page again, as it was filled in, with what is wrong."""
    return replace(
        view,
        asked=tuple(replace(one, chosen=submission.answers.get(one.id)) for one in view.asked),
        interests=tuple(
            replace(one, ticked=one.id in submission.objected) for one in view.interests
        ),
        mistakes=mistakes,
    )


def _objections(submission: Submission, interests: Sequence[Interest]) -> tuple[Choice, ...]:
    """Only what changes is a choice: an interest left as it stands was not answered."""
    return tuple(
        _choice(one.id, Outcome.REFUSED if one.id in submission.objected else Outcome.GRANTED)
        for one in interests
        if (one.id in submission.objected) != one.is_objected
    )


def _check_shown(answered: Collection[PurposeId], shown: Collection[PurposeId]) -> None:
    if not set(answered) <= set(shown):
        raise _malformed()


def _choice(purpose: PurposeId, outcome: Outcome) -> Choice:
    return Choice(purpose=purpose, outcome=outcome)


def _malformed() -> MalformedError:
    return MalformedError("form_malformed", "This is not a form of ours: open the page again.")
