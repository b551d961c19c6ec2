"""Support looks at what a person chose, by that person's own code, and the person sees that.

What is shown is bounded: what holds everywhere and why, and the newest decisions; no identifier of
anybody.  That it was looked at is committed before anything is shown: in the log, with who it was,
once for everybody to read and once sealed under the person's key; and among who looked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from consentid.core.decision import Outcome
from consentid.core.purpose import ROOT
from consentid.flows.context import Context
from consentid.flows.hub_session import Visitor
from consentid.flows.open_decision import Unreadable
from consentid.flows.open_subject import open_subject
from consentid.flows.own_history import OwnDecision, newest_of
from consentid.flows.preference_page import page_of
from consentid.flows.read_buffer import ReadKind
from consentid.flows.restrict_subject import OPERATOR
from consentid.flows.session import Session
from consentid.flows.show_preferences import Overview, Standing, overview_of
from consentid.flows.stage_act import Noting
from consentid.flows.stage_entry import stage_own
from consentid.flows.support_code import read_support_code
from consentid.kit.canonical import Json
from consentid.kit.errors import NotFoundError
from consentid.kit.instants import HOUR, Instant, to_rfc3339
from consentid.ledger.leaf import Kind
from consentid.store import clock, reads, subjects, support_codes
from consentid.store.reads import ReadRow
from consentid.telemetry.tracing import step

SUPPORT: Final = "staff:support"
"""What the person is told of staff who looked by this role; no client can be called so."""
STAFF: Final = frozenset({OPERATOR, SUPPORT})
_DECISIONS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    """What support sees of a person."""

    overview: Overview
    history: tuple[OwnDecision | Unreadable, ...]
    """The newest decisions."""
    is_account: bool
    """Whether these are an account's choices, not a device's."""


class StandingOut(msgspec.Struct, frozen=True, kw_only=True):
    """What holds at one brand or partner."""

    party: str
    permitted: bool
    why: str
    since: str | None
    until: str | None


class PurposeOut(msgspec.Struct, frozen=True, kw_only=True):
    """What holds of one purpose."""

    purpose: str
    group: StandingOut | None
    """What was answered for the group; None where it is answered brand by brand."""
    parties: list[StandingOut]


class DecidedOut(msgspec.Struct, frozen=True, kw_only=True):
    """One of the newest decisions."""

    at: str
    channel: str
    assurance: str
    taken_by: str | None
    """The brand or partner that took it in; None for the hub."""
    reach: str
    granted: list[str]
    refused: list[str]
    everything: bool
    """Whether everything was taken back."""


class LookedUpOut(msgspec.Struct, frozen=True, kw_only=True):
    """What support sees of a person, and nothing by which they could be found again."""

    of: str
    """``account`` or ``device``."""
    at: str
    catalogue: int
    purposes: list[PurposeOut]
    decisions: list[DecidedOut]
    unreadable: list[str]
    """When those were made whose records cannot be read at present; empty where all is well."""


@step("look_up_person")
async def look_up_person(
    context: Context, noted: Noting, unverified_code: str, *, reader: str, languages: Sequence[str]
) -> LookedUp:
    """Show what somebody chose who made this code.  It is good no more.

    ``reader`` is whom the person sees to have looked: ``SUPPORT``, ``OPERATOR``, or a client.

    Raises:
        NotFoundError: the code is not good, or whose it is was erased.
        UnavailableError: the database cannot be reached.
    """
    hashed = read_support_code(context, unverified_code)
    if hashed is None:
        raise _no_code()
    async with context.database.writing() as connection:
        at = await clock.now(connection)
        whose = await support_codes.find(connection, hashed, at=at)
        person = None
        if whose is not None:
            person = await open_subject(context, connection, whose, lock=True)
        if person is None or not await support_codes.spend(connection, hashed):
            raise _no_code()
        now = await clock.now_after(connection, person.id)
        book = await context.book(connection)
        page = page_of(
            book,
            Visitor(session=Session(subject=person), login=None, device=None),
            party=None,
            languages=languages,
            now=now,
        )
        found = LookedUp(
            overview=await overview_of(connection, page),
            history=await newest_of(connection, person, limit=_DECISIONS),
            is_account=await subjects.is_known(connection, person.id),
        )
        await noted.note(connection, "support/look-up", at=now, role=reader)
        about: dict[str, Json] = {"act": "support", "by": noted.by, "role": reader}
        await stage_own(context, connection, book, Kind.EXPORT, subject=person, about=about, at=now)
        hour = Instant(now - now % HOUR)
        row = ReadRow(
            subject=person.id, client_id=reader, kind=ReadKind.SUPPORT, hour=hour, times=1
        )
        await reads.add(connection, [row])
    return found


def looked_up_out(found: LookedUp) -> LookedUpOut:
    """The same for a program."""
    page = found.overview.page
    return LookedUpOut(
        of="account" if found.is_account else "device",
        at=to_rfc3339(page.now),
        catalogue=page.book.catalogue.version,
        purposes=[
            PurposeOut(
                purpose=each.purpose,
                group=None if each.group is None else _standing(each.group),
                parties=[_standing(one) for one in each.parties],
            )
            for each in found.overview.purposes
        ],
        decisions=[_decided(each) for each in found.history if isinstance(each, OwnDecision)],
        unreadable=[
            to_rfc3339(each.recorded_at) for each in found.history if isinstance(each, Unreadable)
        ],
    )


def _standing(one: Standing) -> StandingOut:
    at, until = one.because.at, one.found.expires_at
    return StandingOut(
        party="group" if one.party is None else str(one.party),
        permitted=one.found.permitted,
        why=one.because.why,
        since=None if at is None else to_rfc3339(at),
        until=None if until is None else to_rfc3339(until),
    )


def _decided(own: OwnDecision) -> DecidedOut:
    decision = own.decision
    said = {
        outcome: [
            str(each.purpose)
            for each in decision.choices
            if each.outcome is outcome and each.purpose != ROOT
        ]
        for outcome in Outcome
    }
    return DecidedOut(
        at=to_rfc3339(decision.recorded_at),
        channel=decision.channel,
        assurance=decision.assurance,
        taken_by=None if own.party is None else str(own.party),
        reach="group" if decision.reach is None else str(decision.reach),
        granted=said[Outcome.GRANTED],
        refused=said[Outcome.REFUSED],
        everything=any(each.purpose == ROOT for each in decision.choices),
    )


def _no_code() -> NotFoundError:
    return NotFoundError(
        "code_unknown",
        "This code shows nobody: it was used, is older than ten minutes, or is mistyped.",
        where="code",
    )
