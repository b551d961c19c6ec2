"""A person opens a consent link, looks, and answers it: once.

Opening writes nothing and uses nothing up, so that whatever looks at links on their way, running
scripts even, has done nothing.  The press marks the link and records the answer in one transaction.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.core.decision import (
    Assurance,
    CatalogueVersion,
    Channel,
    Choice,
    Outcome,
    ServedId,
    SignalSource,
)
from consentid.core.resolution import resolve_all
from consentid.flows import portal_login
from consentid.flows.confirm_capture import AlreadyEnded, confirm_capture
from consentid.flows.context import Context
from consentid.flows.hub_session import Browser, create_hub_device, hash_browser
from consentid.flows.link_scene import (
    Languages,
    LinkScene,
    load_link,
    other_person,
    outdated,
    used,
)
from consentid.flows.open_subject import OpenSubject
from consentid.flows.portal_login import ToLink, asking_the_portal
from consentid.flows.record_choices import Choices, Shown, record_choices
from consentid.flows.references import ReferenceKind, open_reference, seal_reference
from consentid.flows.refuse_capture import decline_capture
from consentid.flows.session import Session, open_session
from consentid.kit.errors import ConflictError, ForbiddenError, MalformedError
from consentid.kit.ids import RANDOM_BYTES, uuid7
from consentid.kit.instants import from_seconds
from consentid.store import access_tokens, clock
from consentid.telemetry.tracing import step

_SEALED: Final = re.compile(r"[A-Za-z0-9_.-]{1,4096}", re.ASCII)
"""What a fragment of ours is made of, and no more than that goes into an address."""


class _Shown(msgspec.Struct, frozen=True, array_like=True):
    """What a form was made from."""

    served: bytes
    catalogue: int
    language: str
    subject: bytes | None
    layout: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedLink:
    """What is shown, and what its form sends back."""

    scene: LinkScene
    served: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """What the person pressed."""

    outcome: Outcome
    unverified_served: str
    signals: Mapping[SignalSource, bool]
    told_of_signal: bool


class Heard(StrEnum):
    """What came of an answer."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    OVERTAKEN = "overtaken"
    """A yes that an own no still stands in the way of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came of it, and what the browser has to keep."""

    heard: Heard
    device_credential: str | None
    """Where it was the browser's first choice."""


@step("open_link")
async def open_link(
    context: Context,
    unverified_link: str,
    browser: Browser,
    *,
    languages: Languages,
    layout: bytes,
) -> OpenedLink:
    """What to show.  ``layout`` is the digest of how the page lays it out.

    Raises:
        MalformedError, ForbiddenError, GoneError: see ``load_link``.
    """
    async with context.database.reading() as connection:
        scene = await load_link(context, connection, unverified_link, browser, languages=languages)
    served = seal_reference(
        context,
        ReferenceKind.SERVED,
        holder=_holder(scene, browser),
        content=_Shown(
            served=uuid7(scene.now, context.randomness(RANDOM_BYTES)).bytes,
            catalogue=scene.book.catalogue.version,
            language=scene.notice.language,
            subject=_subject(scene),
            layout=layout,
        ),
    )
    return OpenedLink(scene=scene, served=served)


@step("answer_link")
async def answer_link(
    context: Context, unverified_link: str, browser: Browser, press: Press
) -> Answered:
    """Record an answer, once.

    The caller has made sure that the form came from our own page in this browser.

    Raises:
        MalformedError, ForbiddenError, GoneError: see ``load_link``.
        ConflictError: ``form_stale``: what was shown is not current any more.
    """
    async with context.database.writing() as connection:
        scene = await load_link(
            context,
            connection,
            unverified_link,
            browser,
            languages=Languages(chosen=None, preferred=()),
            lock=True,
        )
        if scene.needs_sign_in:
            raise other_person()
        shown = _open_shown(context, scene, browser, press.unverified_served)
        if not await access_tokens.mark_used(
            connection, scene.mark, expires_at=from_seconds(scene.claims.exp)
        ):
            raise used()
        session, credential = scene.session, None
        if session is None:
            device, credential = await create_hub_device(
                context,
                connection,
                browser,
                act=scene.mark,
                client_id=scene.client.client_id,
                at=scene.now,
            )
            session = await open_session(
                context, connection, subject=device, device=None, lock=True
            )
        subject = await _record(context, connection, scene, session, shown=shown, press=press)
        held = resolve_all(
            subject.projection,
            scene.book.catalogue,
            scene.party,
            await clock.now(connection),
            adult=subject.adult,
        )
        is_yes = press.outcome is Outcome.GRANTED
        holds = all(held[entry.id].permitted for entry in scene.entries)
    heard = (Heard.ACCEPTED if holds else Heard.OVERTAKEN) if is_yes else Heard.REFUSED
    return Answered(heard=heard, device_credential=credential)


async def _record(
    context: Context,
    connection: AsyncConnection,
    scene: LinkScene,
    session: Session,
    *,
    shown: Shown,
    press: Press,
) -> OpenSubject:
    """Record what was pressed; of a capture, that it is so, or that it shall not be."""
    capture = scene.capture
    if capture is None:
        after = await record_choices(
            context,
            connection,
            scene.book,
            session,
            scene.client,
            shown=shown,
            chosen=Choices(
                choices=tuple(
                    Choice(purpose=entry.id, outcome=press.outcome) for entry in scene.entries
                ),
                reach=scene.party,
                signals=press.signals,
                told_of_signal=press.told_of_signal,
                actor=scene.client.client_id,
                channel=Channel.LINK,
                assurance=Assurance.LINK,
            ),
        )
        return after.subject
    say = (
        partial(confirm_capture, told_of_signal=press.told_of_signal)
        if press.outcome is Outcome.GRANTED
        else decline_capture
    )
    done = await say(
        context,
        connection,
        scene.book,
        session.subject,
        capture.id,
        assurance=Assurance.LINK,
        channel=Channel.LINK,
    )
    if isinstance(done, AlreadyEnded):
        raise outdated()
    return done.subject


async def start_link_login(context: Context, unverified_link: str, browser: Browser) -> str:
    """Send the person to the portal; they come back to the link.

    Raises:
        MalformedError: ``link_damaged``.
        ForbiddenError, UnavailableError: see ``portal_login.start``.
    """
    if _SEALED.fullmatch(unverified_link) is None:
        raise MalformedError("link_damaged", "The link is not whole.")

    async def attempt() -> str:
        async with context.database.writing() as connection:
            return await portal_login.start(
                context, connection, browser=browser, back=ToLink(sealed=unverified_link)
            )

    return await asking_the_portal(attempt)


def _open_shown(
    context: Context, scene: LinkScene, browser: Browser, unverified_served: str
) -> Shown:
    shown = open_reference(
        context,
        ReferenceKind.SERVED,
        unverified_served,
        holder=_holder(scene, browser),
        into=_Shown,
    )
    notice = scene.book.notices.get((scene.party.slug, shown.language))
    is_current = shown.catalogue == scene.book.catalogue.version
    if notice is None or not is_current or shown.subject != _subject(scene):
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


def _holder(scene: LinkScene, browser: Browser) -> str:
    browser_hash = hash_browser(browser)
    if browser_hash is None:
        raise ForbiddenError(
            "browser_unknown", "This browser keeps no cookies of ours: allow them, then try again."
        )
    return f"link/{scene.mark.hex()}/{browser_hash.hex()}"


def _subject(scene: LinkScene) -> bytes | None:
    session: Session | None = scene.session
    return None if session is None else session.subject.id.bytes
