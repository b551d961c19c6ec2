"""What a brand asks, in the visitor's language, for building one's own banner.

Each answer mints a served-notice id.  It is sealed, not stored: only a notice that is shown or
answered leaves a row.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from consentid.brandbook.book import Book, Profile
from consentid.brandbook.notice import Notice
from consentid.core.catalogue import find_terms, offered
from consentid.core.decision import CatalogueVersion, ServedId, SignalSource
from consentid.core.party import Slug
from consentid.core.purpose import ROOT, is_within, parent_of
from consentid.flows.context import Context
from consentid.flows.references import ReferenceKind, open_reference, seal_reference
from consentid.kit.errors import ConflictError, MalformedError, NotFoundError
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import HOUR, Instant
from consentid.store import clock
from consentid.telemetry.tracing import step

SERVED_LIFETIME_H: Final = 24
_DAY_S: Final = 86_400


class NoticeRefOut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which text: repeat it in the decision."""

    id: str
    version: int
    language: str
    digest: str
    """SHA-256 of the exact text.  64 hexadecimal characters."""


class TopicOut(msgspec.Struct, frozen=True, kw_only=True):
    """A theme under a purpose: told, never chosen by itself."""

    id: str
    name: str
    parent: str | None


class SignalsOut(msgspec.Struct, frozen=True, kw_only=True):
    """What a purpose means in the words of others."""

    gcm: Sequence[str]
    """Types of Google's consent mode, version 2."""


class PurposeOut(msgspec.Struct, frozen=True, kw_only=True):
    """A purpose, as shown."""

    id: str
    parent: str | None
    """The purpose above it in the tree, where the notice shows that too."""
    name: str
    description: str
    basis: str
    mandatory: bool
    """Whether it must be answered before a silent check succeeds."""
    adults_only: bool
    """Offered only to a person whom the portal recorded as an adult: leave it out for others."""
    source: str
    data: Sequence[str]
    topics: Sequence[TopicOut]
    signals: SignalsOut
    cookies: Sequence[str]
    """What the brand's own pages set for it: names, and prefixes that end in ``*``."""


class NamedOut(msgspec.Struct, frozen=True, kw_only=True):
    """A brand or partner that an answer may reach."""

    party: str
    name: str
    legal_entity: str


class CatalogueOut(msgspec.Struct, frozen=True, kw_only=True):
    """All that a banner needs."""

    brand: str
    catalogue: int
    served: str
    notice: NoticeRefOut
    languages: Sequence[str]
    text: dict[str, str]
    names: Sequence[NamedOut]
    purposes: Sequence[PurposeOut]
    look: dict[str, str]
    origins: dict[str, str]
    """Every registered origin of the group's brands, and whose it is."""
    gpc: Sequence[str]
    """The purposes offered here that Global Privacy Control says no to."""
    validity_days: int
    """How long a yes counts here at most; a purpose may have a shorter time."""
    refusal_memory_days: int
    """How long a no is remembered before anybody may ask again."""


class _Served(msgspec.Struct, frozen=True, array_like=True):
    id: bytes
    notice_id: str
    version: int
    language: str
    catalogue: int
    minted_at: int


@step("show_catalogue")
async def show_catalogue(context: Context, *, brand: str, languages: Sequence[str]) -> CatalogueOut:
    """Answer with the notice of a brand or partner; ``languages`` in order of preference.

    Raises:
        NotFoundError: no such brand.
    """
    async with context.database.glancing() as connection:
        book = await context.book(connection)
        now = await clock.now(connection)
    slug = Slug(brand)
    profile = book.brands.get(slug) or book.partners.get(slug)
    language = next(
        (each for each in languages if (brand, each) in book.notices), book.group.languages[0]
    )
    notice = book.find_notice(brand, language)
    if profile is None or notice is None:
        raise NotFoundError(
            "brand_unknown", "No brand of this name is in the catalogue.", where="brand"
        )
    return CatalogueOut(
        brand=brand,
        catalogue=book.catalogue.version,
        served=_mint(context, book, notice, now),
        notice=notice_ref_out(notice),
        languages=sorted(each for of, each in book.notices if of == brand),
        text=msgspec.structs.asdict(_texts(notice)),
        names=[
            NamedOut(party=str(reached.named.party), name=reached.name, legal_entity=reached.entity)
            for reached in notice.reaches
        ],
        purposes=_purposes(book, profile, notice),
        look=dict(profile.look.properties),
        origins={
            origin: str(slug) for slug, brand in book.brands.items() for origin in brand.origins
        },
        gpc=_objected(book, profile, SignalSource.GPC),
        validity_days=_validity_s(book, profile) // _DAY_S,
        refusal_memory_days=book.catalogue.refusal_memory_s // _DAY_S,
    )


