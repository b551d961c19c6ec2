"""What the preference centre's form says: one button, and what it stands for."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from consentid.core.decision import Outcome
from consentid.core.party import Party, PartyKind, Reach, Slug
from consentid.core.purpose import PurposeId, is_well_formed
from consentid.flows.change_preferences import (
    AnswerAll,
    AnswerOne,
    Change,
    TakeBackAll,
    TakeBackAt,
    Understood,
)
from consentid.kit.errors import MalformedError
from consentid.web.pages.preferences import ACT, ANSWER, GROUP, PAGE, TOKEN

_PARTS: Final = 3
_OUTCOMES: Final = {str(each): each for each in Outcome}


class Act(StrEnum):
    """A button that is about no single purpose."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    UNDERSTOOD = "understood"


_CHANGES: Final[Mapping[str, Change]] = {
    Act.ACCEPT: AnswerAll(outcome=Outcome.GRANTED),
    Act.REFUSE: AnswerAll(outcome=Outcome.REFUSED),
    Act.WITHDRAW: TakeBackAll(),
    Act.UNDERSTOOD: Understood(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A form as it came."""

    change: Change
    unverified_token: str
    unverified_page: str


def read_submission(fields: Mapping[str, str]) -> Submission:
    """Read the fields of the form: one button was pressed.

    Raises:
        MalformedError: a field is none of the form's, or says what no page offers.
    """
    if not fields.keys() <= {TOKEN, PAGE, ACT, ANSWER} or (ACT in fields) == (ANSWER in fields):
        raise _malformed()
    change = _read_act(fields[ACT]) if ACT in fields else _read_answer(fields[ANSWER])
    if change is None:
        raise _malformed()
    return Submission(
        change=change,
        unverified_token=fields.get(TOKEN, ""),
        unverified_page=fields.get(PAGE, ""),
    )


def _read_act(text: str) -> Change | None:
    act, _, where = text.partition(" ")
    if act != Act.WITHDRAW or not where:
        return _CHANGES.get(text)
    try:
        party = _read_reach(where)
    except ValueError:
        return None
    return None if party is None else TakeBackAt(party=party)


def _read_answer(text: str) -> AnswerOne | None:
    parts = text.split(" ")
    if len(parts) != _PARTS or parts[0] not in _OUTCOMES or not is_well_formed(parts[2]):
        return None
    try:
        reach = _read_reach(parts[1])
    except ValueError:
        return None
    return AnswerOne(purpose=PurposeId(parts[2]), outcome=_OUTCOMES[parts[0]], reach=reach)


def _read_reach(text: str) -> Reach:
    if text == GROUP:
        return None
    kind, _, slug = text.partition("/")
    return Party(kind=PartyKind(kind), slug=Slug(slug))


def _malformed() -> MalformedError:
    return MalformedError("form_malformed", "This is not a form of ours: open the page again.")
