"""Reading the purposes that a file declares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consentid.brandbook import form
from consentid.brandbook.book import (
    Confirm,
    Meanings,
    PurposeSheet,
    PurposeTexts,
    Source,
    Topic,
    Vendor,
)
from consentid.brandbook.problem import Rule
from consentid.brandbook.table import Table
from consentid.brandbook.tree import Leaf, check_topics
from consentid.core.catalogue import Purpose
from consentid.core.party import Slug
from consentid.core.purpose import LegalBasis, PurposeId, brand_of

DAY_S: Final = 86_400
MAX_VALIDITY_DAYS: Final = 3_650
_MAX_TCF_PURPOSE: Final = 11
_MAX_TCF_VENDOR: Final = 4_095
_MAX_MATERIAL: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A purpose as a file declares it, and where."""

    rules: Purpose
    sheet: PurposeSheet
    leaf: Leaf


def read_purposes(
    table: Table, languages: Sequence[str], owner: Slug | None
) -> dict[PurposeId, Written]:
    """Read ``[purposes]`` of the group's file, or of the file of the brand that owns them."""
    found: dict[PurposeId, Written] = {}
    for slug, declared in table.tables():
        if not form.PURPOSE.fits(slug):
            declared.tell(Rule.WRONG_FORM, f'"{slug}" will not do', f"write {form.PURPOSE.right}")
        elif brand_of(PurposeId(slug)) != owner:
            _tell_outside(declared, PurposeId(slug), owner)
        else:
            found[PurposeId(slug)] = _read_purpose(declared, PurposeId(slug), languages)
    return found


def read_validity_s(table: Table, key: str = "validity_days") -> int | None:
    """A validity in seconds, written in days."""
    days = table.find_integer(key, low=1, high=MAX_VALIDITY_DAYS)
    return None if days is None else days * DAY_S


def read_purpose_texts(table: Table, languages: Sequence[str]) -> Mapping[str, PurposeTexts]:
    """Read a name and a description for each declared language."""
    found: dict[str, PurposeTexts] = {}
    for language, texts in table.tables():
        if language not in languages:
            _tell_language(texts, languages)
            continue
        found[language] = PurposeTexts(
            name=texts.text("name", form.NAME),
            description=texts.text("description", form.PARAGRAPH),
        )
        texts.close()
    for language in languages:
        if language not in table:
            table.tell(
                Rule.MISSING_TEXT,
                f'no text in the declared language "{language}"',
                "write a name and a description in it",
                language,
            )
    return found


def _read_purpose(table: Table, id_: PurposeId, languages: Sequence[str]) -> Written:
    basis = table.word("basis", LegalBasis)
    ask = table.find_flag("ask")
    if ask and basis not in {LegalBasis.CONSENT, None}:
        table.tell(
            Rule.CONTRADICTION,
            f"what rests on {basis} cannot have to be answered",
            'remove it, or write basis = "consent"',
            "ask",
        )
    confirm = table.find_word("confirm", Confirm)
    if confirm is not None and basis not in {LegalBasis.CONSENT, None}:
        table.tell(
            Rule.POINTLESS,
            f"what rests on {basis} is no yes to be confirmed",
            'remove it, or write basis = "consent"',
            "confirm",
        )
    rules = Purpose(
        id=id_,
        basis=basis or LegalBasis.CONSENT,
        ask=basis is LegalBasis.CONSENT if ask is None else ask,
        validity_s=read_validity_s(table),
        adults_only=table.find_flag("adults_only") or False,
        material=table.find_integer("material", low=1, high=_MAX_MATERIAL) or 1,
        assisted=table.find_flag("assisted") or False,
        confirmed=confirm is not None,
    )
    leaf = Leaf(table=table, parent=table.find_text("parent", form.PURPOSE))
    sheet = PurposeSheet(
        id=id_,
        source=table.word("source", Source) or Source.FIRST_PARTY,
        data=table.texts("data", form.CATEGORY, required=True),
        texts=read_purpose_texts(table.table("texts"), languages),
        topics=_read_topics(table.table("topics"), languages),
        vendors=tuple(_read_vendor(vendor) for vendor in table.items("vendors")),
        meanings=_read_meanings(table.table("signals")),
        confirm=confirm,
    )
    table.close()
    return Written(rules=rules, sheet=sheet, leaf=leaf)


def _read_topics(table: Table, languages: Sequence[str]) -> tuple[Topic, ...]:
    found: dict[str, Topic] = {}
    leaves: dict[str, Leaf] = {}
    for slug, topic in table.tables():
        if not form.TOPIC.fits(slug):
            topic.tell(Rule.WRONG_FORM, f'"{slug}" will not do', f"write {form.TOPIC.right}")
            continue
        parent = topic.find_text("parent", form.TOPIC)
        names: dict[str, str] = {}
        for language in languages:
            if language in topic:
                names[language] = topic.text(language, form.NAME)
            else:
                topic.tell(
                    Rule.MISSING_TEXT,
                    f'no name in the declared language "{language}"',
                    f'write {language} = "..."',
                    language,
                )
        topic.close()
        found[slug] = Topic(id=slug, parent=parent, names=names)
        leaves[slug] = Leaf(table=topic, parent=parent)
    check_topics(leaves)
    return tuple(found.values())


def _read_vendor(table: Table) -> Vendor:
    vendor = Vendor(
        name=table.text("name", form.NAME),
        country=table.text("country", form.COUNTRY),
        policy=table.text("policy", form.LINK),
        tcf_id=table.find_integer("tcf_id", low=1, high=_MAX_TCF_VENDOR),
    )
    table.close()
    return vendor


def _read_meanings(table: Table) -> Meanings:
    meanings = Meanings(
        tcf=table.integers("tcf", low=1, high=_MAX_TCF_PURPOSE),
        gpp=table.texts("gpp", form.FIELD),
        gcm=table.texts("gcm", form.FIELD),
    )
    table.close({"gpc": "list the purpose under [signals] gpc of group.toml"})
    return meanings


def _tell_outside(table: Table, id_: PurposeId, owner: Slug | None) -> None:
    of = brand_of(id_)
    bare = id_.rpartition(":")[2]
    if of is not None:
        remedy = f"declare it in {of}.toml, or name it without the brand in front in group.toml"
        message = f'only the brand "{of}" can declare it'
    else:
        remedy = f'name it "{owner}:{bare}", or declare it in group.toml'
        message = "a brand declares purposes of its own only"
    table.tell(Rule.OUTSIDE_BRAND, message, remedy)


def _tell_language(table: Table, languages: Sequence[str]) -> None:
    spoken = ", ".join(languages) or "none"
    table.tell(
        Rule.UNKNOWN_LANGUAGE,
        "the group does not declare this language",
        f"remove it, or add it to languages in group.toml (now: {spoken})",
    )
