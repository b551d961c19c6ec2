"""Reading what the file of a brand or of a partner says, beside the purposes it declares."""

from collections.abc import Mapping
from dataclasses import dataclass

from consentid.brandbook import form
from consentid.brandbook.book import Entity, Group, Profile, PurposeTexts
from consentid.brandbook.clients import read_clients
from consentid.brandbook.cookies import read_cookies
from consentid.brandbook.delegation import read_asks_for
from consentid.brandbook.look import read_look
from consentid.brandbook.overrides import Standing, find_purpose, read_overrides
from consentid.brandbook.problem import Rule
from consentid.brandbook.purposes import DAY_S, Written, read_purpose_texts, read_validity_s
from consentid.brandbook.table import Table
from consentid.brandbook.wording import Wording, read_wording
from consentid.core.catalogue import Catalogue, PartyTerms, offered
from consentid.core.party import LegalEntity, Party, PartyKind, Slug
from consentid.core.purpose import PurposeId

ALL = "all"
"""Written instead of a list of names: every brand of the group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyPage:
    """What one party's file says, and where."""

    table: Table
    profile: Profile
    """Its ``order`` still holds only what the file puts first."""
    terms: PartyTerms
    names: tuple[Slug, ...] | None
    """Whom its notice names; None for every brand."""
    attaches_to_account: bool


def read_entity(table: Table) -> Entity:
    """Read ``[legal_entity]``."""
    entity = Entity(
        id=LegalEntity(table.text("id", form.IDENTIFIER)),
        name=table.text("name", form.NAME),
        country=table.text("country", form.COUNTRY),
        address=table.text("address", form.LINE),
        contact=table.text("contact", form.EMAIL),
    )
    table.close()
    return entity


def read_party(
    table: Table,
    party: Party,
    group: Group,
    wording: Wording,
    purposes: Mapping[PurposeId, Written],
) -> PartyPage:
    """Read a party's file.  ``purposes`` are all that any file declares."""
    validity_s = _read_validity_s(table, party, group)
    standing = Standing(
        party=party,
        purposes=purposes,
        group_validity_s=group.validity_s,
        party_validity_s=validity_s,
    )
    domains = table.texts("domains", form.DOMAIN, required=True)
    profile = Profile(
        party=party,
        name=table.text("name", form.NAME),
        entity=read_entity(table.table("legal_entity", required=True)),
        domains=domains,
        origins=table.texts("origins", form.ORIGIN),
        audience=table.text("audience", form.AUDIENCE),
        look=read_look(table.table("look", required=True)),
        texts=read_wording(table.table("texts"), group.languages, wording),
        purpose_texts=_read_purpose_texts(table.table("purpose_texts"), standing, group),
        order=_read_purposes(table, "order", standing),
        clients=read_clients(table.table("clients"), standing, domains),
        cookies=read_cookies(table.table("cookies"), standing),
        receives=_read_receives(table, standing),
        asks_for={}
        if party.kind is PartyKind.BRAND
        else read_asks_for(table.table("asks_for"), standing),
    )
    _check_origins(table, profile)
    terms = PartyTerms(
        party=party,
        entity=profile.entity.id,
        audience=profile.audience,
        validity_s=validity_s,
        overrides=read_overrides(table.table("overrides"), standing),
        listed=_read_listed(table, standing),
        other_audiences=table.texts("other_audiences", form.AUDIENCE),
    )
    _check_client_purposes(table, profile, terms)
    _check_client_audiences(table, profile, terms)
    names, attaches = _read_notice(table.table("notice"), party)
    table.close({"ask": "remove it: purposes say whether they are asked"})
    return PartyPage(
        table=table, profile=profile, terms=terms, names=names, attaches_to_account=attaches
    )


def complete_order(profile: Profile, catalogue: Catalogue) -> tuple[PurposeId, ...]:
    """What the file puts first, then the rest of what is offered in the order of the files."""
    all_ = offered(catalogue, profile.party)
    first = [id_ for id_ in profile.order if id_ in all_]
    return (*first, *(id_ for id_ in all_ if id_ not in first))


def _read_validity_s(table: Table, party: Party, group: Group) -> int | None:
    validity_s = read_validity_s(table)
    if validity_s is not None and 0 < group.validity_s < validity_s:
        days = group.validity_s // DAY_S
        table.tell(
            Rule.WIDENING,
            f"{party.slug} would keep grants for {validity_s // DAY_S} days, the group for {days}",
            f"write {days} or less, or remove it",
            "validity_days",
        )
    return validity_s


