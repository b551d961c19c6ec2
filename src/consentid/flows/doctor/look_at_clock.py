"""Whether our clock, the database's and the world's agree."""

from collections.abc import Callable, Iterator, Sequence
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2

from consentid.flows.doctor.finding import Finding, unknown, unsafe, warning

_OFF_S: Final = 1.0
_TOO_FAR_S: Final = 5.0
"""What is allowed to the clocks of portals and clients."""
_SECOND: Final = 1.0
"""The finest that a Date header says."""


def judge_skew(
    code: str, place: str, *, theirs_s: float, before_s: float, after_s: float, fine_s: float = 0.0
) -> Iterator[Finding]:
    """Hold a clock that was read between two instants of ours against ours; ``fine_s``: its grain.

    Only what the time of asking and the grain do not explain counts.
    """
    early_s = before_s - theirs_s - fine_s
    late_s = theirs_s - after_s
    skew_s = max(early_s, late_s)
    if skew_s > _OFF_S:
        tell = unsafe if skew_s > _TOO_FAR_S else warning
        way = "behind" if late_s > early_s else "ahead of"
        yield tell(
            code,
            place,
            f"this machine's clock is {skew_s:.1f} s {way} it: tokens begin or end at the wrong"
            " time, and portals' tokens are refused",
            "let every machine take its time from the same source (NTP)",
        )


async def look_at_world(
    client: httpx2.AsyncClient, address: str, clock: Callable[[], float]
) -> Sequence[Finding]:
    """Hold the time that a server tells (its Date header) against ours."""
    before_s = clock()
    try:
        response = await client.head(address)
        theirs_s = parsedate_to_datetime(response.headers["date"]).timestamp()
    except (httpx2.HTTPError, httpx2.InvalidURL, KeyError, ValueError):
        return [
            unknown(
                "clock.unread",
                address,
                "no time came from there",
                "name an https address that answers, such as your portal's",
            )
        ]
    return [
        *judge_skew(
            "clock.world",
            address,
            theirs_s=theirs_s,
            before_s=before_s,
            after_s=clock(),
            fine_s=_SECOND,
        )
    ]
