"""HTTP to the demo's own hosts, whose names Python does not resolve."""

import httpx2

from consentid.verify import LocalhostTransport


def client(*, timeout_s: float = 15.0) -> httpx2.Client:
    """An HTTP client for the demo: ``*.localhost`` is this machine, no proxies, no redirects."""
    return httpx2.Client(transport=LocalhostTransport(), timeout=timeout_s, trust_env=False)
