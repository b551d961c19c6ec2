import asyncio
import contextlib
import ipaddress
import ssl
from pathlib import Path

import pytest
from tests.net.certificates import certificate
from tests.net.logout_receiver import running_receiver

from consentid.net import guarded
from consentid.net.guarded import make_endpoint_transport, make_public_client
from consentid.net.logout_sender import send_logout_token
from consentid.net.public_hosts import ForbiddenHostError, find_public_addresses, is_public
from consentid.net.webhook_sender import send_webhook

NOBODYS = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104 nobody binds to it: nobody is to be sent there
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "2002:7f00:1::1",
    "64:ff9b::10.0.0.1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",
]


@pytest.mark.parametrize("address", NOBODYS)
async def test_what_is_not_public_is_nobody_s_business(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    if "%" not in address:
        with pytest.raises(ForbiddenHostError):
            await find_public_addresses(address, 443)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
)
def test_what_is_public_is_public_however_it_is_wrapped(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("host", ["localhost", "0x7f000001", "2130706433", "127.1", "a..b", "x\0y"])
async def test_a_name_that_leads_here_or_nowhere_is_refused(host: str) -> None:
    with pytest.raises(ForbiddenHostError):
        await find_public_addresses(host, 443)


@pytest.mark.parametrize("host", ["localhost", "news.localhost", "127.0.0.1"])
async def test_this_machine_is_reached_with_the_switch_alone(host: str) -> None:
    with running_receiver() as receiver:
        async with make_public_client(localhost_hosts=False) as client:
            assert await send_logout_token(client, receiver.uri(host), "t") == "ConnectError"
        assert receiver.tokens == []
        async with make_public_client(localhost_hosts=True) as client:
            assert await send_logout_token(client, receiver.uri(host), "t") is None
        assert receiver.tokens == ["t"]


async def test_another_private_address_is_not_reached_even_with_the_switch() -> None:
    async with make_public_client(localhost_hosts=True) as client:
        for uri in ("https://10.0.0.1/x", "https://[::ffff:127.0.0.1]/x", "https://127.0.0.2/x"):
            assert await send_logout_token(client, uri, "t") == "ConnectError"


async def test_nothing_is_sent_in_clear() -> None:
    async with make_public_client(localhost_hosts=False) as client:
        assert await send_logout_token(client, "http://8.8.8.8/x", "t") == "ConnectError"


async def test_a_receiver_that_never_answers_is_left_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("consentid.net.logout_sender._WITHIN_S", 0.05)
    left = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        left.set()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with make_public_client(localhost_hosts=True) as client:
        told = await send_logout_token(client, f"http://127.0.0.1:{port}/", "t")
    assert told == "TimeoutError"
    await asyncio.wait_for(left.wait(), 120)
    server.close()


@pytest.mark.parametrize(("shown", "failure"), [("news.example", None), ("evil.example", "no")])
async def test_the_address_that_was_judged_is_connected_to_and_proves_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: str, failure: str | None
) -> None:
    """There is no public internet here: one look-up says that a name is at this machine."""
    file = certificate(tmp_path, shown)
    asked: list[tuple[str, int]] = []
    named: list[str | None] = []

    async def here(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["::1", "127.0.0.1"]  # nobody listens at the first

    monkeypatch.setattr(guarded, "find_public_addresses", here)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    heads: list[bytes] = []
    answered = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        answered.set()

    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(file)
    tls.sni_callback = lambda _socket, name, _context: named.append(name)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    async with make_public_client(localhost_hosts=False) as client:
        told = await send_logout_token(client, f"https://news.example:{port}/over", "t")
    if failure is None:
        await asyncio.wait_for(answered.wait(), 120)
    server.close()

    assert asked == [("news.example", port)]
    assert named == ["news.example"]
    if failure is None:
        assert told is None
        assert heads[0].startswith(b"POST /over HTTP/1.1\r\n")
        assert f"host: news.example:{port}".encode() in heads[0].lower()
    else:
        assert told == "ConnectError"
        assert heads == []


async def test_a_name_that_leads_elsewhere_at_the_second_look_up_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though a connection from the first time is still open."""
    file = certificate(tmp_path, "news.example")
    found = iter([["127.0.0.1"]])
    came: list[bytes] = []

    async def look_up(host: str, port: int) -> list[str]:
        del host, port
        try:
            return next(found)
        except StopIteration:
            msg = "the host is not at a public address"
            raise ForbiddenHostError(msg) from None

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                came.append(head)
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        writer.close()
        ended.set()

    ended = asyncio.Event()
    monkeypatch.setattr(guarded, "find_public_addresses", look_up)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(file)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    url = f"https://news.example:{server.sockets[0].getsockname()[1]}/"
    async with make_endpoint_transport(localhost_hosts=False, kept=4) as way:
        outcomes = [(await send_webhook(way, url, headers={}, body=b"")).outcome for _ in range(2)]
    await asyncio.wait_for(ended.wait(), 120)
    server.close()
    assert outcomes == ["204", "ConnectError"]
    assert len(came) == 1
