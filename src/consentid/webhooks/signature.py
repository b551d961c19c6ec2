"""What a webhook is signed with, and how that is checked.  Spec: Standard Webhooks.

A shared secret (``whsec_``) makes a ``v1`` signature: HMAC-SHA256.  A private key (``whsk_``) makes
a ``v1a``: Ed25519, which its public key (``whpk_``) checks.  One header carries several, so that
secrets are changed without a pause.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from consentid.kit.errors import MalformedError

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
SECRET: Final = "whsec_"  # noqa: S105 - a prefix
PRIVATE: Final = "whsk_"
PUBLIC: Final = "whpk_"
SECRET_BYTES: Final = 32
_LEAST_BYTES: Final = 24
_MOST_BYTES: Final = 64
_MOST_SIGNATURES: Final = 16
_KNOWN: Final = 256
"""Keys that are read once: each is used again and again."""


class BadWebhookError(MalformedError):
    """It is not what the hub sent, or not now: answer 400, and do nothing."""


def new_secret(randomness: Callable[[int], bytes]) -> str:
    """A shared secret."""
    return SECRET + _encode(randomness(SECRET_BYTES))


def new_private_key(randomness: Callable[[int], bytes]) -> str:
    """A private key."""
    return PRIVATE + _encode(randomness(SECRET_BYTES))


def public_key_of(private: str) -> str:
    """What a receiver checks the signatures of a private key with."""
    return PUBLIC + _encode(_private(private).public_key().public_bytes_raw())


def sign(secrets: Iterable[str], *, id_: str, timestamp_s: int, body: bytes) -> str:
    """The ``webhook-signature`` header: one signature of each secret.

    Raises:
        MalformedError: something else is among the secrets.
    """
    content = _content(id_, str(timestamp_s), body)
    return " ".join(_signature(secret, content) for secret in secrets)


def is_signed(key: str, *, id_: str, timestamp: str, body: bytes, signatures: str) -> bool:
    """Whether one of the signatures is right.  ``key``: a shared secret, or a public key.

    Raises:
        MalformedError: the key is neither.
    """
    content = _content(id_, timestamp, body)
    pairs = [each.partition(",") for each in signatures.split(" ")[:_MOST_SIGNATURES]]
    if key.startswith(PUBLIC):
        public = Ed25519PublicKey.from_public_bytes(_decode(key, PUBLIC))
        return any(_is_of(public, text, content) for kind, _, text in pairs if kind == "v1a")
    expected = _mac(key, content).encode()
    return any(
        hmac.compare_digest(text.encode(), expected) for kind, _, text in pairs if kind == "v1"
    )


def check_key(key: str) -> None:
    """Insist on a shared secret or a public key.

    Raises:
        MalformedError: it is neither.
    """
    if key.startswith(PUBLIC):
        _decode(key, PUBLIC)
    else:
        _shared(key)


def _signature(secret: str, content: bytes) -> str:
    if secret.startswith(PRIVATE):
        return f"v1a,{_encode(_private(secret).sign(content))}"
    return f"v1,{_mac(secret, content)}"


def _mac(secret: str, content: bytes) -> str:
    return _encode(hmac.digest(_shared(secret), content, hashlib.sha256))


def _is_of(public: Ed25519PublicKey, text: str, content: bytes) -> bool:
    try:
        public.verify(base64.b64decode(text, validate=True), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _content(id_: str, timestamp: str, body: bytes) -> bytes:
    return b"%s.%s.%s" % (id_.encode(), timestamp.encode(), body)


@lru_cache(maxsize=_KNOWN)
def _shared(secret: str) -> bytes:
    raw = _decode(secret, SECRET)
    if not _LEAST_BYTES <= len(raw) <= _MOST_BYTES:
        raise _bad_key()
    return raw


@lru_cache(maxsize=_KNOWN)
def _private(text: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(_decode(text, PRIVATE))


def _decode(text: str, prefix: str) -> bytes:
    if not text.startswith(prefix):
        raise _bad_key()
    try:
        raw = base64.b64decode(text.removeprefix(prefix), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad_key() from error
    if prefix != SECRET and len(raw) != SECRET_BYTES:
        raise _bad_key()
    return raw


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bad_key() -> MalformedError:
    return MalformedError(
        "bad_webhook_key", "A webhook's key is whsec_ or whpk_ and base64, as it was shown."
    )
