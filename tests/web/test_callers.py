from typing import Any

import pytest
from litestar.connection import ASGIConnection

from consentid.web.callers import neighbourhood_of, network_of


def calling_from(address: str | None) -> ASGIConnection[Any, Any, Any, Any]:
    client = None if address is None else (address, 5_000)
    scope: Any = {"type": "http", "client": client, "headers": [], "path": "/", "state": {}}
    return ASGIConnection(scope)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("a-socket", "a-socket"),
        (None, "unknown"),
    ],
)
def test_one_holder_of_many_addresses_counts_as_one(address: str | None, network: str) -> None:
    assert network_of(calling_from(address)) == network


@pytest.mark.parametrize(
    ("address", "neighbourhood"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        (None, "unknown"),
    ],
)
def test_neighbours_share_the_beginning_of_their_addresses(
    address: str | None, neighbourhood: str
) -> None:
    assert neighbourhood_of(calling_from(address)) == neighbourhood
