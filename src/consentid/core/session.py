"""What holds in a signed-in session on a device that has choices of its own.

Invariants: signing in and out changes neither projection; the session never says yes where the
account says no; without a device's choices the session says what the account says.

Spec: consent-rules, Identity; CNIL deliberation 2025-131 on multi-device consent.
"""

from collections.abc import Mapping
from typing import assert_never

import msgspec

from consentid.core.catalogue import Catalogue, offered
from consentid.core.identity import Policy
from consentid.core.party import Party
from consentid.core.projection import Projection
from consentid.core.purpose import PurposeId
from consentid.core.resolution import Resolution, State, resolve
from consentid.kit.instants import Instant


def resolve_session(
    account: Projection,
    device: Projection | None,
    policy: Policy,
    catalogue: Catalogue,
    asked: Party,
    *,
    purpose: PurposeId,
    now: Instant,
    adult: bool,
) -> Resolution:
    """Say what holds while an account is signed in on a device.

    ``device`` is the device's own projection, None where it has none.  Signed out, the device's
    projection is resolved alone.  Under ``newest_prevails`` the account is taken to have adopted
    the device's choices at sign-in.
    """
    by_account = resolve(account, catalogue, asked, purpose, now, adult=adult)
    if device is None:
        return by_account
    match policy:
        case Policy.NEWEST_PREVAILS:
            return by_account
        case Policy.ACCOUNT_PREVAILS:
            if by_account.answered:
                return by_account
            on_device = resolve(device, catalogue, asked, purpose, now, adult=adult)
            return on_device if on_device.state is State.OBJECTED else by_account
        case Policy.MOST_PROTECTIVE:
            on_device = resolve(device, catalogue, asked, purpose, now, adult=adult)
            return _most_protective(by_account, on_device)
        case _:
            assert_never(policy)


def resolve_session_all(
    account: Projection,
    device: Projection | None,
    policy: Policy,
    catalogue: Catalogue,
    asked: Party,
    *,
    now: Instant,
    adult: bool,
) -> Mapping[PurposeId, Resolution]:
    """Say what holds in a session for every purpose that one party offers."""
    return {
        purpose: resolve_session(
            account, device, policy, catalogue, asked, purpose=purpose, now=now, adult=adult
        )
        for purpose in offered(catalogue, asked)
    }


def _most_protective(by_account: Resolution, on_device: Resolution) -> Resolution:
    """A refusal that stands on the device is a no, however old, and asking would not lift it."""
    if not on_device.standing:
        return by_account
    if not by_account.permitted:
        return msgspec.structs.replace(by_account, is_askable=False)
    state = on_device.state if on_device.state in _STANDING else State.REFUSED
    return Resolution(
        state=state,
        speaking=on_device.standing,
        in_doubt=on_device.in_doubt,
        answered=True,
    )


_STANDING = frozenset({State.REFUSED, State.WITHDRAWN, State.OBJECTED})
