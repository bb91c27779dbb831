"""1. Connect: hosts that cannot be reached, or only at another of their addresses. All are asked at the same time,
and, where possible, once more when a server answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lab.scripted import Delay, Reset, Script, free_port
from wine.machine import LIVE_ADDRESS, Machine, black_hole, host, nodes, outcomes, servers

NODES = ("a.example", "b.example")
SETTINGS = {"ConnectTimeoutSeconds": 5, "TimeoutSeconds": 5, "RetrySeconds": 3600}


def fault(clause: str, *values: str) -> Any:
    return pytest.param(*values, marks=pytest.mark.fault(clause), id=values[0])


# The host's key, the outcome and words of the text.
UNREACHABLE = [
    fault("1.1", "refused", "no-connection", "refused"),
    fault("1.2", "black-hole", "no-connection", "no reply"),
    fault("1.3", "reset", "lost", "the host"),
    fault("1.4", "no-such-name", "no-address", "nothing.invalid"),
    fault("1.5", "servfail", "no-address", "servfail.example"),
    fault("1.5", "silent", "no-address", "silent.example"),
    fault("1.6", "both-dead", "no-connection", "refused"),
]
REACHABLE = [fault("1.6", "dead-first"), fault("1.6", "dead-last"), fault("1.7", "v6-dead"), fault("1.7", "v6-unreachable")]
WELL_AFTERWARDS = [fault("1.1", "refused"), fault("1.2", "black-hole"), fault("1.3", "reset")]


@dataclass(frozen=True)
class Rounds:
    first: dict[str, Any]
    second: dict[str, Any]
    transcript: str  # of etrnctl test of the name whose IPv6 address is dead


@pytest.fixture(scope="module")
def rounds(machine: Machine, extra_hosts: bool) -> Iterator[Rounds]:
    if not extra_hosts:
        pytest.skip("needs a private /etc/hosts, which only root can have")
    with servers() as serve:
        closed = free_port()
        live = serve(Script(), [LIVE_ADDRESS])
        resets = serve(Script(greeting=[Delay(0.2), Reset()]))  # at once, and Wine may find that it never connected
        hosts = {"refused": {"Host": "127.0.0.1", "Port": closed}, "no-such-name": {"Host": "nothing.invalid"},
                 "reset": {"Host": resets.address, "Port": resets.port},
                 "both-dead": {"Host": "both-dead.example", "Port": live.port}}
        hosts |= {name: {"Host": f"{name}.example"} for name in ("servfail", "silent")}
        hosts |= {param.id: {"Host": f"{param.id}.example", "Port": live.port} for param in REACHABLE}
        with black_hole() as hole:
            hosts["black-hole"] = {"Host": hole[0], "Port": hole[1]}
            machine.fresh(SETTINGS, {name: values | {"Domains": NODES} for name, values in hosts.items()})
            machine.wait_dequeues(1, timeout=30)
        first = machine.status()
        transcript = machine.ctl("test", f"v6-dead.example:{live.port}", *NODES).out
        resets.set_script(Script())
        serve(Script(), port=closed)
        serve(Script(), [hole[0]], hole[1])
        machine.control(128)
        machine.wait_dequeues(2, timeout=30)
        yield Rounds(first, machine.status(), transcript)


@pytest.mark.parametrize("name, outcome, words", UNREACHABLE)
def test_hosts_that_cannot_be_reached(rounds: Rounds, name: str, outcome: str, words: str) -> None:
    for facts in nodes(rounds.first, name).values():
        assert facts["outcome"] == outcome, facts
        assert words in facts["text"].lower()
        assert facts["meaning"].endswith(".") and facts["advice"].endswith(".")
        assert facts["failing"] and facts["code"] is None


@pytest.mark.parametrize("name", REACHABLE)
def test_one_of_two_addresses_is_dead(rounds: Rounds, name: str) -> None:
    assert outcomes(rounds.first, name) == dict.fromkeys(NODES, "started")


@pytest.mark.fault("1.7")
def test_ipv6_was_tried_first(rounds: Rounds) -> None:
    assert "connecting to ::1" in rounds.transcript
    assert rounds.transcript.index("connecting to ::1") < rounds.transcript.index(f"connecting to {LIVE_ADDRESS}")


@pytest.mark.parametrize("name", WELL_AFTERWARDS)
def test_the_next_round_is_unharmed(rounds: Rounds, name: str) -> None:
    assert outcomes(rounds.second, name) == dict.fromkeys(NODES, "started")
    assert host(rounds.second, name)["dequeues"] == 2
