"""Take what capture devices bring: late, twice, out of order, in part; nothing lost or double.

A bundle is known by the digest of what its device signed.  One whose signature holds is kept first
and recorded then, in the order of its device's chain (``record_bundles``): so one that comes before
its turn *waits*, and what waits needs nobody to send it again.  Whatever is broken off in between,
the next call goes on from there.

A bundle of a device that was revoked before it came is kept as evidence and has no effect.  One
that nobody can vouch for (cut short, forged, of no device of ours) is refused and not kept.  Of
what has no place in its chain only so many are kept: who has a device's key, and makes numbers and
forks up, fills no disk.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from consentid.cache.limits import Limit
from consentid.flows.context import Context
from consentid.flows.field_keys import key_of
from consentid.flows.record_bundles import record_bundles
from consentid.keyring import wrapping
from consentid.keyring.deriving import Job, derived_key
from consentid.kit import base64url
from consentid.store import clock, field_bundles, field_devices
from consentid.store.field_bundles import BundleState, NewBundle, Outcome
from consentid.store.field_devices import FieldDevice
from consentid.telemetry.tracing import step
from consentid.tokens import capture_bundle
from consentid.tokens.capture_bundle import BundleClaims
from consentid.tokens.reasons import Inactive, Reason

MAX_BUNDLES: Final = 64
"""In one call."""
MOST_LOOSE: Final = 16_384
"""Bundles of one device that wait or were refused; of more only the next of its chain is kept."""
_CALLS: Final = Limit(name="bundles", most=1_200, window_s=60)
"""Of one device."""


class CapturedOut(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an entry."""

    entry: str
    """The device's name for it."""
    capture: str
    """The capture's id."""


class BundleOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a bundle."""

    state: BundleState
    seq: int | None = None
    waiting_for: int | None = None
    """The number of the first that is missing."""
    why: str | None = None
    """Of one that is refused."""
    is_kept: bool = True
    """Whether it is here, so that nobody needs to send it again."""
    captures: Sequence[CapturedOut] = ()


class BundlesOut(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each, in the order in which they were sent."""

    bundles: Sequence[BundleOut]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """A bundle whose signature holds."""

    text: str
    digest: bytes
    claims: BundleClaims


@step("take_bundles")
async def take_bundles(context: Context, unverified: Sequence[str], *, now_s: float) -> BundlesOut:
    """Keep what is signed by a device of ours, and record all whose turn it is.

    Raises:
        RateLimitedError: a device calls too often.
        UnavailableError: the database cannot be reached; what was kept stays kept.
    """
    unverified_devices = [capture_bundle.device_of(each) for each in unverified]
    answers: list[BundleOut | None] = [
        _refused(each.reason) if isinstance(each, Inactive) else None for each in unverified_devices
    ]
    named = {each for each in unverified_devices if isinstance(each, str)}
    for name in sorted(named):
        places = [place for place, each in enumerate(unverified_devices) if each == name]
        texts = [unverified[place] for place in places]
        found = await _take_of_device(context, name, texts, now_s=now_s)
        for place, answer in zip(places, found, strict=True):
            answers[place] = answer
    return BundlesOut(bundles=[each for each in answers if each is not None])


async def _take_of_device(
    context: Context, unverified_device: str, unverified: Sequence[str], *, now_s: float
) -> list[BundleOut]:
    async with context.database.glancing() as connection:
        device = await field_devices.find(connection, unverified_device)
        issuer = (await context.book(connection)).group.issuer
    if device is None or device.public_key is None:
        return [_refused("device_unknown")] * len(unverified)
    opened = [_open(each, device, device.public_key, issuer) for each in unverified]
    signed = {each.digest: each for each in opened if isinstance(each, _Signed)}
    if not signed:
        return [each for each in opened if isinstance(each, BundleOut)]
    await context.limiter.check(_CALLS, device.id, now_s=now_s)
    await _keep(context, device.id, list(signed.values()))
    await record_bundles(context, device.id)
    told = await _tell(context, device.id, signed)
    return [each if isinstance(each, BundleOut) else told[each.digest] for each in opened]


