"""What a new book changes, in words, for whoever is about to apply it.

Each change is a text with places, so that a page can say it in another language.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Final, TypeAlias

from consentid.brandbook.book import Book, Group, Profile, PurposeSheet
from consentid.core.catalogue import PartyTerms, Terms, find_terms
from consentid.core.succession import is_looser

_DAY_S: Final = 86_400
_Value: TypeAlias = "str | tuple[Change, ...]"


@dataclass(frozen=True, slots=True)
class Change:
    """One change: a text in English, and what stands at its places."""

    text: str
    values: tuple[tuple[str, _Value], ...] = ()

    def say(self, translate: Callable[[str], str] = str) -> str:
        """The change in words; ``translate`` knows the text in another language."""
        told = {
            name: value
            if isinstance(value, str)
            else ", ".join(each.say(translate) for each in value)
            for name, value in self.values
        }
        return translate(self.text) % told

    def __str__(self) -> str:  # pyright: ignore[reportImplicitOverride]  3.11 has no override
        """In English."""
        return self.say()


def change(text: str, **values: _Value) -> Change:
    """A change.  Texts that this is called with are translated: a test collects them."""
    return Change(text, tuple(values.items()))


def difference(old: Book | None, new: Book) -> tuple[Change, ...]:
    """One line per change, what people will notice first: who is asked again and what is new.

    ``new`` may be a draft.
    """
    if old is None:
        return (change("the first version: %(counts)s", counts=tuple(_counts(new))),)
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


def _counts(new: Book) -> Iterator[Change]:
    purposes, brands, partners = len(new.purposes), len(new.brands), len(new.partners)
    yield (
        change("1 purpose") if purposes == 1 else change("%(count)s purposes", count=str(purposes))
    )
    yield change("1 brand") if brands == 1 else change("%(count)s brands", count=str(brands))
    yield (
        change("1 partner") if partners == 1 else change("%(count)s partners", count=str(partners))
    )


def _of_purposes(old: Book, new: Book) -> Iterator[Change]:
    before, now = old.catalogue.purposes, new.catalogue.purposes
    yield from (change("purpose %(id)s: new", id=id_) for id_ in now if id_ not in before)
    yield from (change("purpose %(id)s: retired", id=id_) for id_ in before if id_ not in now)
    for id_ in now:
        if id_ in before and now[id_].material > before[id_].material:
            yield change(
                "purpose %(id)s: means more than it did, so everybody is asked again", id=id_
            )
        if id_ in before and now[id_].ask and not before[id_].ask:
            yield change("purpose %(id)s: now has to be answered", id=id_)
        if id_ in before and before[id_].ask and not now[id_].ask:
            yield change("purpose %(id)s: no longer has to be answered", id=id_)
    if tuple(id_ for id_ in now if id_ in before) != tuple(id_ for id_ in before if id_ in now):
        yield change("purposes: in another order")


def _of_parties(old: Book, new: Book) -> Iterator[Change]:
    before, now = old.catalogue.parties, new.catalogue.parties
    for party in now:
        if party not in before:
            yield change("%(party)s: joins, with no consent yet", party=str(party))
    for party in before:
        if party not in now:
            yield change("%(party)s: leaves", party=str(party))
    for party in now:
        if party in before and now[party].entity != before[party].entity:
            yield change(
                "%(party)s: %(old)s gives way to %(new)s, so grants given before stop counting "
                "there",
                party=str(party),
                old=str(before[party].entity),
                new=str(now[party].entity),
            )
        if party in before and now[party].audience != before[party].audience:
            yield change(
                "%(party)s: tokens are now meant for %(audience)s",
                party=str(party),
                audience=now[party].audience,
            )
        if party in before:
            yield from _of_other_audiences(before[party], now[party])


def _of_other_audiences(before: PartyTerms, now: PartyTerms) -> Iterator[Change]:
    party = str(now.party)
    for audience in now.other_audiences:
        if audience not in before.audiences:
            yield change(
                "%(party)s: tokens may be asked for %(audience)s as well",
                party=party,
                audience=audience,
            )
    for audience in before.other_audiences:
        if audience not in now.audiences:
            yield change(
                "%(party)s: no more tokens for %(audience)s", party=party, audience=audience
            )


def _of_terms(old: Book, new: Book) -> Iterator[Change]:
    for party in new.catalogue.parties:
        if party not in old.catalogue.parties:
            continue
        for id_ in dict.fromkeys((*old.catalogue.purposes, *new.catalogue.purposes)):
            if id_ not in old.catalogue.purposes or id_ not in new.catalogue.purposes:
                continue
            before = find_terms(old.catalogue, party, id_)
            now = find_terms(new.catalogue, party, id_)
            said = tuple(_said(before, now))
            if said and now is not None and is_looser(before, now):
                yield change(
                    "%(party)s, %(purpose)s: %(said)s, so it is asked again",
                    party=str(party),
                    purpose=id_,
                    said=said,
                )
            elif said:
                yield change(
                    "%(party)s, %(purpose)s: %(said)s", party=str(party), purpose=id_, said=said
                )


def _said(before: Terms | None, now: Terms | None) -> Iterator[Change]:
    if now is None or before is None:
        if (now is None) != (before is None):
            yield change("no longer offered") if now is None else change("now offered")
        return
    if now.own != before.own:
        yield (
            change("now needs its own consent")
            if now.own
            else change("no longer needs its own consent")
        )
    if now.basis is not before.basis:
        yield change("now rests on %(new)s, not %(old)s", new=now.basis, old=before.basis)
    if now.adults_only != before.adults_only:
        yield (
            change("now for adults only")
            if now.adults_only
            else change("no longer for adults only")
        )
    if now.confirmed != before.confirmed:
        yield (
            change("a yes counts only by a link")
            if now.confirmed
            else change("a yes counts without a link")
        )
    if now.assisted != before.assisted:
        yield (
            change("what somebody else keys in counts before it is confirmed")
            if now.assisted
            else change("what somebody else keys in no longer counts before it is confirmed")
        )
    if now.validity_s != before.validity_s:
        days, former = (str(each.validity_s // _DAY_S) for each in (now, before))
        yield change("valid %(new)s days, not %(old)s", new=days, old=former)


def _of_notices(old: Book, new: Book) -> Iterator[Change]:
    for (id_, language), notice in new.notices.items():
        before = old.notices.get((id_, language))
        if before is not None and before.digest != notice.digest:
            yield change(
                "notice %(id)s (%(language)s): other words, so version %(version)s",
                id=id_,
                language=language,
                version=str(before.version + 1),
            )
        elif before is None and any(of == id_ for of, _ in old.notices):
            yield change("notice %(id)s (%(language)s): new language", id=id_, language=language)


def _of_telling(old: Book, new: Book) -> Iterator[Change]:
    """What changes no answer."""
    names = _changed(old.group, new.group)
    if names:
        yield change("group: other %(names)s", names=names)
    for id_, sheet in new.purposes.items():
        names = _changed(old.purposes[id_], sheet) if id_ in old.purposes else ""
        if names:
            yield change("purpose %(id)s: other %(names)s", id=id_, names=names)
    for before, now in ((old.brands, new.brands), (old.partners, new.partners)):
        for slug in now:
            names = _changed(before[slug], now[slug]) if slug in before else ""
            if names:
                yield change("%(party)s: other %(names)s", party=str(now[slug].party), names=names)


def _changed(old: Group | PurposeSheet | Profile, new: Group | PurposeSheet | Profile) -> str:
    """The keys of a file that say something else now."""
    names = [each.name for each in fields(new)]
    return ", ".join(name for name in names if getattr(old, name) != getattr(new, name))
