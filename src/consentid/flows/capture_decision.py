"""The decision that a capture comes to, by whoever's word: its draft, its rights, its admission."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.core.admission import Draft, Rights, admit
from consentid.core.clock import Timing
from consentid.core.decision import Assurance, Channel, Choice, Decision, DecisionId
from consentid.core.party import Party, PartyKind, Slug
from consentid.flows.capture_body import OpenCapture
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject
from consentid.flows.read_out import shown_notice
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant
from consentid.store.captures import CaptureRow

PROMPT: Final = "capture:"
"""How a decision names the capture that it comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """By whose word, and how it came."""

    assurance: Assurance
    channel: Channel
    timing: Timing
    told_of_signal: bool = False


def asked_of(row: CaptureRow) -> Party:
    """Whom the capture is for."""
    kind, _, slug = row.party.partition("/")
    return Party(kind=PartyKind(kind), slug=Slug(slug))


def new_id(context: Context, at: Instant) -> DecisionId:
    """A new decision's."""
    return DecisionId(uuid7(at, context.randomness(RANDOM_BYTES)))


def rights_of(row: CaptureRow, assurance: Assurance) -> Rights:
    """Whoever captured it speaks for whom it is for, and for nobody else."""
    return Rights(
        actor=row.client_id,
        party=asked_of(row),
        collects_for_group=False,
        assurance=assurance,
    )


async def decide(
    context: Context,
    connection: AsyncConnection,
    book: Book,
    capture: OpenCapture,
    *,
    subject: OpenSubject,
    choices: Sequence[Choice],
    word: Word,
    at: Instant,
) -> Decision:
    """Admit what a capture says as somebody's decision; nothing is written yet.

    Raises:
        MalformedError, ConflictError: see ``core.admission.admit``.
    """
    draft = Draft(
        choices=tuple(choices),
        reach=asked_of(capture.row),
        notice=await shown_notice(connection, book, capture.body),
        channel=word.channel,
        timing=word.timing,
        recorded_at=at,
        told_of_signal=word.told_of_signal,
        prompted_by=f"{PROMPT}{capture.row.id}",
    )
    return admit(
        draft,
        rights_of(capture.row, word.assurance),
        book.catalogue,
        id_=new_id(context, at),
        subject=subject.id,
        adult=subject.adult,
    )
