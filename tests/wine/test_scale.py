"""A thousand hosts with ten nodes each, of which every tenth does not answer, not even to connections."""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.scripted import Script, ScriptedServer, Silence, loopback

from .machine import STOP_LIMIT, Machine, Serve, Value, black_hole, host_at, outcomes, wait_until

HOSTS, NODES = 1000, [f"{n}.example" for n in range(10)]
PATIENCE = 60.0  # seconds, for a machine that has much else to do
MEMORY_LIMIT = 16 * 1024  # octets for an open session


@dataclass(frozen=True)
class Crowd:
    """The addresses of all hosts, and the port of those that do not answer."""

    live: list[str]
    dead: list[str]
    hole: int

    def hosts(self, port: int, **more: Value) -> dict[str, dict[str, Value]]:
        """Returns their settings; `port` is that of the hosts that answer."""
        ports = dict.fromkeys(self.live, port) | dict.fromkeys(self.dead, self.hole)
        return {address: {"Port": ports[address], "Domains": NODES, **more} for address in ports}


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    addresses = loopback(HOSTS)
    dead = addresses[::10]
    with black_hole("0.0.0.0") as (_, hole):
        yield Crowd([each for each in addresses if each not in set(dead)], dead, hole)


def most_at_once(server: ScriptedServer) -> int:
    """Returns the largest number of simultaneous sessions of one address."""
    changes = sorted([(each.opened, 1, each.address) for each in server.sessions] +
                     [(each.closed, -1, each.address) for each in server.sessions if each.closed])
    now: Counter[str] = Counter()
    most = 0
    for _, change, address in changes:
        now[address] += change
        most = max(most, now[address])
    return most


def private_memory(pid: int) -> int:
    """Returns the private memory of the process in octets."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return 1024 * int(re.search(r"Private_Dirty: +(\d+)", rollup)[1])


def tell_all(machine: Machine, sessions: int) -> None:
    """Returns once status.json shows that many sessions."""
    pattern = f'"sessions": {sessions},'
    wait_until(lambda: pattern in machine.status_file.read_text()[:1000], f"{sessions} sessions in status.json", PATIENCE)


def test_no_live_host_waits_for_a_dead_one_and_limits_hold(machine: Machine, serve: Serve, crowd: Crowd) -> None:
    most, each, batch = 1500, 2, 4
    server = serve(Script(delay=0.2), crowd.live)
    values = {"MaxConnections": most, "ConnectTimeoutSeconds": 300}
    machine.fresh(values, crowd.hosts(server.port, ConnectionsPerHost=each, EtrnsPerConnection=batch))
    wanted = len(crowd.live) * len(NODES)
    wait_until(lambda: len(server.etrns()) >= wanted, "every live host asked", PATIENCE)
    tell_all(machine, each * len(crowd.dead))  # which still wait for the first connection
    told = machine.told()
    for address in crowd.live:
        assert outcomes(told, address) == dict.fromkeys(NODES, "started")
    for address in crowd.dead:
        assert outcomes(told, address) == dict.fromkeys(NODES, "none")
    asked = Counter((command.address, command.argument) for command in server.commands("ETRN"))
    assert asked == Counter((address, node) for address in crowd.live for node in NODES)
    assert most / 2 < server.max_open <= most
    assert most_at_once(server) == each
    sizes = {sum(command.verb == "ETRN" for command in session.commands) for session in server.sessions}
    assert sizes == {batch, len(NODES) % batch}
    machine.stop()


def test_memory_of_open_sessions_and_stop_while_they_are_open(machine: Machine, serve: Serve, crowd: Crowd) -> None:
    server = serve(Script(etrn=Silence()), crowd.live)
    values = {"AlwaysUseETRN": 0, "MaxConnections": HOSTS, "ConnectTimeoutSeconds": 300}
    machine.fresh(values, crowd.hosts(server.port, EtrnsPerConnection=len(NODES)))
    tell_all(machine, 0)
    pid = machine.process()
    before = private_memory(pid)
    machine.configure({"AlwaysUseETRN": 1})
    wait_until(lambda: len(server.etrns()) == len(crowd.live), "every live host asked", PATIENCE)
    tell_all(machine, HOSTS)
    each = (private_memory(pid) - before) / HOSTS
    print(f"{each / 1024:.1f} KiB for each session")
    assert 0 < each <= MEMORY_LIMIT

    assert machine.begin_stop().seconds(PATIENCE) < STOP_LIMIT
    wait_until(lambda: server.open_count() == 0, "all sessions closed at the server", 5)


def test_a_reply_in_time_counts_though_the_service_was_held_up(machine: Machine, serve: Serve) -> None:
    server = serve(Script(delay=0.3))
    machine.fresh({"TimeoutSeconds": 5}, {"isp": host_at(server)})
    server.wait_for(1)
    pid = machine.process()
    os.kill(pid, signal.SIGSTOP)
    time.sleep(5.5)
    os.kill(pid, signal.SIGCONT)
    assert outcomes(machine.wait_dequeues(1), "isp") == {"a.example": "started"}
