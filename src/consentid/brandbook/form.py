"""The forms that a text in the files may have to take."""

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from consentid.core import purpose

MAX_SLUG: Final = 31

_HOST_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"{_HOST_LABEL}(?:\.{_HOST_LABEL})*", re.ASCII)
_URI_CHARACTERS: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.ASCII)
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_HARMLESS: Final = frozenset("\N{SOFT HYPHEN}\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")
"""Invisible, yet spelling; what turns the direction of a text could make it say another thing."""
_DOT_SEGMENTS: Final = frozenset({".", ".."})
"""Steps of a path that two readers may follow to different places."""
_PRIVATE_SCHEME: Final = re.compile(r"[a-z][a-z0-9]*(?:\.[a-z0-9-]+)+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A test, and words for what passes it."""

    right: str
    fits: Callable[[str], bool]


def is_local(host: str) -> bool:
    """Whether a host name never leaves the machine, so that plain HTTP is no risk."""
    return is_loopback(host) or host.endswith(".localhost")


def is_loopback(host: str) -> bool:
    """Whether a host is this very machine, by address or by the name that RFC 6761 keeps for it."""
    return host in {"localhost", "127.0.0.1", "::1"}


def host_of(url: str) -> str:
    """The host of a URL that has passed a form here."""
    return urlsplit(url).hostname or ""


def _pattern(pattern: str, right: str) -> Form:
    compiled = re.compile(pattern, re.ASCII)
    return Form(right=right, fits=lambda text: compiled.fullmatch(text) is not None)


def _prose(longest: int) -> Form:
    def fits(text: str) -> bool:
        return (
            len(text.strip()) > 0
            and len(text) <= longest
            and not any(
                unicodedata.category(character) in _UNSEEN and character not in _HARMLESS
                for character in text
            )
        )

    return Form(right=f"text of 1 to {longest} characters on one line", fits=fits)


def _split(text: str) -> SplitResult | None:
    """A URL's parts where all of it is sound, so that nobody can read it in two ways."""
    if not _URI_CHARACTERS.fullmatch(text):
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    if parts.username is not None or parts.password is not None or port == 0:
        return None
    if not (_is_domain(host) or _is_address(host)) or parts.netloc != parts.netloc.lower():
        return None
    return parts


def _is_domain(text: str) -> bool:
    return _HOST.fullmatch(text) is not None and len(text) <= 253  # noqa: PLR2004 - RFC 1035


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_guarded(parts: SplitResult) -> bool:
    """Over TLS, or without leaving the machine."""
    return parts.scheme == "https" or (parts.scheme == "http" and is_local(parts.hostname or ""))


def _is_issuer(text: str) -> bool:
    parts = _split(text)
    return (
        parts is not None
        and _is_guarded(parts)
        and not text.endswith("/")
        and not set("?#") & set(text)
    )


def _is_origin(text: str) -> bool:
    parts = _split(text)
    return parts is not None and _is_guarded(parts) and text == f"{parts.scheme}://{parts.netloc}"


def _is_link(text: str) -> bool:
    parts = _split(text)
    return parts is not None and _is_guarded(parts)


def _is_audience(text: str) -> bool:
    parts = _split(text)
    return parts is not None and _is_guarded(parts) and not set("?#") & set(text)


def is_private_scheme(text: str) -> bool:
    """Whether an address is of an app's own scheme: a reversed domain.  Spec: RFC 8252, 7.1."""
    scheme, colon, rest = text.partition(":/")
    return bool(colon and rest and _PRIVATE_SCHEME.fullmatch(scheme)) and not rest.startswith("/")


def _is_redirect(text: str) -> bool:
    if "#" in text or not _DOT_SEGMENTS.isdisjoint(text.partition("?")[0].split("/")):
        return False
    if is_private_scheme(text):
        return _URI_CHARACTERS.fullmatch(text) is not None
    return _is_link(text)


_GUARDED: Final = "over https (http for *.localhost only)"

SLUG: Final = _pattern(
    rf"[a-z][a-z0-9-]{{0,{MAX_SLUG - 1}}}",
    f'a slug: a to z, 0 to 9 and "-", a letter first, {MAX_SLUG} characters at most',
)
CLIENT_ID: Final = _pattern(
    r"[a-z][a-z0-9-]{0,47}",
    'a client id: a to z, 0 to 9 and "-", a letter first, 48 characters at most',
)
IDENTIFIER: Final = _pattern(
    r"[a-z0-9][a-z0-9._-]{0,63}", 'an identifier: a to z, 0 to 9, ".", "_" and "-", 64 at most'
)
PURPOSE: Final = Form(
    right='a purpose\'s slug such as "ads.personalised" (a to z, 0 to 9, "_", dots between steps)',
    fits=purpose.is_well_formed,
)
CATEGORY: Final = _pattern(
    r"[a-z][a-z0-9_]{0,30}", 'a category of data such as "browsing" (a to z, 0 to 9, "_")'
)
TOPIC: Final = _pattern(
    r"[a-z][a-z0-9_]{0,30}", 'a topic\'s slug such as "sport" (a to z, 0 to 9, "_")'
)
LANGUAGE: Final = _pattern(
    r"[a-z]{2,3}(?:-[A-Z]{2})?", 'a language such as "fr" or "fr-CA" (BCP 47)'
)
COUNTRY: Final = _pattern(r"[A-Z]{2}", 'a country of two capitals such as "FR" (ISO 3166-1)')
EMAIL: Final = _pattern(r"[A-Za-z0-9._%+-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)+", "an e-mail address")
COLOUR: Final = _pattern(r"#[0-9a-f]{6}", 'a colour such as "#0b3d91", in small letters')
LENGTH: Final = _pattern(r"0|[0-9]{1,2}(?:\.[0-9]{1,2})?(?:px|rem)", 'a length such as "8px"')
TOKEN: Final = _pattern(r"[A-Za-z0-9._~-]{1,120}", "an identifier without spaces")
COOKIE: Final = _pattern(
    r"[!#$%&'+.^_`|~0-9A-Za-z-]{1,120}\*?",
    'a cookie\'s name, or what it begins with and "*", such as "_stats_*"',
)
FIELD: Final = _pattern(r"[A-Za-z_]{1,60}", "a name of letters and underscores")
NAME: Final = _prose(80)
LINE: Final = _prose(240)
PARAGRAPH: Final = _prose(1200)
DOMAIN: Final = Form(
    right='a host name in small letters such as "news.example", without scheme or port',
    fits=lambda text: _is_domain(text) and not _is_address(text),
)
ORIGIN: Final = Form(
    right=f'an origin such as "https://news.example" {_GUARDED}, without path or closing slash',
    fits=_is_origin,
)
ISSUER: Final = Form(
    right=f"an issuer's address {_GUARDED}, without query, fragment or closing slash",
    fits=_is_issuer,
)
AUDIENCE: Final = Form(
    right=f"an absolute address {_GUARDED}, without query or fragment", fits=_is_audience
)
PORTAL_ISSUER: Final = Form(
    right=f"the portal's issuer, exactly as its ID tokens say it, {_GUARDED}", fits=_is_audience
)
LINK: Final = Form(right=f"an absolute address {_GUARDED}", fits=_is_link)
REDIRECT: Final = Form(
    right=(
        f'an absolute address {_GUARDED} or of an app\'s own scheme, without fragment, "." or ".."'
    ),
    fits=_is_redirect,
)
FILE: Final = _pattern(
    r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,80}\.json",
    'the name of a file beside this one, such as "keys.json"',
)
