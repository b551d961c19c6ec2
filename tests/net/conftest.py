from collections.abc import Iterator

import pytest
from tests.net.portal_server import PortalServer, running_portal


@pytest.fixture
def portal() -> Iterator[PortalServer]:
    """A portal of this test's own."""
    with running_portal() as running:
        yield running
