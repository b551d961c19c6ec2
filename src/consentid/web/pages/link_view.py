"""From an opened link to its page."""

from datetime import date, timedelta
from typing import Final

from consentid.brandbook.book import Profile
from consentid.core.catalogue import find_terms
from consentid.core.decision import SignalSource
from consentid.core.party import Party
from consentid.core.purpose import lineage
from consentid.flows.answer_link import OpenedLink
from consentid.flows.link_scene import LinkScene
from consentid.kit.errors import GoneError
from consentid.kit.instants import DAY, SECOND
from consentid.links.claims import LinkClaims
from consentid.web.pages.frame import frame_of
from consentid.web.pages.hub_visit import TOKEN
from consentid.web.pages.link import (
    LINK,
    SERVED,
    TOLD,
    LinkLanguage,
    LinkPurpose,
    LinkView,
)
from consentid.web.pages.words import words_of

_DAY_S: Final = DAY // SECOND


def link_view(
    opened: OpenedLink,
    *,
    link: str,
    path: str,
    form_token: str,
    sends_gpc: bool,
    today: date,
) -> LinkView:
    """What the page shows.

    Raises:
        GoneError: who asks, or for whom, has left the configuration.
    """
    scene = opened.scene
    asker, profile = _profile(scene, scene.client.party), _profile(scene, scene.party)
    language = scene.notice.language
    honoured = _honoured(scene) if sends_gpc else ()
    told = ((TOLD, SignalSource.GPC),) if honoured else ()
    return LinkView(
        frame=frame_of(scene.book, profile, language, path=None),
        action=f"{path}/answer",
        kept=((TOKEN, form_token), (LINK, link), (SERVED, opened.served), *told),
        languages=tuple(
            LinkLanguage(tag=tag, name=words_of(tag).own_name, action=f"{path}?lang={tag}")
            for tag in scene.book.group.languages
            if tag != language
        ),
        texts=scene.notice.texts,
        asker=asker.name,
        asker_entity=asker.entity.name,
        asker_contact=asker.entity.contact,
        for_whom=profile.name,
        for_entity=profile.entity.name,
        is_delegated=scene.client.party != scene.party,
        purposes=tuple(
            LinkPurpose(name=entry.name, description=entry.description) for entry in scene.entries
        ),
        hint=_hint(scene.claims),
        keeper=scene.keeper,
        until=_until(scene, today),
        memory_days=scene.book.catalogue.refusal_memory_s // _DAY_S,
        honoured=honoured,
    )


def _hint(claims: LinkClaims) -> str | None:
    return claims.hint or None


def _profile(scene: LinkScene, party: Party) -> Profile:
    profile = scene.book.find_profile(party)
    if profile is None:
        raise GoneError("party_gone", f"{party} asks no more.")
    return profile


def _until(scene: LinkScene, today: date) -> date | None:
    ends = [
        today + timedelta(seconds=terms.validity_s)
        for entry in scene.entries
        if (terms := find_terms(scene.book.catalogue, scene.party, entry.id)) is not None
    ]
    return max(ends, default=None)


def _honoured(scene: LinkScene) -> tuple[str, ...]:
    signalled = frozenset(scene.book.group.signals.get(SignalSource.GPC, ()))
    return tuple(entry.name for entry in scene.entries if signalled & set(lineage(entry.id)))
