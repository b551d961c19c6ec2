"""A decision's record: its canonical, closed form, which is committed to and kept sealed.

The subject is no part of it: the record is stored under its subject's key, and its commitment must
tell nothing of the person.  Shipped encodings never change; a new one takes a new ``v``:

1. as of the first release;
2. the notice says how it was ``shown``, so that the log commits to its layout: of decisions for
   which that was told, once every release that runs can read it (``store.record_forms``).

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
    Showing,
    SignalSource,
    SubjectId,
)
from consentid.core.party import LegalEntity, Named, Party, PartyKind, Reach, Slug
from consentid.core.purpose import PurposeId
from consentid.kit.canonical import Json
from consentid.kit.instants import Instant

_FIRST: Final = 1
SHOWN: Final = 2
"""The form whose notice says how it was shown."""
_GROUP: Final = "group"


def to_record(decision: Decision) -> dict[str, Json]:
    """The closed form.  Instants are microseconds since the epoch, digests hexadecimal."""
    notice, showing = decision.notice, decision.showing
    return {
        "v": _FIRST if notice is None or showing is None else SHOWN,
        "id": str(decision.id),
        "choices": [
            {"purpose": choice.purpose, "outcome": choice.outcome} for choice in decision.choices
        ],
        "reach": _GROUP if decision.reach is None else str(decision.reach),
        "notice": None if notice is None else _to_notice(notice, showing),
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
    form = record["v"]
    if form not in {_FIRST, SHOWN}:
        msg = f"a record of version {form!r} is from a later release"
        raise ValueError(msg)
    notice = record["notice"]
    return Decision(
        id=DecisionId(UUID(record["id"])),
        subject=subject,
        choices=tuple(
            Choice(purpose=PurposeId(choice["purpose"]), outcome=Outcome(choice["outcome"]))
            for choice in record["choices"]
        ),
        reach=_reach(record["reach"]),
        notice=None if notice is None else _notice(notice),
        catalogue=CatalogueVersion(record["catalogue"]),
        interval=Interval(early=Instant(record["early"]), late=Instant(record["late"])),
        recorded_at=Instant(record["recorded_at"]),
        assurance=Assurance(record["assurance"]),
        channel=Channel(record["channel"]),
        actor=record["actor"],
        served=None if record["served"] is None else ServedId(UUID(record["served"])),
        showing=_showing(record["notice"]["shown"]) if form == SHOWN else None,
        signal=None if record["signal"] is None else SignalSource(record["signal"]),
        told_of_signal=record["told_of_signal"],
        clock_unproven=record["clock_unproven"],
        prompted_by=record["prompted_by"],
        adopted_from=None
        if record["adopted_from"] is None
        else DecisionId(UUID(record["adopted_from"])),
    )


def _to_notice(notice: NoticeRef, showing: Showing | None) -> dict[str, Json]:
    record: dict[str, Json] = {
        "id": notice.id,
        "version": notice.version,
        "language": notice.language,
        "digest": notice.digest.hex(),
        "names": sorted([str(named.party), named.entity] for named in notice.names),
        "attaches_to_account": notice.attaches_to_account,
    }
    if showing is not None:
        layout = None if showing.layout is None else showing.layout.hex()
        record["shown"] = {"at": showing.at, "layout": layout}
    return record


def _showing(shown: Mapping[str, Any]) -> Showing:
    layout = shown["layout"]
    return Showing(
        at=Instant(shown["at"]), layout=None if layout is None else bytes.fromhex(layout)
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
