"""How large a consent token can become under a catalogue.

The widest values that each claim may take are put together and measured; what a token really
carries can only be shorter.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Final

from consentid.core.purpose import PurposeId

MAX_TOKEN_BYTES: Final = 1_536

_INSTANT: Final = 9_999_999_999
_COUNTER: Final = 2**31 - 1
_SUB: Final = "s" * 22
_JTI: Final = "j" * 36
_KID: Final = "k" * 12
_ACR: Final = "a" * 32
_THUMBPRINT: Final = "t" * 43
_SIGNATURE_BYTES: Final = 64


def largest_token_bytes(
    *,
    issuer: str,
    audience: str,
    clients: Iterable[str],
    purposes: Sequence[PurposeId],
    assisted: Sequence[PurposeId] = (),
) -> int:
    """The size of the largest token for an audience, in bytes.

    Every purpose is answered; one list is longer than two that share the same purposes.  All
    optional claims are there, with the deepest delegation allowed, and all of ``assisted``, of
    which somebody else's word counts, rest on that.
    """
    client_id = max(clients, key=len, default="")
    header = {"alg": "ES256", "kid": _KID, "typ": "consent+jwt"}
    claims = {
        "iss": issuer,
        "sub": _SUB,
        "aud": audience,
        "client_id": client_id,
        "jti": _JTI,
        "iat": _INSTANT,
        "exp": _INSTANT,
        "consent": {"cat": _COUNTER, "rev": _COUNTER, "g": list(purposes), "d": []}
        | ({"a": list(assisted)} if assisted else {}),
        "status": {"status_list": {"idx": _COUNTER, "uri": f"{issuer}/statuslists/{_COUNTER}"}},
        "act": {"sub": client_id, "act": {"sub": client_id}},
        "acr": _ACR,
        "cnf": {"jkt": _THUMBPRINT},
    }
    parts = (_json_bytes(header), _json_bytes(claims), _SIGNATURE_BYTES)
    return sum(_base64url_bytes(size) for size in parts) + len("..")


def _json_bytes(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def _base64url_bytes(size: int) -> int:
    return -(-size * 4 // 3)
