"""What PyJWT and joserfc say of a token, asked as carefully as they can be."""

import joserfc.errors
import joserfc.jwt
import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey
from tests.tokens.making import AUDIENCE, ISSUER, KEY, KEYS

from consentid.tokens import verifying
from consentid.tokens.verifying import LEEWAY_S, Checker, Verified

_PUBLIC = KEY.public_key()
_JOSERFC_KEY = ECKey.import_key(
    _PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
)
_REQUIRED = ["iss", "sub", "aud", "exp", "iat", "jti"]
_CHECKER = Checker(keys=KEYS, issuer=ISSUER, audience=AUDIENCE)
assert verifying.LEEWAY_S == LEEWAY_S


def we_accept(token: str, now_s: float) -> bool:
    return isinstance(_CHECKER.check(token, now_s), Verified)


def pyjwt_accepts(token: str) -> bool:
    """By its own clock."""
    try:
        jwt.decode(
            token,
            _PUBLIC,
            algorithms=["ES256"],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY_S,
            options={"require": _REQUIRED, "strict_aud": True},
        )
    except jwt.InvalidTokenError:
        return False
    except (TypeError, ValueError, RecursionError):  # what it does not expect is no yes
        return False
    return True


def joserfc_accepts(token: str, now_s: int) -> bool:
    registry = joserfc.jwt.JWTClaimsRegistry(
        now=now_s,
        leeway=LEEWAY_S,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
    )
    try:
        registry.validate(joserfc.jwt.decode(token, _JOSERFC_KEY, algorithms=["ES256"]).claims)
    except (joserfc.errors.JoseError, ValueError, TypeError, AttributeError, RecursionError):
        return False
    return True
