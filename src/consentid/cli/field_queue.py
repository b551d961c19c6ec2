"""A capture device in a file: its key, its kit, and the queue of what it captured.

The file is the device: whoever has it signs in its name, so it is the owner's alone to read.  It
is written whole or not at all, before anything is sent, so a device that is cut off at any point
goes on with what it has.  Two copies of one file fork the chain; the hub refuses the later half.
"""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Final, Literal

import msgspec

from consentid.keyring import signing
from consentid.keyring.manifest import Algorithm
from consentid.keyring.signing import SigningKey
from consentid.kit import base64url
from consentid.kit.errors import MalformedError, NotFoundError
from consentid.tokens import capture_bundle
from consentid.tokens.capture_bundle import BundleClaims, EntryClaim
from consentid.tokens.device_proof import ENROLLING

_ON_THE_WAY: Final = ("queued", "waiting")


class Queued(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One bundle, and what the hub said of it."""

    seq: int
    text: str
    """As it is sent; empty once it is recorded."""
    state: Literal["queued", "waiting", "recorded", "refused"] = "queued"
    why: str | None = None
    captures: dict[str, str] = {}
    """Capture ids, by the device's own names for its entries."""


class Queue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The device."""

    hub: str
    issuer: str
    key: str
    """Private, PEM."""
    code: str | None = None
    """While it enrols."""
    device: str | None = None
    name: str = ""
    kit: str | None = None
    sync: str | None = None
    head: str = ""
    bundles: tuple[Queued, ...] = ()

    def signing_key(self) -> SigningKey:
        """Its key."""
        return signing.from_pem(self.device or ENROLLING, Algorithm.ES256, self.key.encode())

    def unsent(self) -> tuple[Queued, ...]:
        """What the hub has not recorded or refused yet."""
        return tuple(each for each in self.bundles if each.state in _ON_THE_WAY)

    def last(self) -> int:
        """The number of the last bundle."""
        return self.bundles[-1].seq if self.bundles else 0


def new_queue(*, hub: str, issuer: str, code: str) -> Queue:
    """A device that has a key and no name yet."""
    key = signing.to_pem(signing.generate(Algorithm.ES256)).decode()
    return Queue(hub=hub, issuer=issuer, key=key, code=code)


def enrolled(queue: Queue, device: str, name: str) -> Queue:
    """The device once it knows its name, at the beginning of its chain."""
    head = base64url.encode(capture_bundle.first_digest(device))
    return msgspec.structs.replace(queue, device=device, name=name, code=None, head=head)


def append(queue: Queue, *entries: EntryClaim) -> Queue:
    """Sign a bundle of entries, and put it at the end of the chain.

    Raises:
        MalformedError: the device has no kit yet.
    """
    if queue.device is None or queue.sync is None:
        raise MalformedError("no_kit", "sync first: this device has no kit yet")
    seq = queue.last() + 1
    unsigned = capture_bundle.unsigned(
        BundleClaims(
            aud=queue.issuer, seq=seq, prev=queue.head, sync=queue.sync, entries=list(entries)
        ),
        queue.device,
    )
    text = capture_bundle.assemble(unsigned, queue.signing_key().sign(unsigned))
    return msgspec.structs.replace(
        queue,
        head=base64url.encode(capture_bundle.digest_of(text)),
        bundles=(*queue.bundles, Queued(seq=seq, text=text)),
    )


@contextlib.contextmanager
def alone(path: Path) -> Generator[None]:
    """Nobody else reads or changes the device meanwhile; whoever comes waits.

    Else a capture during a sync would be written over by what the sync had read before it.

    Raises:
        NotFoundError: there is no such folder, or nothing can be written in it.
    """
    lock = path.with_name(f".{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise NotFoundError("no_queue", f"{lock}: {error.strerror}", where="--queue") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def read_queue(path: Path) -> Queue:
    """The device in a file.

    Raises:
        NotFoundError: there is none.
        MalformedError: it is no such file.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Queue)
    except FileNotFoundError as error:
        raise NotFoundError("no_queue", f"{path} is not there: `consentid field join`") from error
    except ValueError as error:
        raise MalformedError("bad_queue", f"{path} is no capture device") from error


def write_queue(path: Path, queue: Queue) -> None:
    """Keep the device, whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "wb") as file:  # mode 600, by mkstemp
        file.write(msgspec.json.encode(queue))
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).rename(path)
