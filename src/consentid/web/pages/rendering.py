"""A view becomes a page: its template, filled in, with the headers that keep it safe.

Spec: Content Security Policy level 3; RFC 9111 (no-store).
"""

import hashlib
from collections.abc import Callable, Iterable
from datetime import date
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Final
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from litestar import Response

from consentid.web.pages.approvals import ApprovalsView
from consentid.web.pages.assets import (
    LINK_SCRIPT,
    PAGE_STYLE,
    PREFERENCES_STYLE,
    VISIT_SCRIPT,
    Asset,
)
from consentid.web.pages.captures import CapturesView
from consentid.web.pages.consent import ConsentView
from consentid.web.pages.device import DeviceCodeView, DeviceConfirmView
from consentid.web.pages.home import HomeView
from consentid.web.pages.link import LinkEntryView, LinkSignInView, LinkView
from consentid.web.pages.message import MessageView
from consentid.web.pages.operations import LetInView, OperationsView
from consentid.web.pages.operations_lists import (
    ActsView,
    CataloguesView,
    ClientsView,
    FieldDevicesView,
    HeldView,
)
from consentid.web.pages.operations_support import SupportView
from consentid.web.pages.preferences import PreferencesView
from consentid.web.pages.preferences_data import DataView
from consentid.web.pages.preferences_lists import (
    DecisionView,
    DevicesView,
    HistoryView,
    NoticeView,
    ReadsView,
    ReceiptView,
    SupportCodeView,
)
from consentid.web.pages.receipt import VerifyReceiptView
from consentid.web.pages.sign_out import SignOutView
from consentid.web.pages.visit import VisitView
from consentid.web.pages.words import LANGUAGES, words_of

View = (
    ActsView
    | ApprovalsView
    | CapturesView
    | CataloguesView
    | ClientsView
    | ConsentView
    | DataView
    | DecisionView
    | DeviceCodeView
    | DeviceConfirmView
    | DevicesView
    | FieldDevicesView
    | HeldView
    | HomeView
    | HistoryView
    | LetInView
    | LinkEntryView
    | LinkSignInView
    | LinkView
    | MessageView
    | NoticeView
    | OperationsView
    | PreferencesView
    | ReadsView
    | ReceiptView
    | SignOutView
    | SupportCodeView
    | SupportView
    | VerifyReceiptView
    | VisitView
)

_TEMPLATES: Final[dict[type[View], str]] = {
    ApprovalsView: "approvals.html",
    ConsentView: "consent.html",
    DeviceCodeView: "device_code.html",
    DeviceConfirmView: "device_confirm.html",
    HomeView: "home.html",
    LetInView: "operations_sign_in.html",
    LinkEntryView: "link_entry.html",
    LinkSignInView: "link_sign_in.html",
    LinkView: "link.html",
    MessageView: "message.html",
    OperationsView: "operations.html",
    ActsView: "operations_acts.html",
    CataloguesView: "operations_catalogues.html",
    ClientsView: "operations_clients.html",
    FieldDevicesView: "operations_devices.html",
    HeldView: "operations_captures.html",
    SupportView: "operations_support.html",
    SupportCodeView: "preferences_support.html",
    PreferencesView: "preferences.html",
    CapturesView: "preferences_captures.html",
    DataView: "preferences_data.html",
    DecisionView: "preferences_decision.html",
    DevicesView: "preferences_devices.html",
    HistoryView: "preferences_history.html",
    NoticeView: "preferences_notice.html",
    ReadsView: "preferences_reads.html",
    ReceiptView: "preferences_receipt.html",
    SignOutView: "sign_out.html",
    VerifyReceiptView: "verify_receipt.html",
    VisitView: "visit.html",
}
_MEDIA_TYPE: Final = "text/html"  # the framework adds the charset


def render(view: View) -> str:
    """Fill in the view's template in the view's language."""
    return (
        environment_of(view.frame.language)
        .get_template(_TEMPLATES[type(view)])
        .render(
            view=view,
            frame=view.frame,
            words=words_of(view.frame.language),
            page_style=PAGE_STYLE,
            preferences_style=PREFERENCES_STYLE,
            visit_script=VISIT_SCRIPT,
            link_script=LINK_SCRIPT,
        )
    )


