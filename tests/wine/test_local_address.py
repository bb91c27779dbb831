"""LocalAddress: the address of this computer that a host is asked from. All hosts are asked at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lab.scripted import Script

from .machine import LIVE_ADDRESS, PARAMETERS, Machine, Serve, host_at, nodes, outcomes, servers

OURS = ("127.0.0.91", "127.0.0.92")
NOT_OURS = "192.0.2.9"  # of the documentation's (RFC 5737): no computer has it


@dataclass(frozen=True)
class Round:
    status: dict[str, Any]
    peers: dict[str, set[str]]  # whom the servers of a host saw
    warnings: list[str]


@pytest.fixture(scope="module")
def asked(machine: Machine) -> Iterator[Round]:
    with servers() as serve:
        first, second, default = serve(), serve(), serve()
        fallback = serve()
        machine.fresh({"RetrySeconds": 3600}, {
            "first": host_at(first, LocalAddress=OURS[0]),
            "second": host_at(second, LocalAddress=OURS[1]),
            "default": host_at(default, LocalAddress=""),
            "not-an-address": host_at(default, LocalAddress="mx.example"),
            "not-ours": host_at(first, LocalAddress=NOT_OURS),
            "other-family": {"Host": "::1", "Port": first.port, "Domains": ["a.example"], "LocalAddress": OURS[0]},
            "fallback": {"Host": "::1", "Port": first.port, "Domains": ["a.example"], "LocalAddress": OURS[0],
                         "Fallback": [f"127.0.0.1:{fallback.port}"]}})
        machine.wait_dequeues(1)
        seen = {"first": first, "second": second, "default": default, "fallback": fallback}
        peers = {name: {session.peer for session in server.sessions} for name, server in seen.items()}
        yield Round(machine.status(), peers, machine.warnings())


def only_node(asked: Round, name: str) -> dict[str, Any]:
    return nodes(asked.status, name)["a.example"]


def test_the_server_sees_the_address_that_is_set(asked: Round) -> None:
    assert asked.peers["first"] == {OURS[0]}
    assert asked.peers["second"] == {OURS[1]}
    assert only_node(asked, "first")["outcome"] == only_node(asked, "second")["outcome"] == "started"


def test_without_one_windows_chooses(asked: Round) -> None:
    assert asked.peers["default"] == {"127.0.0.1"}
    assert only_node(asked, "default")["outcome"] == "started"


def test_what_is_no_address_is_not_used_and_reported(asked: Round) -> None:
    assert only_node(asked, "not-an-address")["outcome"] == "started"
    assert asked.warnings[:3] == [PARAMETERS + r"\Hosts\not-an-address", "LocalAddress",
                                  'found REG_SZ "mx.example"; allowed: REG_SZ, an IPv4 or IPv6 address']


def test_an_address_of_another_computer_is_a_temporary_failure_that_names_it(asked: Round) -> None:
    node = only_node(asked, "not-ours")
    assert node["outcome"] == "local"
    assert node["text"] == f"LocalAddress {NOT_OURS} is not an address of this computer"
    assert node["advice"].startswith("Check LocalAddress")
    assert node["failing"]


def test_no_address_of_the_same_family_is_left(asked: Round) -> None:
    node = only_node(asked, "other-family")
    assert node["outcome"] == "no-connection"
    assert node["text"] == f"::1 has no IPv4 address, as LocalAddress {OURS[0]} needs"


def test_the_next_server_is_asked_when_the_first_is_of_the_other_family(asked: Round) -> None:
    assert only_node(asked, "fallback")["outcome"] == "started"
    assert asked.peers["fallback"] == {OURS[0]}


def test_addresses_of_the_other_family_are_passed_over(machine: Machine, extra_hosts: bool, serve: Serve) -> None:
    if not extra_hosts:
        pytest.skip("needs a private /etc/hosts, which only root can have")
    server = serve(Script(), [LIVE_ADDRESS])
    reply = machine.ctl("test", f"v6-dead.example:{server.port}", "a.example", "--local-address", OURS[0])
    assert reply.code == 0
    assert "connecting to ::1" not in reply.out
    assert f"connecting to {LIVE_ADDRESS}" in reply.out
    assert {session.peer for session in server.sessions} == {OURS[0]}


def test_the_tool_asks_from_it_as_well(machine: Machine, serve: Serve) -> None:
    server = serve()
    assert machine.ctl("test", f"127.0.0.1:{server.port}", "a.example", "--local-address", OURS[0]).code == 0
    assert {session.peer for session in server.sessions} == {OURS[0]}
    refused = machine.ctl("test", f"127.0.0.1:{server.port}", "a.example", f"--local-address={NOT_OURS}")
    assert f"LocalAddress {NOT_OURS} is not an address of this computer" in refused.out + refused.err
    assert refused.code == 4
    wrong = machine.ctl("test", f"127.0.0.1:{server.port}", "a.example", "--local-address", "localhost")
    assert wrong.code == 7
    assert '--local-address: "localhost" is not an IP address; allowed: an IPv4 or IPv6 address' in wrong.err
    assert len(server.sessions) == 1


def test_a_host_is_added_with_it(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh()
    reply = machine.ctl("add", f"127.0.0.1:{server.port}", "a.example", "--local-address", OURS[0])
    assert reply.code == 0
    assert machine.ctl("config", "get", "LocalAddress", "--host", "127.0.0.1").out == f"{OURS[0]}\n"
    status = machine.wait_dequeues(1)
    assert outcomes(status, "127.0.0.1") == {"a.example": "started"}
    assert {session.peer for session in server.sessions} == {OURS[0]}
