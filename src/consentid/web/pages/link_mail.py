"""The mail that carries a consent link: text, and the same as HTML.  Nothing in it is fetched."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from consentid.flows.mail_link import Written
from consentid.flows.mint_link import MintedLink
from consentid.kit.instants import from_seconds, to_datetime
from consentid.web.pages.rendering import environment_of
from consentid.web.pages.words import words_of

_TEMPLATES: Final = ("link_mail.txt", "link_mail.html")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkMailView:
    """All that the mail says."""

    asker: str
    entity: str
    address: str
    contact: str
    for_whom: str | None
    """The brand that a partner asks for; None where it asks for itself."""
    purposes: tuple[str, ...]
    link: str
    until: date
    look: Mapping[str, str]
    """The colours of who asks, as CSS custom properties."""


def write_link_mail(made: MintedLink) -> Written:
    """Put it into words, in the language meant."""
    book, notice = made.book, made.notice()
    asker, profile = book.find_profile(made.asker), book.find_profile(made.party)
    if asker is None or profile is None:
        msg = "a party that may ask has a profile"
        raise RuntimeError(msg)
    view = LinkMailView(
        asker=asker.name,
        entity=asker.entity.name,
        address=asker.entity.address,
        contact=asker.entity.contact,
        for_whom=None if made.asker == made.party else profile.name,
        purposes=tuple(entry.name for entry in notice.entries if entry.id in made.claims.purposes),
        link=made.link,
        until=to_datetime(from_seconds(made.claims.exp)).date(),
        look=asker.look.properties,
    )
    words = words_of(notice.language)
    title = words.say("A question from %(name)s") % {"name": view.asker}
    text, html = (
        environment_of(notice.language)
        .get_template(name)
        .render(view=view, words=words, title=title)
        for name in _TEMPLATES
    )
    return Written(title=title, text=text, html=html)
