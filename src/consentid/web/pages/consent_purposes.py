"""The purposes of an interaction as its consent page shows them, in the order and words shown."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from consentid.brandbook.book import Source
from consentid.brandbook.notice import NoticePurpose
from consentid.core.asking import Reason
from consentid.core.catalogue import find_terms
from consentid.core.decision import SignalSource
from consentid.core.purpose import LegalBasis, PurposeId, lineage
from consentid.core.resolution import State
from consentid.flows.interactions import Interaction
from consentid.kit.instants import to_datetime
from consentid.web.pages.consent import AnsweredPurpose, AskedPurpose, Interest, Why, WhyAsked


def asked_purposes(interaction: Interaction, day: date) -> tuple[AskedPurpose, ...]:
    """What is missing: each right behind what it is part of."""
    entries = {entry.id: entry for entry in interaction.notice.entries}
    shown = in_families([entries[id_] for id_ in interaction.asked if id_ in entries])
    names = {entry.id: entry.name for entry in shown}
    return tuple(_asked_purpose(interaction, entry, names, day) for entry in shown)


def in_families(shown: Sequence[NoticePurpose]) -> list[NoticePurpose]:
    """In the order given, but each purpose right behind what it is part of."""
    ids = {entry.id for entry in shown}
    under: dict[PurposeId | None, list[NoticePurpose]] = {}
    for entry in shown:
        above = next((id_ for id_ in lineage(entry.id)[1:] if id_ in ids), None)
        under.setdefault(above, []).append(entry)

    def gather(above: PurposeId | None) -> Iterator[NoticePurpose]:
        for entry in under.get(above, ()):
            yield entry
            yield from gather(entry.id)

    return list(gather(None))


def reasons_of(interaction: Interaction, asked: Sequence[AskedPurpose]) -> tuple[WhyAsked, ...]:
    """Why some are asked again, those with one reason together."""
    found: dict[tuple[Why, date | None], list[str]] = {}
    for one in asked:
        asking = interaction.asking[one.id]
        if asking.reason is not Reason.FIRST:
            day = None if asking.at is None else to_datetime(asking.at).date()
            found.setdefault((Why(asking.reason), day), []).append(one.name)
    return tuple(
        WhyAsked(why=why, day=day, names=tuple(names)) for (why, day), names in found.items()
    )


def _asked_purpose(
    interaction: Interaction,
    entry: NoticePurpose,
    names: Mapping[PurposeId, str],
    day: date,
) -> AskedPurpose:
    above = [id_ for id_ in lineage(entry.id)[1:] if id_ in names]
    terms = find_terms(interaction.book.catalogue, interaction.party, entry.id)
    return AskedPurpose(
        id=entry.id,
        name=entry.name,
        description=entry.description,
        depth=len(above),
        part_of=names[above[0]] if above else None,
        topics=tuple(topic.name for topic in entry.topics),
        is_mandatory=entry.id in interaction.mandatory,
        uses_third_party_data=interaction.book.purposes[entry.id].source is Source.THIRD_PARTY,
        until=None if terms is None else day + timedelta(seconds=terms.validity_s),
        chosen=interaction.prefill.get(entry.id),
    )


def interests_of(interaction: Interaction) -> tuple[Interest, ...]:
    """What rests on a legitimate interest, to object to."""
    found: list[Interest] = []
    for entry in interaction.notice.entries:
        resolution = interaction.resolutions.get(entry.id)
        if entry.basis is not LegalBasis.LEGITIMATE_INTEREST or resolution is None:
            continue
        if interaction.named is not None:
            continue  # a partner that names what it asks asks for nothing beside it
        is_objected = resolution.state is State.OBJECTED
        found.append(
            Interest(
                id=entry.id,
                name=entry.name,
                description=entry.description,
                is_objected=is_objected,
                ticked=is_objected,
            )
        )
    return tuple(found)


def answered_purposes(interaction: Interaction) -> tuple[AnsweredPurpose, ...]:
    """What was answered before, and is not asked."""
    return tuple(
        AnsweredPurpose(name=entry.name, is_yes=resolution.permitted)
        for entry in interaction.notice.entries
        if entry.basis is LegalBasis.CONSENT
        and entry.id not in interaction.asked
        and (interaction.named is None or entry.id in interaction.named)
        and (resolution := interaction.resolutions.get(entry.id)) is not None
        and resolution.answered
    )


def honoured_purposes(interaction: Interaction) -> tuple[str, ...]:
    """What the signal objects to, of what this notice names."""
    signalled = frozenset(interaction.book.group.signals.get(SignalSource.GPC, ()))
    return tuple(
        entry.name
        for entry in interaction.notice.entries
        if signalled & set(lineage(entry.id)) and entry.id in interaction.resolutions
    )
