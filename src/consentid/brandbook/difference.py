"""What a new book changes, in words, for whoever is about to apply it."""

from collections.abc import Iterator
from dataclasses import fields

from consentid.brandbook.book import Book, Group, Profile, PurposeSheet
from consentid.core.catalogue import PartyTerms, Terms, find_terms
from consentid.core.succession import is_looser

_DAY_S = 86_400


def difference(old: Book | None, new: Book) -> tuple[str, ...]:
    """One line per change, what people will notice first: who is asked again and what is new.

    ``new`` may be a draft.
    """
    if old is None:
        counts = (
            _count(len(new.purposes), "purpose"),
            _count(len(new.brands), "brand"),
            _count(len(new.partners), "partner"),
        )
        return (f"the first version: {', '.join(counts)}",)
    return tuple(
        dict.fromkeys(
            (
                *_of_purposes(old, new),
                *_of_parties(old, new),
                *_of_terms(old, new),
                *_of_notices(old, new),
                *_of_telling(old, new),
            )
        )
    )


def _of_purposes(old: Book, new: Book) -> Iterator[str]:
    before, now = old.catalogue.purposes, new.catalogue.purposes
    yield from (f"purpose {id_}: new" for id_ in now if id_ not in before)
    yield from (f"purpose {id_}: retired" for id_ in before if id_ not in now)
    for id_ in now:
        if id_ in before and now[id_].material > before[id_].material:
            yield f"purpose {id_}: means more than it did, so everybody is asked again"
        if id_ in before and now[id_].ask != before[id_].ask:
            yield f"purpose {id_}: {'now has' if now[id_].ask else 'no longer has'} to be answered"
    if tuple(id_ for id_ in now if id_ in before) != tuple(id_ for id_ in before if id_ in now):
        yield "purposes: in another order"


def _of_parties(old: Book, new: Book) -> Iterator[str]:
    before, now = old.catalogue.parties, new.catalogue.parties
    yield from (f"{party}: joins, with no consent yet" for party in now if party not in before)
    yield from (f"{party}: leaves" for party in before if party not in now)
    for party in now:
        if party in before and now[party].entity != before[party].entity:
            yield (
                f"{party}: {before[party].entity} gives way to {now[party].entity},"
                " so grants given before stop counting there"
            )
        if party in before and now[party].audience != before[party].audience:
            yield f"{party}: tokens are now meant for {now[party].audience}"
        if party in before:
            yield from _of_other_audiences(before[party], now[party])


def _of_other_audiences(before: PartyTerms, now: PartyTerms) -> Iterator[str]:
    for audience in now.other_audiences:
        if audience not in before.audiences:
            yield f"{now.party}: tokens may be asked for {audience} as well"
    for audience in before.other_audiences:
        if audience not in now.audiences:
            yield f"{now.party}: no more tokens for {audience}"


def _of_terms(old: Book, new: Book) -> Iterator[str]:
    for party in new.catalogue.parties:
        if party not in old.catalogue.parties:
            continue
        for id_ in dict.fromkeys((*old.catalogue.purposes, *new.catalogue.purposes)):
            if id_ not in old.catalogue.purposes or id_ not in new.catalogue.purposes:
                continue
            before = find_terms(old.catalogue, party, id_)
            now = find_terms(new.catalogue, party, id_)
            said = ", ".join(_said(before, now))
            if said:
                again = now is not None and is_looser(before, now)
                yield f"{party}, {id_}: {said}{', so it is asked again' if again else ''}"


def _said(before: Terms | None, now: Terms | None) -> Iterator[str]:
    if now is None or before is None:
        if (now is None) != (before is None):
            yield "no longer offered" if now is None else "now offered"
        return
    if now.own != before.own:
        yield "now needs its own consent" if now.own else "no longer needs its own consent"
    if now.basis is not before.basis:
        yield f"now rests on {now.basis}, not {before.basis}"
    if now.adults_only != before.adults_only:
        yield "now for adults only" if now.adults_only else "no longer for adults only"
    if now.confirmed != before.confirmed:
        yield "a yes counts only by a link" if now.confirmed else "a yes counts without a link"
    if now.assisted != before.assisted:
        counts = "counts" if now.assisted else "no longer counts"
        yield f"what somebody else keys in {counts} before it is confirmed"
    if now.validity_s != before.validity_s:
        yield f"valid {now.validity_s // _DAY_S} days, not {before.validity_s // _DAY_S}"


def _of_notices(old: Book, new: Book) -> Iterator[str]:
    for (id_, language), notice in new.notices.items():
        before = old.notices.get((id_, language))
        if before is not None and before.digest != notice.digest:
            yield f"notice {id_} ({language}): other words, so version {before.version + 1}"
        elif before is None and any(of == id_ for of, _ in old.notices):
            yield f"notice {id_} ({language}): new language"


def _of_telling(old: Book, new: Book) -> Iterator[str]:
    """What changes no answer."""
    yield from _fields("group", old.group, new.group)
    for id_, sheet in new.purposes.items():
        if id_ in old.purposes:
            yield from _fields(f"purpose {id_}", old.purposes[id_], sheet)
    for before, now in ((old.brands, new.brands), (old.partners, new.partners)):
        for slug in now:
            if slug in before:
                yield from _fields(str(now[slug].party), before[slug], now[slug])


def _fields(
    where: str, old: Group | PurposeSheet | Profile, new: Group | PurposeSheet | Profile
) -> Iterator[str]:
    names = [each.name for each in fields(new)]
    changed = [name for name in names if getattr(old, name) != getattr(new, name)]
    if changed:
        yield f"{where}: other {', '.join(changed)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
