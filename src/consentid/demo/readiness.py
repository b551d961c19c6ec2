"""Waiting until a process answers, and saying what it said when it does not."""

import time
from typing import Final

import httpx2

from consentid.demo.errors import DemoError
from consentid.demo.processes import Child

_POLL_S: Final = 0.05
_WITHIN_S: Final = 180.0  # a process that hangs, and none on a machine that is busy


def await_ready(http: httpx2.Client, url: str, child: Child) -> None:
    """Wait until the child's readiness page answers 200.

    Raises:
        DemoError: the child ended, or is not ready in time; the message has its last words.
    """
    give_up_at = time.monotonic() + _WITHIN_S
    seen = "no answer"
    while child.is_alive and time.monotonic() < give_up_at:
        try:
            answer = http.get(url, timeout=2.0)
        except httpx2.TransportError as error:
            seen = f"{type(error).__name__}"
        else:
            if answer.is_success:
                return
            seen = f"{answer.status_code} {answer.text[:300]}"
        time.sleep(_POLL_S)
    why = "did not become ready" if child.is_alive else "ended"
    raise DemoError("not_ready", f"the {child.name} process {why} ({seen}):\n{child.last_words()}")
