"""A partner's front page: what it would like to ask, and what came back, for developers to read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import urlencode

from consentid.demo.partner_offers import FRONTS, WORDS, Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the hub answered to a pushed request."""

    offer: str
    error: str | None = None
    details: Sequence[Mapping[str, Any]] = ()
    claims: Mapping[str, Any] | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerView:
    """All that the page shows."""

    slug: str
    name: str
    logo: str
    language: str
    form_token: str
    hub: str
    client_id: str
    origin: str
    heard: Heard | None
    is_active: bool

    def word(self, key: str, **more: str) -> str:
        """One of the site's own words, escaped."""
        return escape(WORDS[self.language][key].format(partner=self.name, **more))


def partner_page(view: PartnerView) -> str:
    """The front page."""
    front = FRONTS[view.slug]
    title, lead = front.words[view.language]
    offers = "".join(_offer(view, one) for one in front.offers)
    return (
        f'<!doctype html><html lang="{view.language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="description" content="{escape(lead)}">'
        f'<title>{escape(view.name)}</title><link rel="stylesheet" href="/site.css"></head><body>'
        f'<a class="skip" href="#back">{view.word("skip")}</a>'
        f'<header><div class="wide"><a class="logo" href="/">{escape(view.logo)}</a>'
        f'<a href="/form">{view.word("form")}</a></div></header><main id="main">'
        f'<div class="hero"><div class="wide"><h1>{escape(title)}</h1><p>{escape(lead)}</p>'
        f'</div></div><div class="wide"><div class="offers">{offers}</div>{_panel(view)}</div>'
        f"</main></body></html>"
    )


def _offer(view: PartnerView, offer: Offer) -> str:
    title, text, button = offer.words[view.language]
    names = "".join(f"<li><code>{escape(one)}</code></li>" for one in offer.purposes)
    return (
        f'<article class="offer"><h2>{escape(title)}</h2><p>{escape(text)}</p>'
        f'<ul class="names">{names}</ul><form method="post" action="/ask">'
        f'<input type="hidden" name="form_token" value="{view.form_token}">'
        f'<button name="offer" value="{offer.key}">{escape(button)}</button></form></article>'
    )


def _panel(view: PartnerView) -> str:
    heard = view.heard
    head = (
        f'<section class="panel" id="back" aria-labelledby="came"><h2 id="came">'
        f'{view.word("back")}</h2><p class="quiet">{view.word("intro")}</p>'
    )
    if heard is None:
        return f"{head}<p>{view.word('nothing')}</p></section>"
    if heard.claims is None:
        said = (
            view.word("denied")
            if heard.error == "access_denied"
            else view.word("failed", why=heard.error or "")
        )
        return f'{head}<p class="said" role="status">{said}</p></section>'
    granted = [str(one) for detail in heard.details for one in detail.get("purposes", ())]
    said = f"{view.word('some')} {', '.join(f'<code>{escape(one)}</code>' for one in granted)}"
    badge = view.word("active" if view.is_active else "inactive")
    errand = urlencode({"client_id": view.client_id, "return_to": f"{view.origin}/"})
    return (
        f'{head}<p class="said" role="status">{said}</p><div class="columns">'
        f'<div><h3>{view.word("token")} <span class="badge">{badge}</span></h3>'
        f'<pre tabindex="0">{_pretty(heard.claims)}</pre>'
        f'<p class="quiet">{view.word("sub")}</p></div>'
        f'<div><h3>{view.word("details")}</h3><pre tabindex="0">{_pretty(list(heard.details))}'
        f'</pre><p class="ways"><a class="button plain" href="{escape(view.hub)}/preferences?'
        f'{escape(errand)}">{view.word("change")}</a> <a class="button plain" href="/#back">'
        f"{view.word('again')}</a></p></div></div></section>"
    )


def _pretty(told: object) -> str:
    return escape(json.dumps(told, indent=2, ensure_ascii=False))
