"""What the tests of the keyring share."""

import os
import secrets
from pathlib import Path

import pytest
from tests.tokens.making import AUDIENCE, ISSUER, NOW, claims, consent

from consentid.keyring.generating import Generated, generate
from consentid.keyring.loading import Keyring
from consentid.keyring.manifest import Use
from consentid.keyring.rotating import Rotated, rotate
from consentid.kit.instants import HOUR, SECOND, Instant
from consentid.tokens import verifying

START = Instant(NOW * SECOND)


def again(folder: Path) -> Generated:
    return generate(folder, now=START, randomness=secrets.token_bytes)


def rotated(folder: Path, *, hours: int = 1, force: bool = False) -> Rotated:
    return rotate(folder, now=Instant(START + hours * HOUR), force=force)


def issue(keyring: Keyring) -> str:
    key = keyring.active(Use.CONSENT)
    signing_input = consent.unsigned(claims(), key.kid)
    return consent.assemble(signing_input, key.sign(signing_input))


def verifies(token: str, keyring: Keyring) -> bool:
    found = verifying.verify(
        token, keys=keyring.verifying_keys(), issuer=ISSUER, audience=AUDIENCE, now_s=NOW
    )
    return isinstance(found, verifying.Verified)


def published(keyring: Keyring) -> set[str]:
    return {key["kid"] for key in keyring.public_jwks()["keys"]}


class CrashError(Exception):
    """What a test raises in place of a power cut."""


def crash_at(monkeypatch: pytest.MonkeyPatch, step: int, *, after: bool) -> list[int]:
    """Raise at the n-th file operation, before it is done or once it is."""
    count = [0]
    for owner, name in (
        (os, "link"),
        (os, "fsync"),
        (Path, "rename"),
        (Path, "unlink"),
    ):
        real = getattr(owner, name)

        def counted(*args: object, _real: object = real, **named: object) -> object:
            count[0] += 1
            assert callable(_real)
            if count[0] == step and not after:
                raise CrashError
            answer = _real(*args, **named)
            if count[0] == step:
                raise CrashError
            return answer

        monkeypatch.setattr(owner, name, counted)
    return count
