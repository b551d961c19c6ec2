"""Rows of several subjects at once, each with its own: for whoever reads many."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from consentid.core.decision import SubjectId

T = TypeVar("T")


def by_subject(rows: Iterable[tuple[UUID, T]]) -> Mapping[SubjectId, Sequence[T]]:
    """What belongs to each, in the order of the rows."""
    groups: dict[SubjectId, list[T]] = {}
    for subject, each in rows:
        groups.setdefault(SubjectId(subject), []).append(each)
    return groups
