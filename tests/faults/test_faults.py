"""Every case under Wine: one host each, all asked by one service in one round, and again after the faults are gone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.certs import Authority
from lab.scripted import Script
from wine.machine import Machine, Reply, host, nodes, outcomes, servers

from .cases import all_cases
from .play import Stage

# As many sessions at once as wait for a deadline, and some: were all begun together, a busy machine would come to the events of
# each so late that hosts which are just in time were not.
SERVICE = {"TimeoutSeconds": 5, "ConnectTimeoutSeconds": 5, "SessionTimeoutSeconds": 30, "RetrySeconds": 3600,
           "MaxConnections": 60}
USUAL = {"ForceETRN": 0, "Tls": "none"}
GOOD = ("started", "nothing-waiting", "pending")
RUN_ALL = 128
PATIENCE = 180.0  # seconds, for a round of all cases on a busy machine

CASES = {name: case for name, case in all_cases().items() if case.only != "native"}
ESCAPES = [name for name in CASES if name.startswith("3.5")]


@dataclass(frozen=True)
class Size:
    """The resources of the service: its file descriptors, those that Wine's server holds for it, and memory."""

    descriptors: int
    server_descriptors: int
    kilobytes: int


@dataclass(frozen=True)
class Played:
    first: dict[str, Any]  # what etrnctl status --json said when the cases had been played
    screen: str  # and what etrnctl status showed
    sent: dict[str, list[str]]
    connected: dict[str, int]
    warnings: list[str]
    well: dict[str, Any]  # status --json after the round in which all is well
    run: Reply  # of etrnctl run, which began it
    tests: dict[str, Reply]  # etrnctl test of hosts that send escape sequences
    processes: list[int]  # of the service, at the beginning and the end
    sizes: list[Size]  # after each further round


def size(machine: Machine) -> Size:
    process = Path("/proc", str(machine.process()))
    [memory] = [line.split()[1] for line in (process / "status").read_text().splitlines() if line.startswith("VmRSS")]
    server = Path("/proc", str(machine.prefix.server()), "fd")
    return Size(len(os.listdir(process / "fd")), len(os.listdir(server)), int(memory))


def try_out(machine: Machine, stage: Stage, name: str, port: int) -> Reply:
    return machine.ctl("test", f"{stage.addresses[name]}:{port}", *stage.cases[name].nodes)


@pytest.fixture(scope="module")
def played(machine: Machine) -> Iterator[Played]:
    with Authority() as authority, servers() as serve:
        stage = Stage(CASES, authority)
        machine.trust(authority.root)
        server = serve(stage.behaviour, list(stage.addresses.values()))
        machine.fresh(SERVICE, stage.hosts(server.port))
        machine.wait_dequeues(1, timeout=PATIENCE)
        first, screen, warnings = machine.status(), machine.ctl("status").out, machine.warnings()
        processes = [machine.process()]
        sent, connected = stage.sent(server), stage.connected(server)
        server.set_script(lambda address, _: stage.behaviour(address, 1))
        tests = {name: try_out(machine, stage, name, server.port) for name in ESCAPES}

        server.set_script(Script())
        machine.configure(hosts={name: USUAL for name, case in CASES.items() if case.settings})
        run = machine.ctl("run", timeout=PATIENCE)
        well, sizes = machine.status(), []
        for rounds in (3, 4, 5):
            machine.control(RUN_ALL)
            machine.wait_dequeues(rounds, timeout=PATIENCE)
            machine.wait_told(lambda told: told["sessions"] == 0, "no session left")
            sizes.append(size(machine))
        processes.append(machine.process())
        yield Played(first, screen, sent, connected, warnings, well, run, tests, processes, sizes)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.fault(name)) for name in CASES])
def test_fault(played: Played, name: str) -> None:
    """Checks the outcome and text of each node, and that nothing unexpected was sent."""
    case = CASES[name]
    found = nodes(played.first, name)
    assert [found[node]["outcome"] for node in case.nodes] == [result.outcome for result in case.results]
    assert played.sent[name] == case.commands
    assert played.connected[name] == 1 + sum(step.kind == "again" for step in case.steps)
    for node, result in zip(case.nodes, case.results):
        check_words(found[node], result.outcome, result.code, result.words)
    assert outcomes(played.well, name) == dict.fromkeys(case.nodes, "started")
    assert host(played.well, name)["dequeues"] == 2


def check_words(facts: dict[str, Any], outcome: str, code: int | None, words: str) -> None:
    good = outcome in GOOD
    assert facts["code"] == code
    assert words in facts["text"]
    assert facts["text"].isprintable()
    assert facts["meaning"].endswith(".")
    assert bool(facts["advice"]) == (not good)
    assert facts["failing"] == (not good and outcome != "unable-to-queue")  # that one not at once


def failing(played: Played) -> set[str]:
    return {each["name"] for each in played.first["service"]["hosts"] if any(node["failing"] for node in each["nodes"])}


def test_each_host_that_fails_is_one_event(played: Played) -> None:
    assert set(played.warnings[::5]) == failing(played)  # strings of event 200
    assert all(text.isprintable() for text in played.warnings)


@pytest.mark.fault("3.5")
def test_what_a_console_shows_is_text(played: Played) -> None:
    assert played.screen.replace("\n", "").isprintable()
    assert "\\x9b2J" in played.screen  # escaped


@pytest.mark.fault("3.5")
@pytest.mark.parametrize("name", ESCAPES)
def test_what_a_transcript_shows_is_text(played: Played, name: str) -> None:
    """3.5 again, in etrnctl test, which shows every line that arrives."""
    shown = played.tests[name].out + played.tests[name].err
    assert shown.startswith("-- address ")
    assert shown.replace("\n", "").isprintable()


def test_the_round_after_shows_each_outcome_and_all_is_well(played: Played) -> None:
    assert played.run.code == 0, played.run.err
    words = " ".join(played.run.out.split())  # without the line ends of wrapping
    count = sum(len(case.nodes) for case in CASES.values())
    assert words.count(": The host has started to deliver the mail waiting for this domain. 250 Queuing started") == count


def test_it_is_the_same_process_and_it_does_not_grow(played: Played) -> None:
    before, after = played.processes
    assert before == after
    first, *others = played.sizes
    for each in others:
        assert each.descriptors <= first.descriptors
        assert each.server_descriptors <= first.server_descriptors
        assert each.kilobytes < first.kilobytes + 1024
