"""The portal's pages: plain HTML and forms in its own look, everything from elsewhere escaped."""

from dataclasses import dataclass
from html import escape
from typing import Final

from consentid.demo.portal_words import WORDS

MAX_LOGIN: Final = 64
MAX_PASSWORD: Final = 256

STYLE: Final = """
:root { --ink: #17232b; --muted: #51626d; --paper: #f6f2ea; --card: #fffdf8; --line: #d9cfbd;
  --sea: #0d5c63; --sea-deep: #08393e; --on-sea: #ffffff; --warn: #8c1d18; --warn-bg: #fbeae7; }
@media (prefers-color-scheme: dark) { :root { --ink: #eef3f2; --muted: #a9bcbf; --paper: #0b1719;
  --card: #122326; --line: #2b4448; --sea: #7fd3d4; --sea-deep: #08393e; --on-sea: #06262a;
  --warn: #ffb4a9; --warn-bg: #3a1613; } }
*, *::before, *::after { box-sizing: border-box; }
html { color-scheme: light dark; -webkit-text-size-adjust: 100%; }
body { margin: 0; min-height: 100vh; display: grid; grid-template-columns: minmax(0, 5fr) 6fr;
  background: var(--paper); color: var(--ink); line-height: 1.55;
  font-family: "Avenir Next", Avenir, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
.shore { background: var(--sea-deep); color: #fff; padding: 3rem clamp(1.5rem, 5vw, 4.5rem);
  display: flex; flex-direction: column; justify-content: space-between; gap: 2rem;
  position: relative; overflow: hidden; }
.shore::after { content: ""; position: absolute; inset: auto 0 0; height: 32%; opacity: .3;
  background: repeating-radial-gradient(120% 90% at 30% 120%, transparent 0 26px,
    #7fd3d4 26px 28px); }
.shore > * { position: relative; z-index: 1; }
.mark { font-size: 1.35rem; font-weight: 700; letter-spacing: .01em; color: #fff;
  text-decoration: none; display: flex; align-items: center; gap: .6rem; }
.mark::before { content: ""; width: 1.1em; height: 1.1em; border-radius: 50% 50% 50% 0;
  background: #f2a65a; transform: rotate(-45deg); }
.tagline { font-size: clamp(1.5rem, 2.6vw, 2.4rem); line-height: 1.2; margin: 0; max-width: 16ch;
  text-wrap: balance; font-weight: 600; }
.shore .quiet { color: #d5e6e6; margin: 0; font-size: .9rem; }
main { display: grid; place-items: center; padding: 2.5rem clamp(1.25rem, 5vw, 4rem); }
.card { width: 100%; max-width: 26rem; }
h1 { font-size: 1.9rem; line-height: 1.15; margin: 0 0 .35rem; }
.for { color: var(--muted); margin: 0 0 1.75rem; overflow-wrap: anywhere; }
.problem { background: var(--warn-bg); color: var(--warn); border-left: 5px solid currentcolor;
  padding: .7rem 1rem; margin: 0 0 1.25rem; }
form { margin: 0; display: grid; gap: 1.1rem; }
label { font-weight: 600; display: grid; gap: .35rem; }
input { font: inherit; color: inherit; background: var(--card); border: 1.5px solid var(--muted);
  border-radius: 4px; padding: .75rem .85rem; width: 100%; min-height: 3rem; }
.help { color: var(--muted); font-size: .9rem; margin: -.6rem 0 0; }
button, .button { font: inherit; font-weight: 700; min-height: 3rem; border-radius: 4px;
  padding: .7rem 1.25rem; cursor: pointer; border: 2px solid var(--sea); background: var(--sea);
  color: var(--on-sea); text-align: center; text-decoration: none; display: block; width: 100%; }
button.plain, .button.plain { background: transparent; color: var(--sea); }
.acts { display: grid; gap: .75rem; margin-top: .4rem; }
.top { display: flex; justify-content: flex-end; width: 100%; max-width: 26rem;
  margin-bottom: 1.25rem; }
a { color: var(--sea); }
:focus-visible { outline: 3px solid var(--sea); outline-offset: 3px; }
.shore :focus-visible { outline-color: #ffffff; }
@media (max-width: 46rem) {
  body { grid-template-columns: minmax(0, 1fr); grid-template-rows: auto 1fr; }
  .shore { padding: 1rem 1.25rem; gap: .35rem; }
  .tagline { font-size: 1rem; font-weight: 400; max-width: none; }
  .shore .quiet, .shore::after { display: none; }
  main { place-items: start center; padding-top: 1.5rem; }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What every page needs."""

    language: str
    other_href: str | None = None
    """The same page in the other language."""

    def word(self, key: str, **filled: str) -> str:
        """The portal's words, escaped."""
        return escape(WORDS[self.language][key].format(**filled))


