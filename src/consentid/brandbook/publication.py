"""From the applied book and a draft to the next book, or to the news that nothing changed."""

from collections.abc import Mapping
from dataclasses import replace

from consentid.brandbook.book import Book
from consentid.brandbook.encoding import encode
from consentid.brandbook.folder import DRAFT, GROUP_FILE, PARTNERS_FOLDER, Draft
from consentid.brandbook.notice import Notice
from consentid.brandbook.page import Page
from consentid.brandbook.place import KeyPath
from consentid.brandbook.problem import BrandbookError, Problem, Rule
from consentid.core.purpose import PurposeId, brand_of
from consentid.core.succession import Breach, BreachKind, Subject, find_breaches, succeed


def publish(previous: Book | None, draft: Draft) -> Book | None:
    """The next version of the book, or None where the draft says nothing new.

    A notice's version rises where a word of it changed in any language, and stays otherwise.

    Raises:
        BrandbookError: the draft removes, reuses or re-means a slug of the applied book.
    """
    if previous is not None:
        _check_succession(previous, draft)
        if encode(as_draft(previous)) == encode(draft.book):
            return None
    return replace(
        draft.book,
        catalogue=succeed(None if previous is None else previous.catalogue, draft.book.catalogue),
        notices=_number({} if previous is None else previous.notices, draft.book.notices),
    )


def as_draft(book: Book) -> Book:
    """The book as its files would load: without versions and revisions."""
    return replace(
        book,
        catalogue=replace(book.catalogue, version=DRAFT, revised={}, revised_for={}),
        notices={key: replace(notice, version=0) for key, notice in book.notices.items()},
    )


def _number(
    previous: Mapping[tuple[str, str], Notice], drafts: Mapping[tuple[str, str], Notice]
) -> Mapping[tuple[str, str], Notice]:
    def digests(notices: Mapping[tuple[str, str], Notice], id_: str) -> Mapping[str, bytes]:
        return {language: notice.digest for (of, language), notice in notices.items() if of == id_}

    versions: dict[str, int] = {}
    for id_ in {id_ for id_, _ in drafts}:
        before = max((each.version for (of, _), each in previous.items() if of == id_), default=0)
        changed = digests(previous, id_) != digests(drafts, id_)
        versions[id_] = before + 1 if changed else before
    return {
        (id_, language): replace(notice, version=versions[id_])
        for (id_, language), notice in drafts.items()
    }


def _check_succession(previous: Book, draft: Draft) -> None:
    problems: list[Problem] = []
    pages = {
        file: Page(file=file, lines=lines, problems=problems) for file, lines in draft.pages.items()
    }
    for breach in find_breaches(previous.catalogue, draft.book.catalogue):
        _tell(breach, pages)
    for id_, sheet in draft.book.purposes.items():
        before = previous.purposes.get(id_)
        if before is not None and before.source is not sheet.source:
            pages[_purpose_file(id_, pages)].tell(
                ("purposes", id_, "source"),
                Rule.RE_MEANT,
                f'"{id_}" was agreed to with {before.source} data, not {sheet.source}',
                f'put "{before.source}" back, or retire "{id_}" and declare another purpose',
            )
    for id_, client in draft.book.clients.items():
        known = previous.clients.get(id_)
        if known is not None and known.party != client.party:
            pages[_party_file(client.party.slug, pages)].tell(
                ("clients", id_),
                Rule.RE_MEANT,
                f'the client "{id_}" belongs to {known.party}',
                "register a client of another id: whoever holds the old secret is somebody else",
            )
    if problems:
        raise BrandbookError(problems)


def _tell(breach: Breach, pages: Mapping[str, Page]) -> None:
    slug = breach.slug
    entry = f'"{slug}" = {{ on = 2026-01-31, reason = "..." }}'
    own: KeyPath
    match breach.subject:
        case Subject.PURPOSE:
            file, own, section = _purpose_file(slug, pages), ("purposes", slug), "purposes"
        case Subject.PARTY:
            file, own, section = _party_file(slug, pages), (), "parties"
    match breach.kind:
        case BreachKind.REMOVED:
            pages[file].tell(
                own,
                Rule.REMOVED,
                f'"{slug}" is gone, and decisions speak of it',
                f"put it back, or write {entry} under [retired.{section}] of {GROUP_FILE}",
            )
        case BreachKind.REUSED:
            pages[file].tell(
                own,
                Rule.REUSED_SLUG,
                f'"{slug}" was retired, and a retired slug is never used again',
                "choose another slug",
            )
        case BreachKind.UNRETIRED:
            pages[GROUP_FILE].tell(
                ("retired", section, slug),
                Rule.REMOVED,
                f'the retirement of "{slug}" is gone, and retirements are for ever',
                f"put {entry} back",
            )
        case BreachKind.BASIS:
            pages[file].tell(
                (*own, "basis"),
                Rule.RE_MEANT,
                f'"{slug}" rested on another legal basis when people answered',
                f'put it back, or retire "{slug}" and declare another purpose',
            )
        case BreachKind.LOWERED:
            pages[file].tell(
                (*own, "material"),
                Rule.RE_MEANT,
                f'the material edition of "{slug}" goes back',
                "write the applied number, or a higher one to ask everybody again",
            )


def _purpose_file(slug: str, pages: Mapping[str, Page]) -> str:
    brand = brand_of(PurposeId(slug))
    return GROUP_FILE if brand is None else _party_file(brand, pages)


def _party_file(slug: str, pages: Mapping[str, Page]) -> str:
    """The file that speaks of it; the group's where that file is gone."""
    candidates = (f"{slug}.toml", f"{PARTNERS_FOLDER}/{slug}.toml")
    return next((file for file in candidates if file in pages), GROUP_FILE)
