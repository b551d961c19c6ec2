"""Small worlds to resolve in: catalogues, histories, and strategies that draw them.

Two sizes: ``NARROW`` has one brand, one purpose and close times, where ties and overlaps meet;
``BROAD`` has two brands, a partner, a lineage of three purposes, a purpose of another tree, two
catalogue versions, signals and every override.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

from hypothesis import strategies as st

from consentid.core.catalogue import Catalogue, Override, PartyTerms, Purpose
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
    SignalSource,
    SubjectId,
)
from consentid.core.party import LegalEntity, Named, Party, PartyKind, Reach, Slug
from consentid.core.purpose import ROOT, LegalBasis, PurposeId, is_within
from consentid.kit.instants import SECOND, Instant

NEWS = Party(kind=PartyKind.BRAND, slug=Slug("news"))
SHOP = Party(kind=PartyKind.BRAND, slug=Slug("shop"))
REACH = Party(kind=PartyKind.PARTNER, slug=Slug("reach"))
ADS = PurposeId("ads")
ADS_X = PurposeId("ads.x")
ADS_X_Y = PurposeId("ads.x.y")
STATISTICS = PurposeId("statistics")

T = TypeVar("T")

SUBJECT = SubjectId(UUID(int=1))
GRANTED, REFUSED = Outcome.GRANTED, Outcome.REFUSED
DAY_S = 86_400


def at(units: int) -> Instant:
    """The smallest step that a validity can tell apart."""
    return Instant(units * SECOND)


def entity_of(party: Party) -> LegalEntity:
    return LegalEntity(f"{party.slug} SA")


def named(*parties: Party) -> frozenset[Named]:
    return frozenset(Named(party=party, entity=entity_of(party)) for party in parties)


EVERYBODY = named(NEWS, SHOP, REACH)


def notice(names: frozenset[Named] = EVERYBODY, *, attaches_to_account: bool = True) -> NoticeRef:
    return NoticeRef(
        id="banner",
        version=1,
        language="fr",
        digest=bytes(32),
        names=names,
        attaches_to_account=attaches_to_account,
    )


def act(
    id_: int,
    outcome: Outcome,
    *purposes: PurposeId,
    early: Instant,
    late: Instant | None = None,
    reach: Reach = None,
    names: frozenset[Named] = EVERYBODY,
    catalogue: int = 1,
    told: bool = False,
    signal: SignalSource | None = None,
    attaches_to_account: bool = True,
) -> Decision:
    """A decision with one outcome for each purpose (``ads`` unless told otherwise)."""
    return decide(
        id_,
        dict.fromkeys(purposes or (ADS,), outcome),
        early=early,
        late=late,
        reach=reach,
        names=names,
        catalogue=catalogue,
        told=told,
        signal=signal,
        attaches_to_account=attaches_to_account,
    )


def decide(
    id_: int,
    outcomes: dict[PurposeId, Outcome],
    *,
    early: Instant,
    late: Instant | None = None,
    reach: Reach = None,
    names: frozenset[Named] = EVERYBODY,
    catalogue: int = 1,
    told: bool = False,
    signal: SignalSource | None = None,
    attaches_to_account: bool = True,
    assisted: bool = False,
) -> Decision:
    late = early if late is None else late
    return Decision(
        id=DecisionId(UUID(int=id_)),
        subject=SUBJECT,
        choices=tuple(Choice(purpose=p, outcome=o) for p, o in outcomes.items()),
        reach=reach,
        notice=notice(names, attaches_to_account=attaches_to_account),
        catalogue=CatalogueVersion(catalogue),
        interval=Interval(early=early, late=late),
        recorded_at=late,
        assurance=Assurance.SIGNAL
        if signal is not None
        else Assurance.ASSISTED
        if assisted
        else Assurance.SELF,
        channel=Channel.WEB,
        actor="hub",
        signal=signal,
        told_of_signal=told,
    )


def catalogue(
    *purposes: PurposeId,
    basis: LegalBasis = LegalBasis.CONSENT,
    validity_s: int = 180 * DAY_S,
    memory_s: int = 184 * DAY_S,
    version: int = 1,
    revised: int = 1,
    assisted: bool = False,
    overrides: dict[Party, tuple[Override, ...]] | None = None,
    validities: dict[Party, int] | None = None,
    entities: dict[Party, LegalEntity] | None = None,
    parties: tuple[Party, ...] = (NEWS, SHOP, REACH),
) -> Catalogue:
    ids = purposes or (ADS, ADS_X, ADS_X_Y, STATISTICS)
    return Catalogue(
        version=CatalogueVersion(version),
        validity_s=validity_s,
        refusal_memory_s=memory_s,
        purposes={id_: Purpose(id=id_, basis=basis, ask=True, assisted=assisted) for id_ in ids},
        parties={
            party: PartyTerms(
                party=party,
                entity=(entities or {}).get(party, entity_of(party)),
                audience=f"https://{party.slug}.example",
                validity_s=(validities or {}).get(party),
                overrides={rule.purpose: rule for rule in (overrides or {}).get(party, ())},
                listed=None if party.kind is PartyKind.BRAND else frozenset(ids),
            )
            for party in parties
        },
        revised=dict.fromkeys(ids, CatalogueVersion(revised)),
        revised_for={},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A history and what to ask of it."""

    history: tuple[Decision, ...]
    true_times: tuple[Instant, ...]
    """Hidden from the rule: when each act really happened, within its interval."""
    catalogue: Catalogue
    asked: Party
    purpose: PurposeId
    now: Instant
    adult: bool
    shuffled: tuple[int, ...]
    """Positions in the history, each at least once, in some order of arrival."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    parties: tuple[Party, ...]
    purposes: tuple[PurposeId, ...]
    asked: tuple[PurposeId, ...]
    reaches: tuple[Reach, ...]
    horizon: int
    acts: int
    is_varied: bool
    """Whether versions, signals, overrides and changing names are drawn too."""


NARROW = Size(
    parties=(NEWS,),
    purposes=(ADS,),
    asked=(ADS,),
    reaches=(None, NEWS),
    horizon=3,
    acts=7,
    is_varied=False,
)
LINEAGE = Size(
    parties=(NEWS,),
    purposes=(ADS, ADS_X),
    asked=(ADS, ADS_X),
    reaches=(None, NEWS),
    horizon=5,
    acts=7,
    is_varied=False,
)
BROAD = Size(
    parties=(NEWS, SHOP, REACH),
    purposes=(ROOT, ADS, ADS_X, ADS_X_Y, STATISTICS),
    asked=(ADS, ADS_X, ADS_X_Y),
    reaches=(None, None, NEWS, SHOP, REACH),
    horizon=8,
    acts=8,
    is_varied=True,
)


def worlds(size: Size) -> st.SearchStrategy[World]:
    """Draw worlds of a size."""
    return st.builds(
        _world,
        st.just(size),
        st.lists(_ACT, min_size=1, max_size=size.acts),
        st.binary(min_size=52, max_size=52),
    )


_ACT = st.binary(min_size=17, max_size=17)


class Deck:
    """Picks, one drawn byte each: drawing bytes at once is many times faster than single draws."""

    def __init__(self, drawn: bytes) -> None:
        self._bytes: Iterator[int] = iter(drawn)

    def pick(self, options: Sequence[T]) -> T:
        return options[next(self._bytes) % len(options)]

    def pick_up_to(self, most: int) -> int:
        return self.pick(range(most + 1))


def _world(size: Size, acts: list[bytes], rest: bytes) -> World:
    decks = [Deck(drawn) for drawn in acts]
    history = _numbered([_decision(deck, size) for deck in decks])
    deck = Deck(rest)
    extra = [deck.pick(range(len(history))) for _ in range(3)] if history else []
    positions = [*range(len(history)), *extra]
    arrival = sorted(positions, key=lambda _: deck.pick(range(256)))
    return World(
        history=history,
        true_times=tuple(
            Instant(
                one.interval.early
                + (one.interval.late - one.interval.early) * own.pick_up_to(2) // 2
            )
            for one, own in zip(history, decks, strict=True)
        ),
        catalogue=_catalogue(deck, size),
        asked=deck.pick(size.parties),
        purpose=deck.pick(size.asked),
        now=at(size.horizon + 2 + deck.pick_up_to(size.horizon + 4)),
        adult=deck.pick((True, False)),
        shuffled=tuple(arrival),
    )


def _numbered(history: list[Decision]) -> tuple[Decision, ...]:
    return tuple(
        replace(one, id=DecisionId(UUID(int=place + 1))) for place, one in enumerate(history)
    )


def _decision(deck: Deck, size: Size) -> Decision:
    early = deck.pick_up_to(size.horizon)
    late = early + deck.pick((0, 1, 2))
    reach = deck.pick(size.reaches)
    names, version, told, signal, attaches = EVERYBODY, 1, False, None, True
    assisted = False
    purposes = {deck.pick(size.purposes)}
    if size.is_varied:
        purposes |= {deck.pick(size.purposes) for _ in range(deck.pick_up_to(2))}
        names = deck.pick(_NAMES)
        version = deck.pick((1, 1, 2))
        told = deck.pick((False, True))
        signal = deck.pick((None, None, None, SignalSource.GPC))
        attaches = deck.pick((True, False))
        assisted = deck.pick((False, False, True))
    chosen = {purpose: deck.pick((GRANTED, REFUSED)) for purpose in sorted(purposes)}
    if signal is not None:
        reach, told = None, False
        chosen = dict.fromkeys(chosen, REFUSED)
    return decide(
        1,
        _well_formed(chosen),
        early=at(early),
        late=at(late),
        reach=reach,
        names=names,
        catalogue=version,
        told=told,
        signal=signal,
        attaches_to_account=attaches,
        assisted=assisted,
    )


_NAMES = (
    EVERYBODY,
    named(NEWS),
    named(SHOP, REACH),
    frozenset({Named(party=NEWS, entity=LegalEntity("sold"))}),
    frozenset[Named](),
)


def _well_formed(chosen: dict[PurposeId, Outcome]) -> dict[PurposeId, Outcome]:
    """Refuse what lies beneath a refusal, and the root."""
    refused = [id_ for id_, outcome in chosen.items() if outcome is REFUSED or id_ == ROOT]
    return {
        purpose: REFUSED if any(is_within(purpose, above) for above in refused) else GRANTED
        for purpose in chosen
    }


def _override(deck: Deck, purposes: tuple[PurposeId, ...]) -> Override:
    return Override(
        purpose=deck.pick([id_ for id_ in purposes if id_ != ROOT]),
        off=deck.pick((False, False, False, True)),
        own=deck.pick((False, True)),
        validity_s=deck.pick((None, None, 3)),
        adults_only=deck.pick((False, False, False, True)),
        basis=deck.pick((None, LegalBasis.CONSENT)),
        unassisted=deck.pick((False, False, True)),
    )


def _catalogue(deck: Deck, size: Size) -> Catalogue:
    if not size.is_varied:
        return catalogue(*size.purposes, parties=size.parties)
    rules = {
        party: (_override(deck, size.purposes),)
        for party in size.parties
        if party.kind is PartyKind.BRAND and deck.pick((False, True))
    }
    return catalogue(
        *(id_ for id_ in size.purposes if id_ != ROOT),
        basis=deck.pick((LegalBasis.CONSENT, LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTEREST)),
        validity_s=deck.pick((4, 9, 30)),
        memory_s=deck.pick((3, 8, 30)),
        version=2,
        revised=deck.pick((1, 1, 2)),
        assisted=deck.pick((False, True)),
        overrides=rules,
    )
