"""The demo's host names, without a name server.

Browsers and curl resolve ``*.localhost`` by themselves; Python does not.  Spec: RFC 6761 section
6.3: such names always mean this machine.
"""

import httpx2


def client(*, timeout_s: float = 15.0) -> httpx2.Client:
    """An HTTP client for the demo: loopback names, no proxies, no redirects followed."""
    return httpx2.Client(
        timeout=timeout_s, trust_env=False, event_hooks={"request": [_aim_at_loopback]}
    )


def _aim_at_loopback(request: httpx2.Request) -> None:
    """Send it to 127.0.0.1; the ``Host`` header, set before, keeps the name."""
    if request.url.host.endswith(".localhost"):
        request.url = request.url.copy_with(host="127.0.0.1")
