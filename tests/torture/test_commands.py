"""etrnctl's commands while one call fails: each succeeds or reports its failure, and never crashes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from wine.machine import Reply, host_at, servers

from .machine import BELOW_MACHINE, KEPT, TortureMachine
from .rounds import Round, Rounds, asked_of, strided

BACKUP = r"C:\torture.reg"
EXIT_CODES = range(9)  # regtool/exit_code.h


@dataclass(frozen=True)
class Case:
    """A command line, and the stride between its calls in a usual run."""

    words: Sequence[str]
    stride: int = 131


COMMANDS = {
    "status": Case(["status"]),
    "status for programs": Case(["status", "--json"]),
    "add": Case(["add", "new.example", "x.example", "y.example", "--port", "2525"]),
    "remove": Case(["remove", "two"]),
    "config list": Case(["config", "list"], 397),
    "config set": Case(["config", "set", "Schedule", "0 1 * * *", "30 2 * * *"]),
    "config set of a host": Case(["config", "set", "Port", "2626", "--host", "isp"]),
    "config unset": Case(["config", "unset", "RetrySeconds"]),
    "enable": Case(["enable", "-y"]),
    "disable": Case(["disable", "-y"]),
    "backup": Case(["backup", BACKUP]),
    "restore": Case(["restore", r"C:\restored.reg", "-y"], 397),
    "test": Case(["test", "SERVER", "a.example"]),
    "run": Case(["run"]),
    "doctor": Case(["doctor"], 397),
}


def without_times(text: str) -> str:
    return re.sub(r"\d+ (second|minute)s?( ago)?|just now|\d+:\d\d:\d\d|\d+ ms|\d{4}-\d\d-\d\d|\d+", "T", text)


@pytest.fixture(scope="module")
def settings(machine: TortureMachine) -> Iterator[str]:
    """A running service, settings that are restored before each command, and a file to restore. Returns the address
    of the hosts' server."""
    with servers() as serve:
        server = serve()
        rounds = Rounds(machine, Round({"isp": host_at(server), "two": host_at(server, "b.example")}, asked_of(server), 1, {}))
        rounds.clean()
        machine.ctl("config", "set", "TimeoutSeconds", "60")
        assert machine.ctl("backup", r"C:\restored.reg").code == 0
        machine.ctl("config", "set", "TimeoutSeconds", "70")
        assert machine.driver.numbers(f"keep {BELOW_MACHINE} {KEPT}") == [0]
        yield f"{server.address}:{server.port}"
        machine.stop()


@pytest.mark.parametrize("name", COMMANDS)
def test_command(machine: TortureMachine, settings: str, name: str) -> None:
    words, control = [settings if word == "SERVER" else word for word in COMMANDS[name].words], machine.tool

    def run(first: int) -> Reply:
        if machine.driver.show(BELOW_MACHINE) != before:  # else the running service would see its hosts go and come
            assert machine.driver.numbers(f"keep {KEPT} {BELOW_MACHINE}") == [0]
        reply = machine.tool_failing(first, *words)
        return run(first) if control.get("calls") == 0 else reply  # Wine did not get so far as to start it

    before = machine.driver.show(KEPT)
    clean = run(0)
    wanted = machine.driver.show(BELOW_MACHINE)
    calls = control.get("calls")
    assert clean.code == 0, clean
    assert calls > 50, "nothing was counted"
    faults = []
    for first in strided(calls, COMMANDS[name].stride):
        reply = run(first)
        told = f"{control.told()}: {reply}"
        after = machine.driver.show(BELOW_MACHINE)
        if control.get("exception") or reply.code not in EXIT_CODES:
            faults.append(f"crashed: {told}")
        elif after != before and after != wanted:
            faults.append(f"neither as before nor as wanted: {told}\n{sorted(set(after) ^ set(wanted))}")
        elif reply.code == 0 and after != wanted:
            faults.append(f"a success that did not happen: {told}")
        elif reply.code != 0 and not re.search(r"\w+ \w+", reply.out):
            faults.append(f"no sentence: {told}")
        elif (reply.code == 0 and without_times(reply.out) != without_times(clean.out)
              and not re.search(r"^etrnctl: .+", reply.out, re.M)):  # what could not be done is said
            faults.append(f"says something else: {told}")
    assert not faults, f"{len(faults)} faults:\n" + "\n".join(faults)
