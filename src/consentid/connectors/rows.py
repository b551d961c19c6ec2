"""Events as rows of three tables, for a warehouse.

``events`` has a row for each event, ``effective`` one for each brand or partner whose consent it
tells, ``decisions`` one for each decision that is why.  What holds now is, for each subject, party
and way, the row of ``effective`` with the highest revision, unless ``events`` has an erasure of the
subject.  A column that has shipped keeps its name and its type; new ones come last.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

import msgspec

from consentid.events.contract import (
    CatalogueEvent,
    ConsentData,
    ConsentEvent,
    Event,
    LinkEvent,
    Lists,
    RevocationEvent,
    Standing,
)

Row: TypeAlias = tuple[Any, ...]
"""Values in the order of a table's columns; instants as RFC 3339 says them."""
VERSION: Final = 1
"""Of the tables.  It rises with a column that is renamed, retyped or gone."""


class Type(StrEnum):
    """What a column holds."""

    TEXT = "text"
    TEXTS = "texts"
    """Slugs, none with a space."""
    NUMBER = "number"
    FLAG = "flag"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    type: Type
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table."""

    name: str
    columns: Sequence[Column]


EVENTS: Final = Table(
    "events",
    (
        Column("sequence", Type.NUMBER),
        Column("id", Type.TEXT),
        Column("kind", Type.TEXT),
        Column("time", Type.INSTANT),
        Column("subject", Type.TEXT, is_optional=True),
        Column("cause", Type.TEXT, is_optional=True),
        Column("catalogue", Type.NUMBER, is_optional=True),
        Column("device", Type.TEXT, is_optional=True),
        Column("client_id", Type.TEXT, is_optional=True),
        Column("token", Type.TEXT, is_optional=True),
    ),
)
EFFECTIVE: Final = Table(
    "effective",
    (
        Column("sequence", Type.NUMBER),
        Column("origin", Type.TEXT),  # event | snapshot
        Column("subject", Type.TEXT),
        Column("party", Type.TEXT),
        Column("via", Type.TEXTS),
        Column("revision", Type.NUMBER),
        Column("granted", Type.TEXTS),
        Column("refused", Type.TEXTS),
        Column("granted_before", Type.TEXTS, is_optional=True),
        Column("refused_before", Type.TEXTS, is_optional=True),
        Column("ends_at", Type.INSTANT, is_optional=True),
    ),
)
DECISIONS: Final = Table(
    "decisions",
    (
        Column("sequence", Type.NUMBER),
        Column("subject", Type.TEXT),
        Column("decision", Type.TEXT),
        Column("recorded_at", Type.INSTANT),
        Column("reach", Type.TEXT),
        Column("granted", Type.TEXTS),
        Column("refused", Type.TEXTS),
        Column("assurance", Type.TEXT),
        Column("channel", Type.TEXT),
        Column("signal", Type.TEXT, is_optional=True),
        Column("adopted", Type.FLAG),
        Column("here", Type.FLAG),
    ),
)
TABLES: Final = (EVENTS, EFFECTIVE, DECISIONS)

_decoder: Final = msgspec.json.Decoder[Event](Event)


def rows_of(kind: str, body: bytes) -> tuple[str, list[tuple[Table, Row]]]:
    """The day of an event, and its rows."""
    event = _decoder.decode(body)
    sequence = int(event.sequence)
    cause = catalogue = device = client_id = token = None
    rows: list[tuple[Table, Row]] = []
    match event:
        case ConsentEvent(data=data):
            cause, catalogue = data.cause.value, data.catalogue
            rows += [(EFFECTIVE, row) for row in _effective(sequence, event.subject, data)]
            rows += [(DECISIONS, row) for row in _decisions(sequence, event.subject, data)]
        case LinkEvent(data=data):
            device = data.device
        case RevocationEvent(data=data):
            client_id, token = data.client_id, data.token
        case CatalogueEvent(data=data):
            catalogue = data.catalogue
        case _:
            pass
    subject = getattr(event, "subject", None)
    told = (sequence, event.id, kind, event.time, subject, cause, catalogue)
    return event.time[:10], [(EVENTS, (*told, device, client_id, token)), *rows]


def snapshot_row(sequence: int, subject: str, standing: Standing) -> Row:
    """What held of somebody when the events up to ``sequence`` had come."""
    return (
        *(sequence, "snapshot", subject, standing.party, standing.via, standing.revision),
        *(standing.now.granted, standing.now.refused, None, None, standing.ends_at),
    )


def _effective(sequence: int, subject: str, data: ConsentData) -> Iterator[Row]:
    for each in data.effective:
        before = each.before
        yield (
            *(sequence, "event", subject, each.party, each.via, each.revision),
            *_both(each.after),
            *((None, None) if before is None else _both(before)),
            each.ends_at,
        )


def _decisions(sequence: int, subject: str, data: ConsentData) -> Iterator[Row]:
    for each in data.decisions:
        granted, refused = (
            [choice.purpose for choice in each.choices if choice.outcome == outcome]
            for outcome in ("granted", "refused")
        )
        yield (
            *(sequence, subject, each.decision, each.recorded_at, each.reach, granted, refused),
            *(each.assurance, each.channel, each.signal, each.adopted, each.here),
        )


def _both(lists: Lists) -> tuple[list[str], list[str]]:
    return lists.granted, lists.refused
