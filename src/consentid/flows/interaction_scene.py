"""An interaction, who is there, what holds, and what is therefore asked."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.brandbook.book import Book
from consentid.brandbook.notice import Notice
from consentid.core import projection
from consentid.core.asking import Asking, find_reason
from consentid.core.capture import CaptureId
from consentid.core.decision import CatalogueVersion, Channel, ServedId
from consentid.core.party import Party, PartyKind, ReachKind
from consentid.core.purpose import PurposeId, is_within
from consentid.core.resolution import Resolution, resolve_all
from consentid.flows.approval import check_asked
from consentid.flows.context import Context
from consentid.flows.find_need import Asked, answered_for, find_undecided
from consentid.flows.hub_session import Browser, Visitor, find_visitor
from consentid.flows.interaction_state import (
    ApprovalTask,
    AuthorizeTask,
    OpenInteraction,
    take_interaction,
)
from consentid.flows.known_here import is_new_here
from consentid.flows.record_choices import Shown
from consentid.flows.references import ReferenceKind, open_reference, seal_reference
from consentid.flows.session import resolve_here
from consentid.kit.errors import ConflictError, GoneError
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import Instant
from consentid.oidc import authorization_details
from consentid.store import clock

_STANDING_BYTES: Final = 16


class _Shown(msgspec.Struct, frozen=True, array_like=True):
    """What a form was made from."""

    served: bytes
    catalogue: int
    language: str
    subject: bytes | None
    layout: bytes | None = None
    """SHA-256 of how the page laid out what it showed."""
    standing: bytes = b""
    """What held for each purpose, hashed: choices made elsewhere meanwhile are not overwritten."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """An interaction under way, at one instant."""

    taken: OpenInteraction
    book: Book
    browser: Browser
    visitor: Visitor
    is_new_here: bool
    """Whether the person has to be told that their account counts in this browser too."""
    now: Instant

    @property
    def party(self) -> Party:
        """Whom the answer is for: the brand or partner that asks, or the brand it asks for."""
        return answered_for(self.taken.client, self.taken.state.task.on_behalf_of)

    @property
    def is_delegated(self) -> bool:
        """Whether a partner asks on behalf of a brand."""
        return self.party != self.taken.client.party

    @cached_property
    def wanted(self) -> frozenset[PurposeId]:
        """What the client named in details."""
        return frozenset(map(PurposeId, self.taken.state.task.purposes))

    def is_wanted(self, purpose: PurposeId) -> bool:
        """Whether it was named, or is part of what was: a yes to that is a yes to this.

        What was captured is confirmed as it was said.
        """
        if self.capture is not None:
            return purpose in self.wanted
        return any(is_within(purpose, named) for named in self.wanted)

    @property
    def asks_by_name(self) -> bool:
        """Whether nothing is asked but what was named: a partner asks for no more than it says.

        Nor is more than that confirmed of what was captured.
        """
        asker = self.taken.client.party
        return bool(self.wanted) and (asker.kind is PartyKind.PARTNER or self.capture is not None)

    @property
    def capture(self) -> CaptureId | None:
        """What was captured before and is to be confirmed, where that is what is asked."""
        task = self.taken.state.task
        if not isinstance(task, ApprovalTask) or task.capture is None:
            return None
        return CaptureId(UUID(bytes=task.capture))

    @property
    def channel(self) -> Channel:
        """Where the person sits, as far as the client said so, and can know it."""
        task = self.taken.state.task
        kept = task.details if isinstance(task, AuthorizeTask) else None
        said = (
            None
            if kept is None
            else authorization_details.channel_of(authorization_details.decode(kept))
        )
        return Channel.WEB if said is None else Channel(said)

    @property
    def reaches(self) -> tuple[ReachKind, ...]:
        """The reaches that may be chosen, the usual one first."""
        if self.is_delegated or self.capture is not None:
            return (ReachKind(self.party.kind),)
        match self.party.kind:
            case PartyKind.BRAND:
                return (ReachKind.GROUP, ReachKind.BRAND)
            case PartyKind.PARTNER:
                return (ReachKind.PARTNER,)

    @cached_property
    def resolutions(self) -> Mapping[PurposeId, Resolution]:
        """What holds now; for somebody unknown, what holds without any choice."""
        session = self.visitor.session
        if session is not None:
            return resolve_here(self.book, session, self.party, self.now)
        return resolve_all(projection.EMPTY, self.book.catalogue, self.party, self.now, adult=False)

    @cached_property
    def mandatory(self) -> frozenset[PurposeId]:
        """What has to be answered before the person can go on."""
        found = find_undecided(self.book, self.party, self.resolutions, also=self.wanted)
        return frozenset(found) & self.wanted if self.asks_by_name else frozenset(found)

    def asked(self, notice: Notice, *, shows_all: bool = False) -> tuple[PurposeId, ...]:
        """What is missing and nothing else; all, where it is to be shown again.

        A no is not lifted by what was captured: nothing is shown again of that.
        """
        shows_all = (shows_all or self.taken.state.task.shows_all) and self.capture is None
        return tuple(
            purpose
            for purpose in notice.purposes
            if (found := self.resolutions.get(purpose)) is not None
            and (not self.asks_by_name or self.is_wanted(purpose))
            and found.is_askable
            and (shows_all or found.may_ask)
        )

    @cached_property
    def asking(self) -> Mapping[PurposeId, Asking]:
        """Why each purpose is asked about, where it is."""
        session = self.visitor.session
        known = projection.EMPTY if session is None else session.subject.projection
        return {
            purpose: find_reason(
                found,
                known,
                self.book.catalogue,
                self.party,
                purpose,
                adult=session is not None and session.subject.adult,
            )
            for purpose, found in self.resolutions.items()
            if found.is_askable
        }

    def request(self, task: AuthorizeTask) -> Asked:
        """The client's request, to be judged now."""
        return Asked(book=self.book, client=self.taken.client, request=task.request, now=self.now)


