"""Ports and addresses of 127.0.0.0/8 for servers of tests.

A port comes from below the range that the system takes for outgoing connections: one from within that range, free now, may
be the local port of somebody's connection a moment later, and then the server that it was meant for cannot listen.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import ipaddress
import random
import socket
from collections.abc import Sequence
from pathlib import Path

LOWEST = 10240  # what is below belongs to known services
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
TRIES = 1000

_reserved: list[socket.socket] = []


def port_range() -> range:
    """The ports to choose from."""
    first, _ = map(int, EPHEMERAL.read_text().split())
    return range(LOWEST, first) if first >= LOWEST + TRIES else range(LOWEST, 65536)


def loopback(count: int) -> list[str]:
    """127.0.0.1, 127.0.0.2 and so on."""
    first = ipaddress.IPv4Address("127.0.0.1")
    return [str(first + n) for n in range(count)]


def _bind(address: str, port: int, shared: bool) -> socket.socket:
    """A socket bound to the port; when it is not shared, no other socket of any program is."""
    each = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        if each.family == socket.AF_INET6:
            each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, shared)
        each.bind((address, port))
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return each
    except BaseException:
        each.close()
        raise


def bind(addresses: Sequence[str], port: int = 0) -> list[socket.socket]:
    """Sockets bound to one port of all the addresses; port 0 finds one that no program uses on any of them."""
    for candidate in [port] if port else random.sample(port_range(), TRIES):
        with contextlib.ExitStack() as unless_all:
            try:
                sockets = [unless_all.enter_context(_bind(address, candidate, bool(port))) for address in addresses]
                unless_all.pop_all()
                return sockets
            except OSError as error:
                if port or error.errno != errno.EADDRINUSE:
                    raise
    raise OSError(errno.EADDRINUSE, f"no port is free on all of {len(addresses)} addresses")


def listen(addresses: Sequence[str], port: int = 0, backlog: int = 4096) -> list[socket.socket]:
    """Sockets listening on one port of all the addresses; port 0 finds one that no program uses on any of them."""
    sockets = bind(addresses, port)
    try:
        for each in sockets:
            each.listen(backlog)
        return sockets
    except BaseException:
        for each in sockets:
            each.close()
        raise


def own_network() -> str:
    """The first three octets of a loopback network that no other test run is given until this program ends: for servers that
    must have a known port."""
    for _ in range(TRIES):
        candidate = f"127.{random.randrange(64, 128)}.{random.randrange(256)}"
        with contextlib.suppress(OSError):
            _reserved.append(_bind(f"{candidate}.254", LOWEST, False))
            return candidate
    raise OSError(errno.EADDRINUSE, "no network of 127.0.0.0/8 is free")


def free_port(addresses: Sequence[str] = ("127.0.0.1",)) -> int:
    """A port on which nothing listens: for a server that is started later, or a host that is down. It is bound until this
    program ends, so that nobody else is given it; a server that sets SO_REUSEADDR, as all here do, can listen there."""
    sockets = bind(addresses)
    _reserved.extend(sockets)
    return sockets[0].getsockname()[1]


@atexit.register
def _release() -> None:
    while _reserved:
        _reserved.pop().close()
