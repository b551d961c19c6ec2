"""The secrets that webhooks are signed with: shown once, sealed at rest, several at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from consentid.keyring import wrapping
from consentid.keyring.deriving import Job, derived_key
from consentid.webhooks.signature import PRIVATE, new_private_key, new_secret, public_key_of

_AAD: Final = b"webhook/1\0%d"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSecrets:
    """What a receiver needs, and what is kept."""

    secret: str = field(repr=False)
    """For ``v1``: both sides hold it."""
    public_key: str
    """For ``v1a``: only the hub can sign."""
    kept: Sequence[str] = field(repr=False)


def make_secrets(randomness: Callable[[int], bytes]) -> NewSecrets:
    """A shared secret and a pair of keys."""
    secret, private = new_secret(randomness), new_private_key(randomness)
    return NewSecrets(secret=secret, public_key=public_key_of(private), kept=(secret, private))


def seal_secret(
    master: bytes, endpoint_no: int, secret: str, *, randomness: Callable[[int], bytes]
) -> bytes:
    """Seal one for its endpoint."""
    return wrapping.seal(
        derived_key(master, Job.WEBHOOK),
        secret.encode(),
        nonce=randomness(wrapping.NONCE_BYTES),
        aad=_AAD % endpoint_no,
    )


def open_secret(master: bytes, endpoint_no: int, sealed: bytes) -> str:
    """Open one.

    Raises:
        UnreadableError: it is another endpoint's, or sealed under another master key.
    """
    key = derived_key(master, Job.WEBHOOK)
    return wrapping.open_sealed(key, sealed, aad=_AAD % endpoint_no).decode()


def public_keys(secrets: Sequence[str]) -> list[str]:
    """The public halves of the private keys among them."""
    return [public_key_of(each) for each in secrets if each.startswith(PRIVATE)]
