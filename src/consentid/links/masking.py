"""An address as its own holder knows it again, and nobody else: masked."""

from typing import Final

from consentid.kit.errors import MalformedError
from consentid.links.claims import MASK

_HIDDEN: Final = MASK * 3
_SHOWN_DIGITS: Final = 2
_MIN_DIGITS: Final = 6
_MAX_DOMAIN: Final = 64


def mask(address: str) -> str:
    """``m•••@example.org`` or ``•••42`` of an e-mail address or a telephone number.

    Raises:
        MalformedError: it is neither.
    """
    told = address.strip()
    name, at, domain = told.rpartition("@")
    if at:
        if not name or not domain or len(domain) > _MAX_DOMAIN or not told.isprintable():
            raise _neither()
        return f"{name[0]}{_HIDDEN}@{domain}"
    digits = "".join(each for each in told if each in "0123456789")
    if len(digits) < _MIN_DIGITS or set(told) - set("0123456789 +-./()"):
        raise _neither()
    return f"{_HIDDEN}{digits[-_SHOWN_DIGITS:]}"


def _neither() -> MalformedError:
    return MalformedError(
        "bad_addressee",
        "The addressee is an e-mail address or a telephone number.",
        where="addressee",
    )
