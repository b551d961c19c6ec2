"""What must be unique across all files, or must be there when another file names it."""

from collections.abc import Iterable, Mapping, Sequence

from consentid.brandbook import form
from consentid.brandbook.book import Entity, Group
from consentid.brandbook.place import KeyPath
from consentid.brandbook.problem import Rule
from consentid.brandbook.profile import PartyPage
from consentid.brandbook.purposes import Written
from consentid.brandbook.table import Table, suggest
from consentid.core.party import PartyKind, Slug
from consentid.core.purpose import PurposeId


def check_registry(
    table: Table, group: Group, pages: Sequence[PartyPage], written: Mapping[PurposeId, Written]
) -> None:
    """Note reused slugs, what two parties claim, and names that nobody bears."""
    _check_slugs(group, pages, written)
    _check_names(table, group, pages)
    _check_entities(table, group, pages)
    _check_unique(
        "domain",
        (
            (form.host_of(group.issuer), table, ("issuer",)),
            (form.host_of(group.portal.issuer), table, ("portal", "issuer")),
            *(
                (domain, page.table, ("domains", index))
                for page in pages
                for index, domain in enumerate(page.profile.domains)
            ),
        ),
    )
    _check_unique(
        "audience",
        (
            (group.issuer, table, ("issuer",)),
            *((page.terms.audience, page.table, ("audience",)) for page in pages),
            *(
                (audience, page.table, ("other_audiences", index))
                for page in pages
                for index, audience in enumerate(page.terms.other_audiences)
            ),
        ),
    )
    _check_unique(
        "client id",
        (
            (client_id, page.table, ("clients", client_id))
            for page in pages
            for client_id in page.profile.clients
        ),
        rule=Rule.REUSED_SLUG,
    )


def _check_slugs(
    group: Group, pages: Sequence[PartyPage], written: Mapping[PurposeId, Written]
) -> None:
    bearers: dict[Slug, str] = {}
    for page in pages:
        slug = page.profile.party.slug
        if slug in bearers:
            page.table.tell(
                Rule.REUSED_SLUG,
                f'the slug "{slug}" is taken by {bearers[slug]}',
                "rename this file: brands and partners share their slugs",
            )
        bearers.setdefault(slug, page.table.page.file)
        if slug in group.retired_parties:
            page.table.tell(
                Rule.REUSED_SLUG,
                f'the slug "{slug}" was retired on {group.retired_parties[slug].on}',
                "choose another: old decisions still speak of it",
            )
    for id_, each in written.items():
        if id_ in group.retired_purposes:
            each.leaf.table.tell(
                Rule.REUSED_SLUG,
                f'the slug "{id_}" was retired on {group.retired_purposes[id_].on}',
                "choose another: old decisions still speak of it",
            )


def _check_names(table: Table, group: Group, pages: Sequence[PartyPage]) -> None:
    brands = [
        page.profile.party.slug for page in pages if page.profile.party.kind is PartyKind.BRAND
    ]
    for slug in group.portal.clients:
        if slug not in brands:
            table.tell(
                Rule.UNKNOWN_PARTY,
                f'there is no brand "{slug}"',
                suggest(slug, brands),
                "portal",
                "clients",
                slug,
            )
    known = [page.profile.party.slug for page in pages]
    for page in pages:
        for index, slug in enumerate(page.names or ()):
            if slug not in known:
                page.table.tell(
                    Rule.UNKNOWN_PARTY,
                    f'there is no brand or partner "{slug}"',
                    suggest(slug, known),
                    "notice",
                    "names",
                    index,
                )
        for giver in page.profile.receives:
            if giver not in known or giver == page.profile.party.slug:
                page.table.tell(
                    Rule.UNKNOWN_PARTY,
                    f'there is no other brand or partner "{giver}"',
                    suggest(giver, known),
                    "receives",
                    giver,
                )


def _check_entities(table: Table, group: Group, pages: Sequence[PartyPage]) -> None:
    seen: dict[str, tuple[Entity, str]] = {}
    entities = [(group.entity, table), *((page.profile.entity, page.table) for page in pages)]
    for entity, where in entities:
        known, file = seen.setdefault(entity.id, (entity, where.page.file))
        if entity.id and known != entity:
            where.tell(
                Rule.CONTRADICTION,
                f'"{entity.id}" is described differently in {file}',
                "describe it alike, or give this undertaking an id of its own",
                "legal_entity",
            )


def _check_unique(
    what: str,
    claims: Iterable[tuple[str, Table, KeyPath]],
    *,
    rule: Rule = Rule.DUPLICATE,
) -> None:
    holders: dict[str, str] = {}
    for value, table, keys in claims:
        if value and value in holders:
            table.tell(
                rule,
                f'the {what} "{value}" is taken by {holders[value]}',
                f"use another, or remove it from {holders[value]}",
                *keys,
            )
        holders.setdefault(value, table.page.file)
