"""The sites' pages: plain HTML, forms only, everything that comes from elsewhere escaped.

Accepting and refusing are buttons of the same look on the same layer; nothing is pre-ticked; a page
without an answer records nothing.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from consentid.demo.hub_answers import Catalogue, OfferedPurpose, PurposeState, State, Verdict
from consentid.demo.site_words import STORIES, WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that a page shows."""

    slug: str
    brand: str
    logo: str
    language: str
    form_token: str
    shown: Catalogue
    state: State | None
    consent_token: Mapping[str, Any] | None
    verdict: Verdict | None
    said: tuple[str, ...]

    def word(self, key: str) -> str:
        """One of the site's own words, escaped."""
        return escape(WORDS[self.language][key].format(brand=self.brand, why=""))

    def choosable(self) -> list[OfferedPurpose]:
        """What this person may choose at all."""
        return [
            one
            for one in self.shown.purposes
            if one.basis == "consent"
            and (self.state is None or self.state.of(one.id) != "not_offered")
        ]

    def asked(self) -> list[OfferedPurpose]:
        """What a form asks now: only what is missing, and everything where nobody answered."""
        missing = None if self.state is None else set(self.state.ask)
        return [
            one
            for one in self.shown.purposes
            if one.basis == "consent" and (missing is None or one.id in missing)
        ]


def front_page(view: View) -> str:
    """The brand's front page, with the banner where something is to be asked."""
    stories = "".join(
        f'<article class="story"><h2>{escape(title)}</h2><p>{escape(text)}</p></article>'
        for title, text in STORIES[view.language]
    )
    body = f'{_said(view)}<div class="stories">{stories}</div>{_panel(view)}'
    is_asking = any(one.mandatory for one in view.asked())
    return _page(view, body, _banner(view) if is_asking else "")


def choices_page(view: View) -> str:
    """Every purpose with its present answer, to be answered one by one."""
    items = "".join(_purpose(view, one) for one in view.choosable())
    text = view.shown.text
    form = (
        f'<form method="post" action="/answer">{_hidden(view)}<ul class="purposes">{items}</ul>'
        f'<button name="act" value="save">{_text(text, "save")}</button></form>'
    )
    withdraw = (
        f'<form method="post" action="/withdraw">{_hidden(view)}<p class="acts">'
        f"<button>{view.word('withdraw_here')}</button></p></form>"
    )
    head = f"<h1>{view.word('choices')}</h1><p>{_text(text, 'body')}</p><p>{_reach(view)}</p>"
    return _page(view, f"{_said(view)}{head}{form}{withdraw if view.state else ''}", "")


def _page(view: View, body: str, banner: str) -> str:
    brand = escape(view.brand)
    return (
        f'<!doctype html><html lang="{view.language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="description" content="{_text(view.shown.text, "title")}">'
        f'<title>{brand}</title><link rel="stylesheet" href="/site.css"></head><body>'
        f'<a class="skip" href="{"#ask" if banner else "/choices"}">{view.word("skip")}</a>'
        f'<header><div class="wide"><a class="logo" href="/">{escape(view.logo)}</a>'
        f"</div></header>"
        f'<main id="main"><div class="wide">{body}</div></main>'
        f'<footer><div class="wide"><a href="/choices">{view.word("choices")}</a>'
        f"<span>{_text(view.shown.text, 'withdraw')}</span></div></footer>{banner}</body></html>"
    )


def _banner(view: View) -> str:
    text = view.shown.text
    partly = f"<p>{view.word('missing')}</p>" if view.state is not None else ""
    names = ", ".join(escape(one.name) for one in view.asked())
    return (
        f'<section class="banner" aria-labelledby="ask"><div class="wide">'
        f'<h2 id="ask">{_text(text, "title")}</h2><p>{_text(text, "body")}</p>{partly}'
        f'<p class="quiet">{names}</p><p>{_reach(view)} {_text(text, "withdraw")}</p>'
        f'<form method="post" action="/answer">{_hidden(view)}<div class="acts">'
        f'<button name="act" value="accept">{_text(text, "accept")}</button>'
        f'<button name="act" value="refuse">{_text(text, "refuse")}</button>'
        f'<button name="act" value="choose">{_text(text, "choose")}</button>'
        f"</div></form></div></section>"
    )


def _reach(view: View) -> str:
    """How far an answer reaches, said before it is given: by place, and into the account."""
    return f"{_text(view.shown.text, 'reach_own')} {_text(view.shown.text, 'account')}"


def _purpose(view: View, one: OfferedPurpose) -> str:
    state = "unasked" if view.state is None else view.state.of(one.id)
    name, depth = escape(one.id), min(one.id.count("."), 2)
    yes = " checked" if state == "given" else ""
    no = " checked" if state in {"refused", "withdrawn"} else ""
    return (
        f'<li class="depth-{depth}"><fieldset class="purpose"><legend>{escape(one.name)}</legend>'
        f'<p>{escape(one.description)}</p><div class="either">'
        f'<label><input type="radio" name="choice.{name}" value="yes"{yes}>{view.word("yes")}'
        f'</label><label><input type="radio" name="choice.{name}" value="no"{no}>'
        f"{view.word('no')}</label></div></fieldset></li>"
    )


def _panel(view: View) -> str:
    head = (
        f'<section class="panel" aria-labelledby="reads"><h2 id="reads">{view.word("reads")}</h2>'
        f'<p class="quiet">{view.word("reads_intro")}</p>'
    )
    if view.state is None:
        return f"{head}<p>{view.word('nothing_yet')}</p></section>"
    names = {one.id: one.name for one in view.shown.purposes}
    rows = "".join(_row(view, one, names) for one in view.state.purposes)
    table = (
        f'<div><table><caption>{view.word("state")}</caption><thead><tr><th scope="col">'
        f'{view.word("purpose")}</th><th scope="col">{view.word("state")}</th><th scope="col">'
        f"{view.word('may')}</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )
    return f'{head}<div class="columns">{table}{_consent_token(view)}</div></section>'


def _row(view: View, one: PurposeState, names: Mapping[str, str]) -> str:
    name, answer = names.get(one.purpose, one.purpose), "yes" if one.permitted else "no"
    return (
        f"<tr><td>{escape(name)}<br><code>{escape(one.purpose)}</code></td>"
        f"<td>{escape(one.state)}</td><td>{view.word(answer)}</td></tr>"
    )


def _consent_token(view: View) -> str:
    if view.consent_token is None or view.verdict is None:
        return f"<div><h3>{view.word('token')}</h3><p>{view.word('no_token')}</p></div>"
    badge = view.word("active" if view.verdict.active else "inactive")
    decoded = escape(json.dumps(view.consent_token, indent=2, ensure_ascii=False))
    return (
        f'<div><h3>{view.word("token")} <span class="badge">{badge}</span></h3>'
        f'<pre tabindex="0">{decoded}</pre></div>'
    )


def _said(view: View) -> str:
    return "".join(f'<p class="said" role="status">{escape(one)}</p>' for one in view.said)


def _hidden(view: View) -> str:
    notice = view.shown.notice
    fields: Iterable[tuple[str, str]] = (
        ("served", view.shown.served),
        ("notice_id", notice.id),
        ("notice_version", str(notice.version)),
        ("notice_language", notice.language),
        ("notice_digest", notice.digest),
        ("asked", " ".join(one.id for one in view.asked())),
    )
    return _token(view) + "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in fields
    )


def _token(view: View) -> str:
    return f'<input type="hidden" name="form_token" value="{view.form_token}">'


def _text(text: Mapping[str, object], key: str) -> str:
    return escape(str(text.get(key, "")))
