"""Signing out, asked for before it is done.  Spec: OpenID Connect RP-Initiated Logout section 2."""

from dataclasses import dataclass

from consentid.web.pages.frame import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOutView:
    """All that the page shows."""

    frame: Frame
    action: str
    form_token: str
    kept: tuple[tuple[str, str], ...] = ()
    """Fields that the form carries on: names and values, checked by whoever takes them."""
    asked_by: str | None = None
    """The name of the brand that asks for it; None where the person came alone."""
