"""Composing each party's notice from its words, its purposes and those it names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consentid.brandbook.book import Group, Profile, PurposeSheet, PurposeTexts
from consentid.brandbook.notice import Notice, NoticeName, NoticePurpose, NoticeTopic
from consentid.brandbook.wording import fill
from consentid.core.catalogue import Catalogue, find_terms
from consentid.core.party import Named
from consentid.core.purpose import LegalBasis, PurposeId

_ANSWERABLE: Final = frozenset({LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTEREST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Who shows a notice, and whom it names."""

    profile: Profile
    names: Sequence[Profile]
    """Those an answer may reach, the showing party among them."""
    attaches_to_account: bool


def compose(
    shown: Shown,
    *,
    group: Group,
    catalogue: Catalogue,
    sheets: Mapping[PurposeId, PurposeSheet],
    language: str,
) -> Notice:
    """Compose a draft of one party's notice in one language."""
    profile = shown.profile
    reached = sorted(shown.names, key=lambda each: each.party)
    return Notice(
        id=profile.party.slug,
        version=0,
        language=language,
        party=profile.party,
        attaches_to_account=shown.attaches_to_account,
        texts=fill(
            profile.texts[language],
            group=group.name,
            brand=profile.name,
            brands=[each.name for each in reached],
            account=shown.attaches_to_account,
        ),
        entries=tuple(
            _entry(sheets[id_], terms.basis, profile, language)
            for id_ in profile.order
            if (terms := find_terms(catalogue, profile.party, id_)) is not None
            and terms.basis in _ANSWERABLE
        ),
        reaches=tuple(
            NoticeName(
                named=Named(party=each.party, entity=each.entity.id),
                name=each.name,
                entity=each.entity.name,
            )
            for each in reached
        ),
    )


def _entry(
    sheet: PurposeSheet, basis: LegalBasis, profile: Profile, language: str
) -> NoticePurpose:
    texts: PurposeTexts = profile.purpose_texts[language].get(sheet.id) or sheet.texts[language]
    return NoticePurpose(
        id=sheet.id,
        basis=basis,
        name=texts.name,
        description=texts.description,
        topics=tuple(
            NoticeTopic(id=topic.id, parent=topic.parent, name=topic.names[language])
            for topic in sheet.topics
        ),
    )
