"""A book as bytes, for keeping: canonical JSON, the same bytes for the same book."""

from collections.abc import Mapping
from typing import Final, Literal, cast

import msgspec

from consentid.brandbook.book import Book, Group, Profile, PurposeSheet
from consentid.brandbook.notice import Notice
from consentid.core.catalogue import Catalogue, Override, PartyTerms, Purpose
from consentid.core.decision import CatalogueVersion
from consentid.core.party import LegalEntity, Party, Slug
from consentid.core.purpose import PurposeId
from consentid.kit import canonical

_FORMAT: Final = "consentid/book/1"


class _PartyTerms(
    msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, omit_defaults=True
):
    party: Party
    entity: LegalEntity
    audience: str
    validity_s: int | None
    overrides: tuple[Override, ...]
    listed: tuple[PurposeId, ...] | None
    other_audiences: tuple[str, ...] = ()


class _Revision(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    party: Party
    purpose: PurposeId
    version: CatalogueVersion


class _Catalogue(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    version: CatalogueVersion
    validity_s: int
    refusal_memory_s: int
    purposes: tuple[Purpose, ...]
    parties: tuple[_PartyTerms, ...]
    revised: Mapping[PurposeId, CatalogueVersion]
    revised_for: tuple[_Revision, ...]
    retired: tuple[PurposeId, ...]
    retired_parties: tuple[Slug, ...]


class _Book(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    format: Literal["consentid/book/1"] = _FORMAT
    catalogue: _Catalogue
    group: Group
    brands: tuple[Profile, ...]
    partners: tuple[Profile, ...]
    purposes: tuple[PurposeSheet, ...]
    notices: tuple[Notice, ...]


def encode(book: Book) -> bytes:
    """Encode a book.  Spec: RFC 8785."""
    wire = _Book(
        catalogue=_encode_catalogue(book.catalogue),
        group=book.group,
        brands=tuple(book.brands[slug] for slug in sorted(book.brands)),
        partners=tuple(book.partners[slug] for slug in sorted(book.partners)),
        purposes=tuple(book.purposes.values()),
        notices=tuple(book.notices[key] for key in sorted(book.notices)),
    )
    built = cast("canonical.Json", msgspec.to_builtins(wire, order="deterministic"))
    return canonical.encode(built)


def decode(raw: bytes) -> Book:
    """Decode what ``encode`` wrote.

    Raises:
        msgspec.ValidationError: the bytes are no book of this format.
    """
    wire = msgspec.json.decode(raw, type=_Book)
    return Book(
        catalogue=_decode_catalogue(wire.catalogue),
        group=wire.group,
        brands={each.party.slug: each for each in wire.brands},
        partners={each.party.slug: each for each in wire.partners},
        purposes={each.id: each for each in wire.purposes},
        notices={(each.id, each.language): each for each in wire.notices},
    )


def _encode_catalogue(catalogue: Catalogue) -> _Catalogue:
    return _Catalogue(
        version=catalogue.version,
        validity_s=catalogue.validity_s,
        refusal_memory_s=catalogue.refusal_memory_s,
        purposes=tuple(catalogue.purposes.values()),
        parties=tuple(
            _PartyTerms(
                party=party,
                entity=terms.entity,
                audience=terms.audience,
                validity_s=terms.validity_s,
                overrides=tuple(terms.overrides[id_] for id_ in sorted(terms.overrides)),
                listed=None if terms.listed is None else tuple(sorted(terms.listed)),
                other_audiences=terms.other_audiences,
            )
            for party, terms in sorted(catalogue.parties.items(), key=lambda item: item[0])
        ),
        revised=catalogue.revised,
        revised_for=tuple(
            _Revision(party=party, purpose=id_, version=version)
            for (party, id_), version in sorted(catalogue.revised_for.items())
        ),
        retired=tuple(sorted(catalogue.retired)),
        retired_parties=tuple(sorted(catalogue.retired_parties)),
    )


def _decode_catalogue(wire: _Catalogue) -> Catalogue:
    return Catalogue(
        version=wire.version,
        validity_s=wire.validity_s,
        refusal_memory_s=wire.refusal_memory_s,
        purposes={each.id: each for each in wire.purposes},
        parties={
            each.party: PartyTerms(
                party=each.party,
                entity=each.entity,
                audience=each.audience,
                validity_s=each.validity_s,
                overrides={override.purpose: override for override in each.overrides},
                listed=None if each.listed is None else frozenset(each.listed),
                other_audiences=each.other_audiences,
            )
            for each in wire.parties
        },
        revised=wire.revised,
        revised_for={(each.party, each.purpose): each.version for each in wire.revised_for},
        retired=frozenset(wire.retired),
        retired_parties=frozenset(wire.retired_parties),
    )