def prepare() -> None:
    """Read the templates and the words now, not at somebody's first visit."""
    for language in LANGUAGES:
        environment = environment_of(language)
        for template in _TEMPLATES.values():
            environment.get_template(template)
        words_of(language).date(date(2000, 1, 1))
    layout_digest()
    link_layout_digest()
    preferences_layout_digest()


def respond(
    view: View,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    form_targets: Iterable[str] = (),
    retry_after_s: int | None = None,
) -> Response[str]:
    """Answer with a page.

    ``form_targets`` are the sources where answering its forms may lead in the end: browsers hold
    every redirect that follows a form to ``form-action``, not only where the form itself goes.
    """
    headers = page_headers(form_targets, has_script=isinstance(view, VisitView | LinkEntryView))
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    return Response(render(view), status_code=status, media_type=_MEDIA_TYPE, headers=headers)


def page_headers(form_targets: Iterable[str] = (), *, has_script: bool = False) -> dict[str, str]:
    """What every page carries besides the edge's own headers."""
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": _policy(form_targets, has_script=has_script),
        # Not no-referrer: with that, a form of our own would name no origin.
        "Referrer-Policy": "same-origin",
    }


def form_target(unverified_address: str) -> str:
    """The source expression that covers an address: its origin, or the scheme of an app's own.

    Content Security Policy cannot name an IPv6 address, so its whole scheme is allowed there.
    """
    parts = urlsplit(unverified_address)
    if parts.scheme not in ("http", "https"):
        return f"{parts.scheme}:"
    if "[" in parts.netloc:
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{parts.netloc}"


def layout_digest() -> bytes:
    """SHA-256 of how the consent page lays out what it shows, our own words included.  32 bytes."""
    return _layout_digest((PAGE_STYLE,), ("parts.html", _TEMPLATES[ConsentView]))


def link_layout_digest() -> bytes:
    """SHA-256 of how the page of a consent link lays out what it shows.  32 bytes."""
    return _layout_digest((PAGE_STYLE,), ("parts.html", _TEMPLATES[LinkView]))


def preferences_layout_digest() -> bytes:
    """SHA-256 of how the preference centre lays out what it shows.  32 bytes."""
    return _layout_digest(
        (PAGE_STYLE, PREFERENCES_STYLE),
        (
            "parts.html",
            "preferences_items.html",
            "preferences_page.html",
            "preferences_parts.html",
            _TEMPLATES[PreferencesView],
        ),
    )


@cache
def _layout_digest(styles: tuple[Asset, ...], templates: tuple[str, ...]) -> bytes:
    folder = files("consentid.web.pages") / "templates"
    locales = files("consentid.web.pages") / "locales"
    digest = hashlib.sha256(b"".join(style.content for style in styles))
    for name in ("layout.html", *templates):
        digest.update((folder / name).read_bytes())
    for words in sorted(locales.iterdir(), key=lambda each: each.name):
        digest.update(words.read_bytes())
    return digest.digest()


def _policy(form_targets: Iterable[str], *, has_script: bool) -> str:
    targets = " ".join(("'self'", *sorted(set(form_targets))))
    scripts = "script-src 'self'; " if has_script else ""
    return (
        f"default-src 'none'; {scripts}style-src 'self'; img-src 'self'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action {targets}"
    )


@cache
def environment_of(language: str) -> Environment:
    """The templates in a language; plain text is not escaped as if it were HTML."""
    words = words_of(language)
    environment = Environment(
        loader=PackageLoader("consentid.web.pages"),
        autoescape=select_autoescape(disabled_extensions=("txt",), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    # The extension adds its methods to the environment at run time, without types.
    install: Callable[..., None] = getattr(environment, "install_gettext_callables")  # noqa: B009
    install(words.translations.ugettext, words.translations.ungettext, newstyle=True)
    return environment
