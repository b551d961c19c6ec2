"""Ports for servers that are told theirs before they open it."""

import errno
import itertools
import os
import socket

_FIRST = 20_000
"""Below those that a system gives away by itself, to servers that ask for any and to clients."""
_OF_A_WORKER = 1_000
_MOST_WORKERS = 8
_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_tried = itertools.count(os.getpid())


def free_port() -> int:
    """One that nobody listens on, that no other worker of this run is given, and none twice."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _MOST_WORKERS
    for number in itertools.islice(_tried, _OF_A_WORKER):
        port = _FIRST + worker * _OF_A_WORKER + number % _OF_A_WORKER
        if all(_is_free(family, address, port) for family, address in _LOOPBACK):
            return port
    raise AssertionError("all ports are taken")


def _is_free(family: socket.AddressFamily, address: str, port: int) -> bool:
    with socket.socket(family) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((address, port))
        except OSError as error:
            return family is socket.AF_INET6 and error.errno != errno.EADDRINUSE
    return True