def _read_listed(table: Table, standing: Standing) -> frozenset[PurposeId] | None:
    if standing.party.kind is PartyKind.BRAND:
        return None
    listed = _read_purposes(table, "purposes", standing)
    if "purposes" not in table:
        table.tell(
            Rule.MISSING_KEY,
            "this is missing",
            "write purposes: an array of the purposes that the partner may be granted",
            "purposes",
        )
    return frozenset(listed)


def _read_purposes(table: Table, key: str, standing: Standing) -> tuple[PurposeId, ...]:
    found = (
        find_purpose(table, slug, standing, (key, index))
        for index, slug in enumerate(table.texts(key, form.PURPOSE))
    )
    return tuple(id_ for id_ in found if id_ is not None)


def _read_receives(table: Table, standing: Standing) -> Mapping[Slug, PurposeId]:
    """Read ``[receives]``; whether the givers exist is checked across files."""
    if standing.party.kind is PartyKind.BRAND:
        return {}
    receives = table.table("receives")
    found = {
        Slug(giver): find_purpose(receives, receives.text(giver, form.PURPOSE), standing, (giver,))
        for giver in receives
    }
    receives.close()
    return {giver: purpose for giver, purpose in found.items() if purpose is not None}


def _read_purpose_texts(
    table: Table, standing: Standing, group: Group
) -> Mapping[str, Mapping[PurposeId, PurposeTexts]]:
    found: dict[str, dict[PurposeId, PurposeTexts]] = {each: {} for each in group.languages}
    for slug, texts in table.tables():
        id_ = find_purpose(texts, slug, standing, ())
        if id_ is None:
            continue
        for language, said in read_purpose_texts(texts, group.languages).items():
            found[language][id_] = said
    return found


def _read_notice(table: Table, party: Party) -> tuple[tuple[Slug, ...] | None, bool]:
    attaches = table.find_flag("attaches_to_account") or False
    names: tuple[Slug, ...] | None = (party.slug,)
    if table.holds_text("names"):
        if table.find_text("names", _ALL_FORM) == ALL:
            names = None
    elif "names" in table:
        names = tuple(Slug(slug) for slug in table.texts("names", form.SLUG, required=True))
    table.close()
    if party.kind is PartyKind.PARTNER and names != (party.slug,):
        table.tell(
            Rule.WIDENING,
            "a partner's notice speaks for the partner alone",
            f'write names = ["{party.slug}"], or remove it',
            "names",
        )
    elif names is not None and party.slug not in names:
        table.tell(
            Rule.CONTRADICTION,
            f"the notice of {party.slug} does not name {party.slug} itself",
            f'add "{party.slug}"',
            "names",
        )
    return names, attaches


_ALL_FORM = form.Form(right=f'"{ALL}", or an array of slugs', fits=lambda text: text == ALL)


def _check_client_purposes(table: Table, profile: Profile, terms: PartyTerms) -> None:
    for id_, client in profile.clients.items():
        for purpose in sorted((client.purposes or frozenset()) - (terms.listed or frozenset())):
            if terms.listed is not None:
                table.tell(
                    Rule.WIDENING,
                    f'{profile.party.slug} may not be granted "{purpose}"',
                    "add it to the partner's purposes, or remove it here",
                    "clients",
                    id_,
                    "purposes",
                )


def _check_client_audiences(table: Table, profile: Profile, terms: PartyTerms) -> None:
    for id_, client in profile.clients.items():
        if client.audience not in (None, *terms.audiences):
            table.tell(
                Rule.CONTRADICTION,
                f'"{client.audience}" is none of the audiences of {profile.party.slug}',
                "add it to other_audiences, or correct it",
                "clients",
                id_,
                "audience",
            )


def _check_origins(table: Table, profile: Profile) -> None:
    for index, origin in enumerate(profile.origins):
        host = form.host_of(origin)
        if not any(host == domain or host.endswith(f".{domain}") for domain in profile.domains):
            table.tell(
                Rule.CONTRADICTION,
                f'"{host}" is none of the domains',
                "add it to domains, or correct the origin",
                "origins",
                index,
            )
