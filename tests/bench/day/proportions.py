"""Who comes how often, and for what: the proportions of a day, and where each comes from.

A visit is a page view at a brand, or a call of its back end.  Of a thousand of them, most are of
somebody who was there before; brands verify far more often than anybody decides; few withdraw.
These are assumptions, and this table is where to change them.  Televisions that wait and readers of
the feed do not arrive: they keep to a beat of their own, see ``Beat``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Visit(StrEnum):
    """What somebody comes for."""

    VERIFIED = "a token is verified"
    VERIFIED_TOGETHER = "a batch of tokens is verified"
    STATUS_LIST = "an offline verifier fetches a status list"
    RETURN = "somebody returns: state"
    RETURN_REFRESH = "somebody returns: refresh token"
    RETURN_SILENT = "somebody returns: silent redirect"
    FIRST_BANNER = "a first visit, a brand's own banner"
    FIRST_HUB = "a first visit, the hub's page"
    DISMISSED = "a first visit, nothing chosen"
    SIGN_IN = "a portal sign-in"
    CHANGE = "a change of mind"
    WITHDRAWAL = "a withdrawal of everything"
    CAPTURE = "a capture by the call centre"
    LINK = "a link that asks by mail"
    TELEVISION = "a television is paired"


PER_THOUSAND: Final[Mapping[Visit, float]] = {
    Visit.VERIFIED: 600,
    Visit.VERIFIED_TOGETHER: 10,
    Visit.STATUS_LIST: 50,
    Visit.RETURN: 140,
    Visit.RETURN_REFRESH: 60,
    Visit.RETURN_SILENT: 40,
    Visit.FIRST_BANNER: 36,
    Visit.FIRST_HUB: 8,
    Visit.DISMISSED: 20,
    Visit.SIGN_IN: 16,
    Visit.CHANGE: 8,
    Visit.WITHDRAWAL: 6,
    Visit.CAPTURE: 2,
    Visit.LINK: 2,
    Visit.TELEVISION: 2,
}
BATCH: Final = 50
"""Tokens in a batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What comes by a clock of its own: so many for each arrival a second, each so often."""

    per_arrival: float
    every_s: float


TELEVISIONS: Final = Beat(per_arrival=2.0, every_s=5.0)
"""Waiting for somebody to type their code.  RFC 8628's usual interval."""
READERS: Final = Beat(per_arrival=0.0, every_s=1.0)
"""Each brand's reader of the event feed, once a second, however many come."""
BRANDS: Final[Mapping[str, float]] = {"news": 0.5, "shop": 0.3, "play": 0.2}
"""Where people are, by share."""
