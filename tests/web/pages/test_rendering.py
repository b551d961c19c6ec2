"""Pages as text: escaped, without script, one shape of form, headers that keep them safe."""

import html
import re
from dataclasses import fields, is_dataclass, replace
from typing import Any, cast

import pytest
from tests.web.pages.views import all_views, consent, frame, halcyon, new_here, sharing
from tests.web.pages.visits import Form

from consentid.brandbook.notice import NoticeTexts
from consentid.core.decision import Outcome
from consentid.core.party import ReachKind
from consentid.web.pages.assets import PAGE_STYLE
from consentid.web.pages.message import Message, MessageView
from consentid.web.pages.rendering import form_target, layout_digest, render, respond

_CANARY = "<b onclick=\"x('&')\">canary"
_SITES = {f"{origin}/" for brand in halcyon().brands.values() for origin in brand.origins}
"""Where a link may lead; nothing is loaded from there."""
_VIEWS = [(name, language) for language in ("en", "fr") for name in all_views(language)]


def _poisoned(view: Any) -> Any:
    """The view with markup added to each text that comes from elsewhere."""
    kept = {"language", "action", "href", "tag", "style", "icon"}
    named = {each.name: getattr(view, each.name) for each in fields(view)}
    return replace(
        view, **{name: _tainted(found) for name, found in named.items() if name not in kept}
    )


def _tainted(found: Any) -> Any:
    if type(found) is str:
        return found + _CANARY
    if isinstance(found, tuple):
        return tuple(_tainted(one) for one in cast("tuple[Any, ...]", found))
    return _poisoned(found) if is_dataclass(found) else found


@pytest.mark.parametrize(("name", "language"), _VIEWS)
def test_no_text_from_elsewhere_becomes_markup(name: str, language: str) -> None:
    page = render(_poisoned(all_views(language)[name]))
    assert "<b onclick" not in page
    assert "&lt;b onclick=" in page


@pytest.mark.parametrize(("name", "language"), _VIEWS)
def test_a_page_has_no_script_no_inline_style_and_nothing_from_another_host(
    name: str, language: str
) -> None:
    page = render(all_views(language)[name])
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", page, re.IGNORECASE)
    for address in re.findall(r'(?:href|src|action)="([^"]*)"', page):
        assert address.startswith(("/", "#", "mailto:")) or address in _SITES, address


@pytest.mark.parametrize(("name", "language"), _VIEWS)
def test_a_page_says_its_language_its_title_and_one_heading(name: str, language: str) -> None:
    page = render(all_views(language)[name])
    assert f'<html lang="{language}" dir="ltr">' in page
    assert len(re.findall(r"<h1", page)) == 1
    assert re.search(r"<title>[^<]{3,} \N{EN DASH} [^<]+</title>", page)


@pytest.mark.parametrize(("name", "language"), _VIEWS)
def test_each_form_is_sent_to_us_with_its_token(name: str, language: str) -> None:
    for form in re.findall(r"<form.*?</form>", render(all_views(language)[name]), re.DOTALL):
        assert re.match(r'<form[^>]* method="post" action="/', form)
        # Whoever has a receipt checked changes nothing, and need not be known.
        token = None if 'action="/verify-receipt' in form else "token"
        assert Form(form).hidden.get("form_token") == token


def test_every_message_has_its_own_words_in_each_language() -> None:
    headings = {
        language: {
            re.findall(
                r"<h1>([^<]+)</h1>", render(MessageView(frame=frame(None, language), message=each))
            )[0]
            for each in Message
        }
        for language in ("en", "fr")
    }
    assert len(headings["en"]) == len(headings["fr"]) == len(Message)
    assert not headings["en"] & headings["fr"]


def test_nothing_is_ticked_unless_the_person_said_it_before() -> None:
    view = consent()
    assert not Form(render(view)).checked
    before = replace(view, asked=(replace(view.asked[0], chosen=Outcome.GRANTED), *view.asked[1:]))
    assert Form(render(before)).checked == {f"choice.{view.asked[0].id}"}


def test_accepting_and_refusing_are_the_same_control_twice() -> None:
    page = render(consent())
    buttons = re.findall(r'<button class="(\w+)" name="act" value="(accept|refuse)">', page)
    assert sorted(buttons) == [("act", "accept"), ("act", "refuse")]
    assert page.index('value="refuse"') < page.index("<details")


def test_a_page_that_only_tells_asks_nothing_and_leads_on_first() -> None:
    view = replace(new_here("en"), interests=consent().interests)
    page = html.unescape(render(view))
    assert view.texts.body not in page
    assert page.count('value="continue"') == 1
    assert page.index("for the first time") < page.index('value="continue"')
    assert page.index('value="continue"') < page.index('<details class="choose">')
    assert page.index(view.texts.reach_own) < page.index('name="object.')


def test_where_an_answer_counts_is_said_before_the_buttons() -> None:
    for reach in (ReachKind.GROUP, ReachKind.BRAND):
        view = consent(reach=reach)
        page = render(view)
        said = view.texts.reach_group if reach is ReachKind.GROUP else view.texts.reach_own
        assert page.index(said) < page.index('value="refuse"')
        assert page.index("Halcyon News SAS") < page.index('value="refuse"')


def test_every_purpose_is_named_before_the_buttons() -> None:
    view = consent()
    page = render(view)
    for one in view.asked:
        assert page.index(one.name) < page.index('value="refuse"')


def test_what_will_be_attached_to_the_account_is_said_to_who_is_not_signed_in() -> None:
    view = consent()
    assert view.texts.account in render(view)
    assert view.texts.account not in render(replace(view, is_signed_in=True))


def test_a_partner_says_who_asks_for_whom_for_what_until_when_and_what_a_no_does() -> None:
    page = render(sharing("en"))
    for said in (
        "Reach Media GmbH, 17 Weitblickstraße, 10117 Berlin",
        "For Reach Media itself, outside the Halcyon group",
        "1 June 2027",
        "You are not asked again for 184 days.",
    ):
        assert page.index(said) < page.index('value="refuse"')


def test_withdrawing_is_said_on_every_consent_page() -> None:
    view = consent(asked=(), interests=())
    page = render(view).replace("&#34;", '"')
    assert view.texts.withdraw in page
    assert 'value="continue"' in page


def test_a_page_is_kept_by_nobody_and_framed_by_nobody() -> None:
    answer = respond(consent(), form_targets=["https://b.example", "https://a.example"])
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
        " frame-ancestors 'none'; form-action 'self' https://a.example https://b.example"
    )


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("https://news.example/cb?x=1", "https://news.example"),
        ("http://127.0.0.1:51004/cb", "http://127.0.0.1:51004"),
        ("http://[::1]:51004/cb", "http:"),
        ("com.example.app:/cb", "com.example.app:"),
    ],
)
def test_a_form_target_covers_where_a_client_is_answered(address: str, source: str) -> None:
    assert form_target(address) == source


def test_the_layout_has_one_digest() -> None:
    assert layout_digest() == layout_digest()
    assert len(layout_digest()) == 32


def test_the_style_sheet_fetches_nothing() -> None:
    assert b"url(" not in PAGE_STYLE.content
    assert b"@import" not in PAGE_STYLE.content


def test_all_words_of_a_notice_are_shown_somewhere() -> None:
    view = consent("shop")
    page = render(view).replace("&#34;", '"').replace("&#39;", "'")
    unshown = {
        name
        for name in NoticeTexts.__slots__
        if getattr(view.texts, name) and getattr(view.texts, name) not in page
    }
    assert unshown == {"reach_group"}
