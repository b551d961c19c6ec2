"""What each form lets through."""

import pytest

from consentid.brandbook import form
from consentid.brandbook.form import Form

GOOD = [
    (form.SLUG, "news"),
    (form.SLUG, "n-2"),
    (form.DOMAIN, "news.localhost"),
    (form.DOMAIN, "xn--caf-dma.example"),
    (form.ORIGIN, "https://news.example"),
    (form.ORIGIN, "http://news.localhost:7600"),
    (form.ORIGIN, "http://127.0.0.1:7600"),
    (form.ISSUER, "https://consent.example/halcyon"),
    (form.AUDIENCE, "https://news.example/api"),
    (form.LINK, "https://vendor.example/privacy?lang=en#data"),
    (form.REDIRECT, "https://news.example/callback?a=b"),
    (form.REDIRECT, "com.example.play:/callback"),
    (form.REDIRECT, "http://127.0.0.1:5000/callback"),
    (form.LANGUAGE, "fr"),
    (form.LANGUAGE, "fr-CA"),
    (form.EMAIL, "privacy@news.example"),
    (form.LENGTH, "0"),
    (form.LENGTH, "0.5rem"),
    (form.NAME, "L'œuvre — n° 5\u00a0!"),
]

BAD = [
    (form.SLUG, ""),
    (form.SLUG, "News"),
    (form.SLUG, "2news"),
    (form.SLUG, "néws"),
    (form.SLUG, "n" * 32),
    (form.SLUG, "news\n"),
    (form.DOMAIN, "News.localhost"),
    (form.DOMAIN, "news.localhost:7600"),
    (form.DOMAIN, "-news.example"),
    (form.DOMAIN, "news..example"),
    (form.DOMAIN, "127.0.0.1"),
    (form.DOMAIN, "*.example"),
    (form.ORIGIN, "https://news.example/"),
    (form.ORIGIN, "http://news.example"),
    (form.ORIGIN, "https://user@news.example"),
    (form.ORIGIN, "https://News.example"),
    (form.ORIGIN, "https://news.example:0"),
    (form.ORIGIN, "https://news.example:99999"),
    (form.ORIGIN, "null"),
    (form.ORIGIN, "https://news.example\\@evil.example"),
    (form.ORIGIN, "http://localhost.evil.example"),
    (form.ISSUER, "https://consent.example/"),
    (form.ISSUER, "https://consent.example?x"),
    (form.ISSUER, "https://consent.example/#"),
    (form.ISSUER, "ftp://consent.example"),
    (form.AUDIENCE, "urn:news"),
    (form.AUDIENCE, "https://news.example/ x"),
    (form.LINK, "javascript:alert(1)"),
    (form.REDIRECT, "https://news.example/callback#x"),
    (form.REDIRECT, "http://news.example/callback"),
    (form.REDIRECT, "javascript:/alert(1)"),
    (form.REDIRECT, "com.example://callback"),
    (form.LANGUAGE, "FR"),
    (form.EMAIL, "privacy@localhost"),
    (form.COLOUR, "#FFF"),
    (form.COLOUR, "red"),
    (form.LENGTH, "8px; color: red"),
    (form.LENGTH, "-1px"),
    (form.NAME, "   "),
    (form.NAME, "two\nlines"),
    (form.NAME, "a\u202eb"),
    (form.NAME, "a\x00b"),
    (form.NAME, "n" * 81),
]


@pytest.mark.parametrize(("wanted", "text"), GOOD, ids=range(len(GOOD)))
def test_a_form_takes_what_is_right(wanted: Form, text: str) -> None:
    assert wanted.fits(text)


@pytest.mark.parametrize(("wanted", "text"), BAD, ids=range(len(BAD)))
def test_a_form_refuses_what_is_wrong(wanted: Form, text: str) -> None:
    assert not wanted.fits(text)
