"""Loading a folder of configuration into a draft of a book, with every mistake told at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from consentid.brandbook import form
from consentid.brandbook.book import Book, Group, Profile, PurposeSheet
from consentid.brandbook.composition import Shown, compose
from consentid.brandbook.cookies import check_cookies
from consentid.brandbook.delegation import check_asks_for
from consentid.brandbook.group import read_group
from consentid.brandbook.notice import Notice
from consentid.brandbook.page import Page, open_page
from consentid.brandbook.place import KeyPath
from consentid.brandbook.problem import BrandbookError, Problem, Rule
from consentid.brandbook.profile import PartyPage, complete_order, read_party
from consentid.brandbook.purposes import DAY_S, Written, read_purposes
from consentid.brandbook.registry import check_registry
from consentid.brandbook.size import MAX_TOKEN_BYTES, largest_token_bytes
from consentid.brandbook.table import Table, suggest
from consentid.brandbook.tree import check_purposes
from consentid.brandbook.wording import read_wording
from consentid.core.catalogue import Catalogue, terms_of
from consentid.core.decision import CatalogueVersion
from consentid.core.party import Party, PartyKind, Slug
from consentid.core.purpose import PurposeId

GROUP_FILE: Final = "group.toml"
PARTNERS_FOLDER: Final = "partners"
DRAFT: Final = CatalogueVersion(0)
"""The version of what was not applied yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A sound configuration that was not applied yet, and where each of its keys stands."""

    book: Book
    pages: Mapping[str, Mapping[KeyPath, int]]
    """By file: the line of each key."""


def load(folder: Path) -> Draft:
    """Read and check ``group.toml``, ``<brand>.toml`` and ``partners/<partner>.toml``.

    Raises:
        BrandbookError: the files hold mistakes; it carries all of them.
    """
    problems: list[Problem] = []
    group_table = _open_group(folder, problems)
    parties = dict(_open_parties(folder, problems))
    if group_table is None or problems:
        # What else could be said would mostly follow from what could not be read.
        raise BrandbookError(problems)
    group = read_group(group_table)
    wording = read_wording(
        group_table.table("texts", required=True), group.languages, fallback=None
    )
    written = _read_all_purposes(group_table, parties, group)
    group_table.close()
    pages = [read_party(table, party, group, wording, written) for party, table in parties.items()]
    _check_signals(group_table, group, written)
    _check_validities(group, written)
    check_registry(group_table, group, pages, written)
    book = _bind(group, pages, written)
    _check_sizes(book, pages)
    for page in pages:
        check_cookies(page.table, page.profile.party, book.catalogue, page.profile.cookies)
        check_asks_for(page.table, book.catalogue, page.profile.asks_for)
    if problems:
        raise BrandbookError(problems)
    lines = {table.page.file: table.page.lines for table in (group_table, *parties.values())}
    return Draft(book=_with_notices(book, pages), pages=lines)


def _open_group(folder: Path, problems: list[Problem]) -> Table | None:
    path = folder / GROUP_FILE
    if path.is_file():
        return _open_table(GROUP_FILE, path, problems)
    problems.append(
        Problem(
            rule=Rule.MISSING_FILE,
            file=GROUP_FILE,
            line=1,
            key="",
            message="there is no such file",
            remedy="write it: it declares the group, its portal and its purposes",
        )
    )
    return None


def _open_table(file: str, path: Path, problems: list[Problem]) -> Table | None:
    opened = open_page(file, path.read_bytes(), problems, folder=path.parent)
    return None if opened is None else Table(opened[0], (), opened[1])


def _open_parties(folder: Path, problems: list[Problem]) -> Iterator[tuple[Party, Table]]:
    found = 0
    for kind, under in ((PartyKind.BRAND, folder), (PartyKind.PARTNER, folder / PARTNERS_FOLDER)):
        for path in sorted(under.glob("*.toml")):
            file = path.relative_to(folder).as_posix()
            if file == GROUP_FILE or path.name.startswith(".") or not path.is_file():
                continue
            found += kind is PartyKind.BRAND
            table = _open_table(file, path, problems)
            if not form.SLUG.fits(path.stem):
                Page(file=file, lines={}, problems=problems).tell(
                    (),
                    Rule.WRONG_FORM,
                    f'a file named "{path.name}" cannot give its {kind} a slug',
                    f"rename it: {form.SLUG.right}",
                )
            elif table is not None:
                yield Party(kind=kind, slug=Slug(path.stem)), table
    if not found:
        Page(file=GROUP_FILE, lines={}, problems=problems).tell(
            (), Rule.MISSING_FILE, "no brand stands beside it", "write one: <brand>.toml"
        )


def _read_all_purposes(
    group_table: Table, parties: Mapping[Party, Table], group: Group
) -> Mapping[PurposeId, Written]:
    written = read_purposes(
        group_table.table("purposes", required=True), group.languages, owner=None
    )
    for party, table in parties.items():
        if party.kind is PartyKind.BRAND:
            own = table.table("purposes")
            written |= read_purposes(own, group.languages, owner=party.slug)
    check_purposes({id_: each.leaf for id_, each in written.items()})
    return written


def _check_signals(table: Table, group: Group, written: Mapping[PurposeId, Written]) -> None:
    for source, purposes in group.signals.items():
        for index, id_ in enumerate(purposes):
            if id_ not in written:
                table.tell(
                    Rule.UNKNOWN_PURPOSE,
                    f'there is no purpose "{id_}"',
                    suggest(id_, written),
                    "signals",
                    source,
                    index,
                )


def _check_validities(group: Group, written: Mapping[PurposeId, Written]) -> None:
    for each in written.values():
        if each.rules.validity_s is not None and each.rules.validity_s > group.validity_s:
            days = group.validity_s // DAY_S
            each.leaf.table.tell(
                Rule.WIDENING,
                f"no grant counts longer than the group's {days} days",
                f"write {days} or less, or remove it",
                "validity_days",
            )


def _bind(group: Group, pages: list[PartyPage], written: Mapping[PurposeId, Written]) -> Book:
    """Put together everything but the notices."""
    catalogue = Catalogue(
        version=DRAFT,
        validity_s=group.validity_s,
        refusal_memory_s=group.refusal_memory_s,
        purposes={id_: each.rules for id_, each in written.items()},
        parties={page.terms.party: page.terms for page in pages},
        revised={},
        revised_for={},
        retired=frozenset(group.retired_purposes),
        retired_parties=frozenset(group.retired_parties),
    )
    profiles = [
        replace(page.profile, order=complete_order(page.profile, catalogue)) for page in pages
    ]
    return Book(
        catalogue=catalogue,
        group=group,
        brands=_of_kind(PartyKind.BRAND, profiles),
        partners=_of_kind(PartyKind.PARTNER, profiles),
        purposes={id_: _sheet(each, group) for id_, each in written.items()},
        notices={},
    )


def _of_kind(kind: PartyKind, profiles: list[Profile]) -> Mapping[Slug, Profile]:
    return {each.party.slug: each for each in profiles if each.party.kind is kind}


def _sheet(written: Written, group: Group) -> PurposeSheet:
    sheet = written.sheet
    objected = any(sheet.id in purposes for purposes in group.signals.values())
    return replace(sheet, meanings=replace(sheet.meanings, gpc=objected))


def _check_sizes(book: Book, pages: list[PartyPage]) -> None:
    for page in pages:
        held = terms_of(book.catalogue, page.profile.party)
        largest = largest_token_bytes(
            issuer=book.group.issuer,
            audience=max(page.terms.audiences, key=len),
            clients=page.profile.clients,
            purposes=tuple(held),
            assisted=[purpose for purpose, terms in held.items() if terms.assisted],
        )
        if largest > MAX_TOKEN_BYTES:
            who = page.profile.party.slug
            page.table.tell(
                Rule.TOKEN_TOO_LARGE,
                f"a token for {who} could take {largest} bytes; at most {MAX_TOKEN_BYTES} may",
                "offer fewer purposes here (off), or give them shorter slugs",
            )


def _with_notices(book: Book, pages: list[PartyPage]) -> Book:
    brands = tuple(book.brands.values())
    every = {**book.brands, **book.partners}
    notices: dict[tuple[str, str], Notice] = {}
    for page in pages:
        shown = Shown(
            profile=every[page.profile.party.slug],
            names=brands if page.names is None else [every[slug] for slug in page.names],
            attaches_to_account=page.attaches_to_account,
        )
        for language in book.group.languages:
            notices[page.profile.party.slug, language] = compose(
                shown,
                group=book.group,
                catalogue=book.catalogue,
                sheets=book.purposes,
                language=language,
            )
    return replace(book, notices=notices)
