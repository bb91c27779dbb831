"""Hosts with fallback servers: if the first has a temporary failure, the next is asked within the same dequeue. Each
case is one host; all are asked at the same time, and once more after recovery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from lab.scripted import Close, Script, ScriptedServer, Silence, free_port, loopback

from .machine import Hold, Machine, Value, black_hole, host, nodes, outcomes, servers

NODES = ("a.example", "b.example")
RUN_ALL = 128
REFUSES, IS_A_BLACK_HOLE, HAS_NO_NAME = "refuses", "is a black hole", "has no name"  # servers that nobody plays


@dataclass(frozen=True)
class Case:
    """The behaviour of each of a host's servers, which of them answered for each node, and the outcomes."""

    servers: Sequence[Script | str]
    answered: Sequence[int]
    outcomes: Sequence[str] = ("started", "started")
    asked: Sequence[Sequence[str]] = ()  # the ETRNs of each server that is played
    failing: bool = False


FINE = Script()
DROPS = Script(ehlo=Close())
SHUTS_DOWN = Script(greeting="421 4.3.2 Shutting down")

CASES = {
    "refused": Case([REFUSES, FINE], (1, 1), asked=[NODES]),
    "black-hole": Case([IS_A_BLACK_HOLE, FINE], (1, 1), asked=[NODES]),
    "no-such-name": Case([HAS_NO_NAME, FINE], (1, 1), asked=[NODES]),
    "silent": Case([Script(greeting=Silence()), FINE], (1, 1), asked=[[], NODES]),
    "silent-at-etrn": Case([Script(etrn=Silence()), FINE], (1, 1), asked=[NODES[:1], NODES]),
    "drops": Case([DROPS, FINE], (1, 1), asked=[[], NODES]),
    "shuts-down": Case([SHUTS_DOWN, FINE], (1, 1), asked=[[], NODES]),
    "all-but-the-last": Case([SHUTS_DOWN, REFUSES, DROPS, FINE], (3, 3), asked=[[], [], NODES]),
    "for-one-node": Case([Script(etrn={NODES[1]: Close(), "*": "250 OK"}), FINE], (0, 1), asked=[NODES, NODES[1:]]),
    "works": Case([FINE, FINE], (0, 0), asked=[NODES, []]),
    "all-dead": Case([DROPS, REFUSES, SHUTS_DOWN], (2, 2), ("temporary", "temporary"), [[], []], True),
    "turned-away": Case([Script(greeting="554 no"), FINE], (0, 0), ("turned-away", "turned-away"), [[], []], True),
    "not-allowed": Case([Script(etrn="459 no"), FINE], (0, 0), ("not-allowed", "not-allowed"), [NODES, []], True),
    "busy": Case([Script(etrn="458 busy"), FINE], (0, 0), ("unable-to-queue", "unable-to-queue"), [NODES, []]),
    "refused-by-the-second": Case([DROPS, Script(etrn="554 no"), FINE], (1, 1), ("refused", "refused"), [[], NODES, []],
                                  True),
}


@dataclass(frozen=True)
class Rounds:
    """Returns the output of etrnctl status --json after each round, the address of each server, and the first round's
    record."""

    first: dict[str, Any]
    second: dict[str, Any]
    addresses: dict[str, list[str]]
    named: dict[str, list[str]]  # as status names them: with the port, where it is not the host's own
    asked: dict[str, list[str]]  # of each address
    connections: dict[str, int]
    warnings: list[str]


def played(case: Case) -> list[int]:
    return [n for n, each in enumerate(case.servers) if isinstance(each, Script)]


def host_of(addresses: Sequence[str], ports: Sequence[int]) -> dict[str, Value]:
    fallback = [f"{address}:{port}" for address, port in zip(addresses[1:], ports[1:])]
    return {"Host": addresses[0], "Port": ports[0], "Domains": NODES, "Fallback": fallback}