def login_page(
    view: View,
    *,
    action: str,
    form_token: str,
    client: str,
    hint: str,
    problem: str | None,
) -> str:
    """Name and password.  ``action`` carries the client's request on; ``problem`` is escaped."""
    said = "" if problem is None else f'<p class="problem" role="alert">{problem}</p>'
    name_focus, password_focus = ("", " autofocus") if hint else (" autofocus", "")
    body = (
        f"<h1>{view.word('title')}</h1>"
        f'<p class="for">{view.word("for", client=client)}</p>{said}'
        f'<form method="post" action="{escape(action)}">'
        f'<input type="hidden" name="form_token" value="{form_token}">'
        f'<label>{view.word("login")}<input name="login" value="{escape(hint)}" required'
        f' autocomplete="username" autocapitalize="none" spellcheck="false"'
        f' maxlength="{MAX_LOGIN}"{name_focus}></label>'
        f'<label>{view.word("password")}<input type="password" name="password" required'
        f' autocomplete="current-password" aria-describedby="where"'
        f' maxlength="{MAX_PASSWORD}"{password_focus}></label>'
        f'<p class="help" id="where">{view.word("password_help")}</p>'
        f'<div class="acts"><button name="act" value="enter">{view.word("submit")}</button>'
        f'<button class="plain" name="act" value="cancel" formnovalidate>{view.word("cancel")}'
        f"</button></div></form>"
    )
    return _page(view, view.word("title"), body)


def create_page(view: View, *, onward: str) -> str:
    """Asked to make an account: nobody new can be invented here."""
    body = (
        f"<h1>{view.word('create_title')}</h1><p>{view.word('create_intro')}</p>"
        f'<p><a class="button" href="{escape(onward)}">{view.word("create_on")}</a></p>'
    )
    return _page(view, view.word("create_title"), body)


def home_page(view: View, *, name: str | None, form_token: str) -> str:
    """Who is signed in here, and the way out."""
    body = f"<h1>{view.word('home')}</h1><p>{view.word('home_intro')}</p>"
    if name is None:
        return _page(view, view.word("home"), f"{body}<p>{view.word('nobody')}</p>")
    leave = (
        f'<form method="post" action="/logout">'
        f'<input type="hidden" name="form_token" value="{form_token}">'
        f"<button>{view.word('sign_out')}</button></form>"
    )
    return _page(view, view.word("home"), f"{body}<p>{view.word('known', name=name)}</p>{leave}")


def sign_out_page(view: View, *, name: str, form_token: str, kept: dict[str, str]) -> str:
    """Asked before a session ends."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(field)}" value="{escape(value)}">'
        for field, value in {**kept, "form_token": form_token}.items()
    )
    body = (
        f"<h1>{view.word('sign_out_title')}</h1><p>{view.word('known', name=name)}"
        f" {view.word('sign_out_intro')}</p>"
        f'<form method="post" action="/logout">{hidden}<div class="acts">'
        f"<button>{view.word('sign_out')}</button>"
        f'<a class="button plain" href="/">{view.word("stay")}</a></div></form>'
    )
    return _page(view, view.word("sign_out_title"), body)


def signed_out_page(view: View) -> str:
    """It is done."""
    body = f"<h1>{view.word('signed_out')}</h1><p>{view.word('signed_out_intro')}</p>"
    return _page(view, view.word("signed_out"), body)


def error_page(view: View, why: str) -> str:
    """What cannot go back to a client; nothing that it sent is shown."""
    body = f"<h1>{view.word('error_title')}</h1><p>{view.word(f'error_{why}')}</p>"
    return _page(view, view.word("error_title"), body)


def _page(view: View, title: str, body: str) -> str:
    other = ""
    if view.other_href is not None:
        tag = "fr" if view.language == "en" else "en"
        other = (
            f'<p class="top"><a href="{escape(view.other_href)}" hreflang="{tag}" lang="{tag}">'
            f"{view.word('other')}</a></p>"
        )
    return (
        f'<!doctype html><html lang="{view.language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="description" content="{view.word("tagline")}">'
        f"<title>{title} &middot; Halcyon ID</title>"
        f'<link rel="stylesheet" href="/portal.css"></head><body>'
        f'<header class="shore"><a class="mark" href="/">Halcyon ID</a>'
        f'<p class="tagline">{view.word("tagline")}</p>'
        f'<p class="quiet">{view.word("foot")}</p></header>'
        f'<main><div class="card">{other}{body}</div></main></body></html>'
    )
