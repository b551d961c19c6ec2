"""What a device calls itself, for people to tell it from another: never in clear at rest.

While its code waits it is nobody's, and sealed under a key of the hub.  Who approves takes it under
their own: from then on it goes with them, and is unreadable once their key is destroyed.  It is the
device's word and proves nothing.
"""

from typing import Final

from consentid.core.decision import SubjectId
from consentid.flows.context import Context
from consentid.flows.open_subject import OpenSubject, seal_for
from consentid.keyring import wrapping
from consentid.keyring.deriving import Job, derived_key

_WAITING: Final = b"device-name/waiting/1\0"
_OWN: Final = b"device-name/own/1\0"


def seal_waiting(context: Context, name: str, *, device_code_hash: bytes) -> bytes:
    """Seal the name of a device whose code waits."""
    return seal_for(context, _hubs_key(context), name.encode(), aad=_WAITING + device_code_hash)


def open_waiting(context: Context, sealed: bytes, *, device_code_hash: bytes) -> str:
    """The name of a device whose code waits."""
    return wrapping.open_sealed(
        _hubs_key(context), sealed, aad=_WAITING + device_code_hash
    ).decode()


def seal_own(context: Context, subject: OpenSubject, name: str) -> bytes:
    """Seal the name of a device under the key of whom it goes by."""
    return seal_for(context, subject.key, name.encode(), aad=_aad(subject.id))


def open_own(subject: OpenSubject, sealed: bytes) -> str:
    """The name of a device that goes by somebody's choices."""
    return wrapping.open_sealed(subject.key, sealed, aad=_aad(subject.id)).decode()


def _hubs_key(context: Context) -> bytes:
    return derived_key(context.keyring.master, Job.REFERENCE)


def _aad(subject: SubjectId) -> bytes:
    return _OWN + subject.bytes