@pytest.fixture(scope="module")
def rounds(machine: Machine) -> Iterator[Rounds]:
    free = iter(loopback(sum(len(case.servers) for case in CASES.values())))
    addresses = {name: [next(free) for _ in case.servers] for name, case in CASES.items()}
    scripts = {addresses[name][n]: case.servers[n] for name, case in CASES.items() for n in played(case)}
    with servers() as serve, black_hole() as hole:
        server: ScriptedServer = serve(scripts, list(scripts))
        hosts, named = {}, {}
        for name, case in CASES.items():
            ports = [server.port for _ in case.servers]
            for n, each in enumerate(case.servers):
                if each == REFUSES:
                    ports[n] = free_port([addresses[name][n]])
                elif each == IS_A_BLACK_HOLE:
                    addresses[name][n], ports[n] = hole
                elif each == HAS_NO_NAME:
                    addresses[name][n] = "nothing.invalid"
            hosts[name] = host_of(addresses[name], ports)
            named[name] = [address if port == ports[0] else f"{address}:{port}"
                           for address, port in zip(addresses[name], ports)]
        machine.fresh({"TimeoutSeconds": 5, "ConnectTimeoutSeconds": 5, "RetrySeconds": 3600}, hosts)
        machine.wait_dequeues(1, timeout=30)
        first, warnings = machine.status(), machine.warnings()
        asked = {address: [c.argument for c in server.commands("ETRN") if c.address == address] for address in scripts}
        connections = {address: sum(s.address == address for s in server.sessions) for address in scripts}
        server.set_script(FINE)
        machine.control(RUN_ALL)
        machine.wait_dequeues(2, timeout=30)
        yield Rounds(first, machine.status(), addresses, named, asked, connections, warnings)


@pytest.mark.parametrize("name", CASES)
def test_the_next_server_is_asked_within_the_same_dequeue(rounds: Rounds, name: str) -> None:
    case, addresses = CASES[name], rounds.addresses[name]
    found = nodes(rounds.first, name)
    assert host(rounds.first, name)["dequeues"] == 1
    assert [found[node]["server"] for node in NODES] == [rounds.named[name][n] for n in case.answered]
    assert [found[node]["outcome"] for node in NODES] == list(case.outcomes)
    assert [rounds.asked[addresses[n]] for n in played(case)] == [list(each) for each in case.asked]
    reached = [n <= max(case.answered) for n in played(case)]
    assert [rounds.connections[addresses[n]] for n in played(case)] == [int(each) for each in reached]
    assert {found[node]["failing"] for node in NODES} == {case.failing}


def test_only_failures_of_all_servers_are_reported(rounds: Rounds) -> None:
    assert set(rounds.warnings[::5]) == {name for name, case in CASES.items() if case.failing}
    assert len(rounds.warnings) == 5 * len(set(rounds.warnings[::5]))


@pytest.mark.parametrize("name", CASES)
def test_the_first_server_is_the_first_again(rounds: Rounds, name: str) -> None:
    assert outcomes(rounds.second, name) == dict.fromkeys(NODES, "started")
    first = next(n for n, each in enumerate(CASES[name].servers) if isinstance(each, Script))
    answered = {facts["server"] for facts in nodes(rounds.second, name).values()}
    assert answered == {rounds.named[name][first]}


def test_servers_taken_away_in_mid_dequeue_leave_the_host_itself(machine: Machine) -> None:
    hold = Hold()
    with servers() as serve:
        first, second = serve(Script(greeting="421 later")), serve(Script(greeting=[hold, Close()]))
        fallback = [f"{second.address}:{second.port}", f"{second.address}:{second.port + 1}"]
        machine.fresh({"RetrySeconds": 3600}, {"isp": host_of([first.address], [first.port]) | {"Fallback": fallback}})
        hold.wait()
        first.set_script(FINE)
        machine.follow(hosts={"isp": {"Fallback": [fallback[0]]}})
        machine.follow(hosts={"isp": {"Fallback": []}})
        hold.release()
        told = machine.wait_dequeues(1)
        assert set(outcomes(told, "isp").values()) == {"lost"}
        assert len(first.sessions) == 1
