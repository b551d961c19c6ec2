"""The roles of staff, and which of their issuer's own words give them."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Role(StrEnum):
    """What somebody is in the administration."""

    PRIVACY_OFFICER = "privacy_officer"
    BRAND_EDITOR = "brand_editor"
    SUPPORT = "support"
    AUDITOR = "auditor"
    OPERATOR = "operator"


_ROLES: Final[Mapping[str, Role]] = MappingProxyType({str(role): role for role in Role})


def roles_by_word(parts: Sequence[str]) -> Mapping[str, frozenset[Role]]:
    """What each word of the issuer gives, from parts that are ``role=word`` or one more word.

    Raises:
        ValueError: a part names no role, or no word.
    """
    found: dict[str, frozenset[Role]] = {}
    role: Role | None = None
    for part in parts:
        name, equals, word = part.partition("=")
        if equals:
            role = _ROLES.get(name.strip())
        else:
            word = name
        if role is None or not word.strip():
            msg = f"{part!r} is not role=word, where a role is one of {', '.join(Role)}"
            raise ValueError(msg)
        found[word.strip()] = found.get(word.strip(), frozenset()) | {role}
    return found
