"""Reading what a brand or partner narrows, and refusing what would widen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from consentid.brandbook.problem import Rule
from consentid.brandbook.purposes import DAY_S, Written, read_validity_s
from consentid.brandbook.table import Table, suggest
from consentid.core.catalogue import Override
from consentid.core.party import Party, PartyKind
from consentid.core.purpose import LegalBasis, PurposeId, brand_of, is_within, lineage

_ONE_WAY: Final = ("off", "own", "adults_only")
_REMEDIES: Final = {
    "material": "remove it: only the file that declares a purpose can revise it",
    "texts": "write them under [purpose_texts]",
    "validity": "did you mean validity_days?",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What holds before a party's overrides."""

    party: Party
    purposes: Mapping[PurposeId, Written]
    group_validity_s: int
    party_validity_s: int | None


def read_overrides(table: Table, standing: Standing) -> Mapping[PurposeId, Override]:
    """Read ``[overrides]``; each must be about a known purpose of the party, and narrow it."""
    found: dict[PurposeId, Override] = {}
    tables: dict[PurposeId, Table] = {}
    for slug, rules in table.tables():
        id_ = find_purpose(rules, slug, standing, ())
        if id_ is not None:
            found[id_] = _read_override(rules, id_, standing)
            tables[id_] = rules
    for id_, override in found.items():
        _check_validity(tables[id_], override, found, standing)
    return found


def find_purpose(
    table: Table, slug: str, standing: Standing, keys: tuple[str | int, ...]
) -> PurposeId | None:
    """A purpose that the party may name; None where it may not, which is noted."""
    id_ = PurposeId(slug)
    of = brand_of(id_)
    party = standing.party
    if of is not None and (party.kind is PartyKind.PARTNER or of != party.slug):
        table.tell(
            Rule.OUTSIDE_BRAND,
            f'"{slug}" is the brand {of}\'s own, and {party.slug} has no part in it',
            "remove it",
            *keys,
        )
        return None
    if id_ not in standing.purposes:
        offered = (known for known in standing.purposes if brand_of(known) in {None, party.slug})
        table.tell(
            Rule.UNKNOWN_PURPOSE, f'there is no purpose "{slug}"', suggest(slug, offered), *keys
        )
        return None
    return id_


def _read_override(table: Table, id_: PurposeId, standing: Standing) -> Override:
    flags = {key: _read_one_way(table, key, id_, standing) for key in _ONE_WAY}
    is_assisted = _read_assisted(table, id_, standing)
    basis = table.find_word("basis", LegalBasis)
    if basis is not None:
        _check_basis(table, basis, id_, standing)
    if not any(key in table for key in (*_ONE_WAY, "basis", "validity_days", "assisted")):
        table.tell(
            Rule.POINTLESS,
            "this override says nothing",
            "remove it, or write off, own, adults_only, assisted, validity_days or basis",
        )
    override = Override(
        purpose=id_,
        off=flags["off"],
        own=flags["own"],
        adults_only=flags["adults_only"],
        validity_s=read_validity_s(table),
        basis=basis,
        unassisted=not is_assisted,
    )
    if table.find_flag("ask") is not None:
        _tell_widening(table, "ask", f'{standing.party.slug} cannot say whether "{id_}" is asked')
    table.close(_REMEDIES)
    return override


def _read_one_way(table: Table, key: str, id_: PurposeId, standing: Standing) -> bool:
    flag = table.find_flag(key)
    if flag is False:
        _tell_widening(
            table, key, f'{standing.party.slug} cannot lift "{key}" from "{id_}": false is no rule'
        )
    return flag or False


def _read_assisted(table: Table, id_: PurposeId, standing: Standing) -> bool:
    """Whether what somebody else keyed in may count: here it can only be taken away."""
    flag = table.find_flag("assisted")
    who = standing.party.slug
    if flag:
        _tell_widening(table, "assisted", f'{who} cannot let others speak for people about "{id_}"')
    elif flag is False and not any(
        written.rules.assisted
        for each, written in standing.purposes.items()
        if is_within(each, id_)
    ):
        table.tell(
            Rule.POINTLESS,
            f'nothing that somebody else keys in counts for "{id_}" anyway',
            "remove it",
            "assisted",
        )
    return flag is not False


def _check_basis(table: Table, basis: LegalBasis, id_: PurposeId, standing: Standing) -> None:
    declared = standing.purposes[id_].rules.basis
    who = standing.party.slug
    if basis is not LegalBasis.CONSENT:
        _tell_widening(
            table,
            "basis",
            f'{who} cannot rest "{id_}" on {basis}: only legitimate_interest may become consent',
            'write basis = "consent", or remove it',
        )
    elif not any(
        written.rules.basis is LegalBasis.LEGITIMATE_INTEREST
        for each, written in standing.purposes.items()
        if is_within(each, id_)
    ):
        table.tell(
            Rule.POINTLESS,
            f'"{id_}" rests on {declared}, and nothing at or under it on legitimate_interest',
            "remove it",
            "basis",
        )


def _check_validity(
    table: Table,
    override: Override,
    overrides: Mapping[PurposeId, Override],
    standing: Standing,
) -> None:
    if override.validity_s is None:
        return
    line = lineage(override.purpose)
    validities = (
        standing.group_validity_s,
        standing.party_validity_s,
        *(standing.purposes[id_].rules.validity_s for id_ in line if id_ in standing.purposes),
        *(overrides[id_].validity_s for id_ in line[1:] if id_ in overrides),
    )
    shortest = min(validity for validity in validities if validity is not None)
    if override.validity_s > shortest:
        days, wanted = shortest // DAY_S, override.validity_s // DAY_S
        who = f'{standing.party.slug} would keep "{override.purpose}"'
        _tell_widening(
            table,
            "validity_days",
            f"{who} for {wanted} days, beyond the {days} that hold without it",
            f"write {days} or less, or remove it",
        )


def _tell_widening(table: Table, key: str, message: str, remedy: str = "remove it") -> None:
    table.tell(Rule.WIDENING, f"an override can only narrow: {message}", remedy, key)
