"""Shared by the torture tests: for every N, the Nth call fails: an allocation, or a call for the registry, sockets,
files, services or certificates. Nothing crashes or leaks, the failure is reported, and the next attempt succeeds.
`make torture` tests every N, a usual run every STRIDEth."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.scripted import ScriptedServer
from wine.machine import Value, host

from .machine import TortureMachine

ALL = os.environ.get("TORTURE") == "all"
GOOD = ("started", "nothing-waiting", "pending")
PATIENCE = 20.0  # seconds, for a machine that has much else to do
QUIET = 0.3  # seconds in which what a round leaves to be done is done
RETRY_SECONDS = 3600  # not within this test

Hosts = Mapping[str, Mapping[str, Value]]


def strided(total: int, stride: int) -> range:
    """Returns the numbers of the calls that must fail."""
    return range(1, total + 1) if ALL else range(1, total + 1, stride)


@dataclass
class Round:
    """Hosts, and how often each node has been asked, counted by the server."""

    hosts: Hosts
    asked: Callable[[], Counter[str]]
    stride: int
    values: Mapping[str, Value]
    prepare: Callable[[TortureMachine], None] = lambda machine: None  # when the settings are written


def asked_of(server: ScriptedServer) -> Callable[[], Counter[str]]:
    return lambda: Counter(server.etrns())


class Rounds:
    """Runs rounds on a machine."""

    def __init__(self, machine: TortureMachine, round: Round) -> None:
        self.machine, self.round = machine, round
        machine.fresh({"RetrySeconds": RETRY_SECONDS, "RunAtStart": 0, **round.values}, round.hosts)
        round.prepare(machine)
        self.begin()

    def begin(self, what: str = "the service runs with its configuration") -> None:
        """Notes that the service was restarted."""
        self.told = self.machine.wait_told(lambda told: told["enabled"] and len(told["hosts"]) == len(self.round.hosts),
                                           what, PATIENCE)
        self.process = self.told["process"]

    def go(self) -> Counter[str]:
        """Runs a round to its end; returns how often each node was asked."""
        before, asked = self.told, self.round.asked()
        self.machine.ask_all()

        def ended(told: Mapping[str, Any]) -> bool:
            assert not self.machine.service.get("exception"), self.machine.service.told()
            return all(not each["asking"] and each["dequeues"] > host(before, each["name"])["dequeues"]
                       for each in told["hosts"])

        try:
            self.told = self.machine.wait_told(ended, "the round", PATIENCE)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.machine.service.told()}") from None
        return self.round.asked() - asked

    def rest(self) -> dict[str, int]:
        """Returns what is still allocated after a round."""
        time.sleep(QUIET)
        return self.machine.service.live()

    def failing(self, first: int, count: int = 1) -> bool:
        """Runs a round in which that call fails and one in which none does; returns whether the call was reached."""
        control = self.machine.service
        control.arm(first, count)
        asked = self.go()
        wait_until_true(lambda: control.get("failed") >= count, QUIET)
        control.disarm()
        told = f"{control.told()}\n{self.told['hosts']}"
        for each in self.told["hosts"]:
            for node in each["nodes"]:
                assert node["outcome"] != "none", told
                if node["outcome"] in GOOD:
                    assert asked[node["node"]] >= 1, f"a success that did not happen: {told}"
                else:
                    assert node["text"], f"a failure without a reason: {told}"
        self.clean(told)
        return control.get("failed") > 0

    def clean(self, told: str = "") -> None:
        asked = self.go()
        for each in self.told["hosts"]:
            for node in each["nodes"]:
                assert node["outcome"] in GOOD and asked[node["node"]] >= 1, f"the next round: {node}\nafter {told}"
        assert self.told["process"] == self.process


def wait_until_true(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