async def load_scene(
    context: Context,
    connection: AsyncConnection,
    unverified_id: str,
    browser: Browser,
    *,
    lock: bool,
    again: bool = False,
) -> Scene:
    """Find an interaction and who is there.  ``lock`` keeps other writers of the subject out.

    ``again``: one that was answered is taken too.

    Raises:
        NotFoundError, GoneError: see ``take_interaction``; or the brand or partner has left, or
            whom it is addressed to is not who looks.
    """
    now = await clock.now(connection)
    taken = await take_interaction(
        context, connection, unverified_id, browser, now=now, again=again
    )
    visitor = await find_visitor(context, connection, browser, now=now, lock=lock)
    task = taken.state.task
    if isinstance(task, ApprovalTask) and not again:
        await check_asked(context, connection, task, taken.client.party, visitor, now=now)
    # Read under the lock: who waited for it is not judged by a configuration replaced meanwhile.
    book = await context.book(connection)
    scene = Scene(
        taken=taken,
        book=book,
        browser=browser,
        visitor=visitor,
        # Whoever's choices came from this very browser knows of them.
        is_new_here=taken.state.adopted == 0
        and await is_new_here(context, connection, browser, visitor),
        now=now,
    )
    for party in (taken.client.party, scene.party):
        if party not in book.catalogue.parties:
            raise GoneError("party_gone", f"{party} asks no more.")
    return scene


def choose_notice(scene: Scene, languages: Sequence[str], *, chosen: str | None = None) -> Notice:
    """The party's notice in the first language that it exists in.

    ``chosen`` by the person goes before ``ui_locales``, and these before ``languages``.

    Raises:
        GoneError: the party has none any more.
    """
    locales = (locale.partition("-")[0].lower() for locale in scene.taken.state.task.ui_locales)
    slug = scene.party.slug
    wanted = (*(() if chosen is None else (chosen,)), *locales, *languages)
    language = next(
        (each for each in wanted if (slug, each) in scene.book.notices),
        scene.book.group.languages[0],
    )
    notice = scene.book.find_notice(slug, language)
    if notice is None:
        raise GoneError("party_gone", f"{scene.party} asks no more.")
    return notice


def seal_shown(context: Context, scene: Scene, notice: Notice, *, layout: bytes) -> str:
    """Say what a form is made from, for the form to send back.

    ``layout`` is the digest of how the page lays out what it shows.
    """
    served_id = uuid7(scene.now, context.randomness(RANDOM_BYTES))
    return seal_reference(
        context,
        ReferenceKind.SERVED,
        holder=_holder(scene),
        content=_Shown(
            served=served_id.bytes,
            catalogue=scene.book.catalogue.version,
            language=notice.language,
            subject=_subject(scene),
            layout=layout,
            standing=_standing(scene),
        ),
    )


def open_shown(
    context: Context, scene: Scene, unverified_served: str, *, says_no: bool = False
) -> Shown:
    """Insist that what a form was made from is what it would be made from now.

    ``says_no``: the form grants nothing, so that it may be older than what was chosen since.

    Raises:
        MalformedError: it was not made by us for this interaction.
        ConflictError: the configuration, who is there, or what they chose is another now.
    """
    shown = open_reference(
        context, ReferenceKind.SERVED, unverified_served, holder=_holder(scene), into=_Shown
    )
    notice = scene.book.notices.get((scene.party.slug, shown.language))
    if (
        notice is None
        or shown.catalogue != scene.book.catalogue.version
        or shown.subject != _subject(scene)
        or not (says_no or shown.standing == _standing(scene))
    ):
        raise ConflictError(
            "form_stale",
            "What was shown is not current any more: look at the page again, then answer.",
        )
    return Shown(
        notice=notice,
        served=ServedId(UUID(bytes=shown.served)),
        catalogue=CatalogueVersion(shown.catalogue),
        layout=shown.layout,
    )


def _holder(scene: Scene) -> str:
    return f"interaction/{scene.taken.row.interaction_hash.hex()}"


def _standing(scene: Scene) -> bytes:
    told = "\n".join(f"{purpose} {found.state}" for purpose, found in scene.resolutions.items())
    return hashlib.sha256(told.encode()).digest()[:_STANDING_BYTES]


def _subject(scene: Scene) -> bytes | None:
    session = scene.visitor.session
    return None if session is None else session.subject.id.bytes