def _objected(book: Book, profile: Profile, signal: SignalSource) -> list[str]:
    """What a signal says no to, with all that lies below."""
    mapped = book.group.signals.get(signal, ())
    return [
        purpose
        for purpose in offered(book.catalogue, profile.party)
        if any(is_within(purpose, head) for head in mapped)
    ]


def _validity_s(book: Book, profile: Profile) -> int:
    own = book.catalogue.parties[profile.party].validity_s
    return book.catalogue.validity_s if own is None else min(own, book.catalogue.validity_s)


class _Texts(msgspec.Struct, frozen=True):
    title: str
    body: str
    accept: str
    refuse: str
    choose: str
    save: str
    reach_group: str
    reach_own: str
    account: str
    withdraw: str


def _texts(notice: Notice) -> _Texts:
    return msgspec.convert(notice.texts, _Texts, from_attributes=True)


def notice_ref_out(notice: Notice) -> NoticeRefOut:
    """A notice's reference, as it travels."""
    return NoticeRefOut(
        id=notice.id,
        version=notice.version,
        language=notice.language,
        digest=notice.digest.hex(),
    )


def _purposes(book: Book, profile: Profile, notice: Notice) -> list[PurposeOut]:
    shown: list[PurposeOut] = []
    for entry in notice.entries:
        above = parent_of(entry.id)
        terms = find_terms(book.catalogue, profile.party, entry.id)
        sheet = book.purposes[entry.id]
        shown.append(
            PurposeOut(
                id=entry.id,
                parent=above if above != ROOT and above in notice.asks else None,
                name=entry.name,
                description=entry.description,
                basis=entry.basis,
                mandatory=terms is not None and terms.ask,
                adults_only=terms is not None and terms.adults_only,
                source=sheet.source,
                data=sheet.data,
                topics=[
                    TopicOut(id=topic.id, name=topic.name, parent=topic.parent)
                    for topic in entry.topics
                ],
                signals=SignalsOut(gcm=sheet.meanings.gcm),
                cookies=profile.cookies.get(entry.id, ()),
            )
        )
    return shown


def _mint(context: Context, book: Book, notice: Notice, now: Instant) -> str:
    return seal_reference(
        context,
        ReferenceKind.SERVED,
        holder=notice.id,
        content=_Served(
            id=uuid7(now, context.randomness(RANDOM_BYTES)).bytes,
            notice_id=notice.id,
            version=notice.version,
            language=notice.language,
            catalogue=book.catalogue.version,
            minted_at=now,
        ),
    )


class ServedRef(msgspec.Struct, frozen=True, kw_only=True):
    """What a served-notice id stands for."""

    id: ServedId
    notice_id: str
    version: int
    language: str
    catalogue: CatalogueVersion


def open_served(context: Context, unverified: str, *, party: Slug, now: Instant) -> ServedRef:
    """Read a served-notice id of a brand or partner.

    Raises:
        MalformedError: not one that we minted for this brand or partner.
        ConflictError: minted more than a day ago.
    """
    served = _open(context, unverified, party)
    if now - served.minted_at > SERVED_LIFETIME_H * HOUR:
        raise ConflictError(
            "served_expired",
            "This notice was served more than a day ago: ask for the catalogue again.",
            where="served",
        )
    return ServedRef(
        id=ServedId(UUID(bytes=served.id)),
        notice_id=served.notice_id,
        version=served.version,
        language=served.language,
        catalogue=CatalogueVersion(served.catalogue),
    )


def find_served(context: Context, unverified: str, *, party: Slug) -> ServedId | None:
    """Which notice was served, where that can be read at all; how old it is, nobody asks here."""
    try:
        return ServedId(UUID(bytes=_open(context, unverified, party).id))
    except MalformedError:
        return None


def _open(context: Context, unverified: str, party: Slug) -> _Served:
    return open_reference(context, ReferenceKind.SERVED, unverified, holder=party, into=_Served)
