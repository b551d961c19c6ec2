"""A decision's record: its canonical, closed form, which is committed to and kept sealed.

The subject is no part of it: the record is stored under its subject's key, and its commitment must
tell nothing of the person.  Shipped encodings never change; a new one takes a new ``v``.
The members answer ISO/IEC TS 27560 sections 6.3 (record), 6.4 (notice), 6.5 (parties, event).
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from consentid.core.decision import (
    Assurance,
    CatalogueVersion,
    Channel,
    Choice,
    Decision,
    DecisionId,
    Interval,
    NoticeRef,
    Outcome,
    ServedId,
    SignalSource,
    SubjectId,
)
from consentid.core.party import LegalEntity, Named, Party, PartyKind, Reach, Slug
from consentid.core.purpose import PurposeId
from consentid.kit.canonical import Json
from consentid.kit.instants import Instant

VERSION: Final = 1
_GROUP: Final = "group"


def to_record(decision: Decision) -> dict[str, Json]:
    """The closed form.  Instants are microseconds since the epoch, digests hexadecimal."""
    notice = decision.notice
    return {
        "v": VERSION,
        "id": str(decision.id),
        "choices": [
            {"purpose": choice.purpose, "outcome": choice.outcome} for choice in decision.choices
        ],
        "reach": _GROUP if decision.reach is None else str(decision.reach),
        "notice": None
        if notice is None
        else {
            "id": notice.id,
            "version": notice.version,
            "language": notice.language,
            "digest": notice.digest.hex(),
            "names": sorted([str(named.party), named.entity] for named in notice.names),
            "attaches_to_account": notice.attaches_to_account,
        },
        "catalogue": decision.catalogue,
        "early": decision.interval.early,
        "late": decision.interval.late,
        "recorded_at": decision.recorded_at,
        "clock_unproven": decision.clock_unproven,
        "assurance": decision.assurance,
        "channel": decision.channel,
        "actor": decision.actor,
        "served": None if decision.served is None else str(decision.served),
        "signal": decision.signal,
        "told_of_signal": decision.told_of_signal,
        "prompted_by": decision.prompted_by,
        "adopted_from": None if decision.adopted_from is None else str(decision.adopted_from),
    }


def from_record(record: Mapping[str, Any], *, subject: SubjectId) -> Decision:
    """Read a record of our own back.

    Raises:
        ValueError: not a record of a version that this code knows.
        KeyError: a member is missing.
    """
    if record["v"] != VERSION:
        msg = f"a record of version {record['v']!r} is from a later release"
        raise ValueError(msg)
    return Decision(
        id=DecisionId(UUID(record["id"])),
        subject=subject,
        choices=tuple(
            Choice(purpose=PurposeId(choice["purpose"]), outcome=Outcome(choice["outcome"]))
            for choice in record["choices"]
        ),
        reach=_reach(record["reach"]),
        notice=None if record["notice"] is None else _notice(record["notice"]),
        catalogue=CatalogueVersion(record["catalogue"]),
        interval=Interval(early=Instant(record["early"]), late=Instant(record["late"])),
        recorded_at=Instant(record["recorded_at"]),
        assurance=Assurance(record["assurance"]),
        channel=Channel(record["channel"]),
        actor=record["actor"],
        served=None if record["served"] is None else ServedId(UUID(record["served"])),
        signal=None if record["signal"] is None else SignalSource(record["signal"]),
        told_of_signal=record["told_of_signal"],
        clock_unproven=record["clock_unproven"],
        prompted_by=record["prompted_by"],
        adopted_from=None
        if record["adopted_from"] is None
        else DecisionId(UUID(record["adopted_from"])),
    )


def _notice(notice: Mapping[str, Any]) -> NoticeRef:
    return NoticeRef(
        id=notice["id"],
        version=notice["version"],
        language=notice["language"],
        digest=bytes.fromhex(notice["digest"]),
        names=frozenset(
            Named(party=_party(party), entity=LegalEntity(entity))
            for party, entity in notice["names"]
        ),
        attaches_to_account=notice["attaches_to_account"],
    )


def _reach(text: str) -> Reach:
    return None if text == _GROUP else _party(text)


def _party(text: str) -> Party:
    kind, _, slug = text.partition("/")
    return Party(kind=PartyKind(kind), slug=Slug(slug))
