import asyncio
import logging
import socket

import pytest
from tests.ports import free_port
from tests.telemetry.scraping import address_in, scrape, value

from consentid.settings import SettingsError
from consentid.telemetry import exposure
from consentid.telemetry.exposure import exposing
from consentid.telemetry.families import gauge, registry_of

REGISTRY = registry_of(lambda: [gauge("answer", "An answer.", 42)])


def taken() -> socket.socket:
    """A port that nobody else is given when we let go of it."""
    return socket.create_server(("127.0.0.1", free_port()))


def port_of(listening: socket.socket) -> int:
    return listening.getsockname()[1]


async def test_it_answers_on_the_first_port_that_is_free(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "consentid.telemetry")
    with taken() as mine, taken() as other:
        free = port_of(other)
        other.close()
        async with exposing(REGISTRY, host="127.0.0.1", ports=[port_of(mine), free]):
            assert address_in(caplog.text) == f"http://127.0.0.1:{free}/metrics"
            assert value(scrape(f"http://127.0.0.1:{free}/metrics"), "answer") == 42
    with socket.create_server(("127.0.0.1", free)):
        pass  # it was given back


async def test_where_none_is_free_it_goes_on_and_tries_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "consentid.telemetry")
    monkeypatch.setattr(exposure, "_RETRY_S", 0.01)
    with taken() as draining:
        port = port_of(draining)
        async with exposing(REGISTRY, host="127.0.0.1", ports=[port]):
            assert "no metrics yet" in caplog.text
            draining.close()
            async with asyncio.timeout(120):
                while "metrics at" not in caplog.text:  # noqa: ASYNC110 - a log sets no event
                    await asyncio.sleep(0.01)
            assert value(scrape(f"http://127.0.0.1:{port}/metrics"), "answer") == 42


async def test_an_address_that_this_machine_has_not_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError) as caught:
        async with exposing(REGISTRY, host="192.0.2.1", ports=[0]):
            raise AssertionError
    assert caught.value.where == "metrics_host"
