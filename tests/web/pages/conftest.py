from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest
from tests.web.hub import Hub
from tests.web.pages.visits import Arrive, Visit


@pytest.fixture
def arrive(hub: Hub) -> Iterator[Arrive]:
    """Send somebody to the hub in a browser of their own."""
    with ExitStack() as browsers:

        def begin(**parameters: str) -> Visit:
            http = httpx2.Client(base_url=hub.url, headers={"Accept": "text/html,*/*;q=0.8"})
            return Visit.begin(hub, browsers.enter_context(http), **parameters)

        yield begin