def _open(
    unverified: str, device: FieldDevice, public_key: bytes, issuer: str
) -> _Signed | BundleOut:
    found = capture_bundle.open_bundle(unverified, device.id, key_of(public_key))
    if isinstance(found, Inactive):
        return _refused(found.reason)
    if found.claims.aud != issuer:
        return _refused(Reason.WRONG_AUDIENCE)
    digest = capture_bundle.digest_of(unverified)
    return _Signed(text=unverified, digest=digest, claims=found.claims)


async def _keep(context: Context, device: str, signed: Sequence[_Signed]) -> None:
    async with context.database.writing() as connection:
        found = await field_devices.find(connection, device, lock=True)
        if found is None:
            return
        is_revoked = found.revoked_at is not None
        signed = await _with_room(connection, found, signed)
        now = await clock.now(connection)
        await field_bundles.keep(
            connection,
            device,
            [
                NewBundle(
                    digest=each.digest,
                    seq=each.claims.seq,
                    sealed=wrapping.seal(
                        derived_key(context.keyring.master, Job.FIELD_BUNDLE),
                        each.text.encode(),
                        nonce=context.randomness(wrapping.NONCE_BYTES),
                        aad=each.digest,
                    ),
                    state=BundleState.REFUSED if is_revoked else BundleState.WAITING,
                    why="device_revoked" if is_revoked else None,
                )
                for each in signed
            ],
            at=now,
        )


async def _with_room(
    connection: AsyncConnection, device: FieldDevice, signed: Sequence[_Signed]
) -> Sequence[_Signed]:
    """Those that may be kept, the earliest where not all may; the next of its chain always may."""
    room = MOST_LOOSE - await field_bundles.loose(connection, device.id)
    if len(signed) <= room:
        return signed
    known = await field_bundles.outcomes(connection, device.id, [each.digest for each in signed])
    new = sorted(
        (each for each in signed if each.digest not in known), key=lambda each: each.claims.seq
    )
    following = (
        each
        for each in new
        if each.claims.seq == device.head_seq + 1
        and base64url.decode(each.claims.prev) == device.head
    )
    return new[: max(0, room)] or [*islice(following, 1)]


async def _tell(
    context: Context, device: str, signed: Mapping[bytes, _Signed]
) -> Mapping[bytes, BundleOut]:
    """As it stands once it has committed; what there was no room for waits with its device."""
    ids = {entry.id for each in signed.values() for entry in each.claims.entries}
    async with context.database.reading() as connection:
        found = await field_devices.find(connection, device)
        outcomes = await field_bundles.outcomes(connection, device, list(signed))
        captures = await field_bundles.captures_of(
            connection, device, [base64url.decode(each) for each in ids]
        )
    missing = 1 if found is None else found.head_seq + 1
    return {
        digest: _answer(
            each.claims,
            outcomes.get(digest),
            missing=missing,
            captures=[
                CapturedOut(entry=entry.id, capture=str(captures[base64url.decode(entry.id)]))
                for entry in each.claims.entries
                if digest in outcomes and outcomes[digest].state is BundleState.RECORDED
            ],
        )
        for digest, each in signed.items()
    }


def _answer(
    claims: BundleClaims,
    outcome: Outcome | None,
    *,
    missing: int,
    captures: Sequence[CapturedOut],
) -> BundleOut:
    state = BundleState.WAITING if outcome is None else outcome.state
    return BundleOut(
        state=state,
        seq=claims.seq,
        waiting_for=missing if state is BundleState.WAITING else None,
        why=None if outcome is None else outcome.why,
        is_kept=outcome is not None,
        captures=captures,
    )


def _refused(why: str) -> BundleOut:
    return BundleOut(state=BundleState.REFUSED, why=why, is_kept=False)
