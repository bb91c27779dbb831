"""The Nth call fails, for every N: an allocation, a call of the registry, of sockets, files, services or certificates.
Nobody crashes, nothing leaks, who is concerned learns it, and the next time all is well.

`make torture` goes through every N; in a usual run it is every STRIDEth."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.certs import Authority
from lab.scripted import Script, ScriptedServer, StartTls, free_port
from lab.wine import windows_path
from wine.machine import RUNNING, STOPPED, Raw, Reply, Serve, Value, host, host_at, servers, wait_until
from wine.test_auth import set_password
from wine.test_errands import Program, copied, finger_server

from .machine import BELOW_MACHINE, KEPT, TortureMachine

ALL = os.environ.get("TORTURE") == "all"
GOOD = ("started", "nothing-waiting", "pending")
PATIENCE = 20.0  # seconds, for a machine that has much else to do
QUIET = 0.3  # seconds in which what a round leaves to be done is done
RETRY_SECONDS = 3600  # not within this test

Hosts = Mapping[str, Mapping[str, Value]]


def strided(total: int, stride: int) -> range:
    """The calls that are to fail."""
    return range(1, total + 1) if ALL else range(1, total + 1, stride)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TortureMachine]:
    each = TortureMachine(tmp_path_factory.mktemp("torture") / "prefix")
    yield each
    each.prefix.kill()


# ---- rounds ----


@dataclass
class Round:
    """Hosts, and how often each node was asked so far, as the far end tells."""

    hosts: Hosts
    asked: Callable[[], Counter[str]]
    stride: int
    values: Mapping[str, Value]
    prepare: Callable[[TortureMachine], None] = lambda machine: None  # when the settings are written


def asked_of(server: ScriptedServer) -> Callable[[], Counter[str]]:
    return lambda: Counter(server.etrns())


def plain(serve: Serve, tmp_path: Path) -> Iterator[Round]:
    server = serve(Script(), ["127.0.0.1", "127.0.0.2"])
    two = host_at(server, "c.example") | {"Host": "127.0.0.2"}
    yield Round({"one": host_at(server, "a.example", "b.example"), "two": two}, asked_of(server), 13, {})


def fallback(serve: Serve, tmp_path: Path) -> Iterator[Round]:
    server = serve()
    settings = host_at(server, Fallback=[f"127.0.0.1:{server.port}"]) | {"Port": free_port()}
    yield Round({"isp": settings}, asked_of(server), 23, {})


def logged(serve: Serve, tmp_path: Path) -> Iterator[Round]:
    server = serve()
    yield Round({"isp": host_at(server)}, asked_of(server), 23, {"ProtocolLog": 1})


def finger(serve: Serve, tmp_path: Path) -> Iterator[Round]:
    with finger_server(b"on its way\r\n") as server:
        settings = {"Host": "127.0.0.1", "Port": server.port, "Method": "finger", "Domains": ["a.example"]}
        yield Round({"isp": settings}, lambda: Counter(query.decode().strip() for query in server.queries), 29, {})


def program(serve: Serve, tmp_path: Path) -> Iterator[Round]:
    each = Program(tmp_path / "errand.exe")
    command = Raw(2, (each.quoted + " {node}\0").encode("utf-16-le"))
    settings = {"Host": "127.0.0.1", "Method": "program", "Program": command, "Domains": ["a.example"]}
    yield Round({"isp": settings}, lambda: Counter(words[0] for words in each.calls()), 31, {})


def service(serve: Serve, tmp_path: Path) -> Iterator[Round]:
    server = serve()
    yield Round({"isp": host_at(server, RunService="Mail", HoldSeconds=3600)}, asked_of(server), 31, {})


def secured(serve: Serve, tmp_path: Path) -> Iterator[Round]:
    with Authority() as authority:
        certificate = authority.issue("mail.isp.example", addresses=["127.0.0.1"])
        server = serve(Script(ehlo=("250 lab.example", "STARTTLS", "ETRN", "AUTH PLAIN"), verbs={
            "STARTTLS": ["220 Go ahead", StartTls(certificate.context())], "AUTH": "235 in"}))

        def prepare(machine: TortureMachine) -> None:
            machine.trust(authority.root)
            set_password(machine, name="isp")

        yield Round({"isp": host_at(server, Tls="require", User="etrn")}, asked_of(server), 31, {}, prepare)


ROUNDS = {each.__name__: each for each in (plain, fallback, logged, finger, program, service, secured)}


@pytest.fixture(scope="module")
def companion(machine: TortureMachine, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The service Mail."""
    exe = copied("companion", tmp_path_factory.mktemp("companion") / "mail.exe")
    assert machine.run("sc", "create", "Mail", "binPath=", windows_path(exe), "start=", "demand").code == 0


class Rounds:
    """One round after another on a machine."""

    def __init__(self, machine: TortureMachine, round: Round) -> None:
        self.machine, self.round = machine, round
        machine.fresh({"RetrySeconds": RETRY_SECONDS, "RunAtStart": 0, **round.values}, round.hosts)
        round.prepare(machine)
        self.begin()

    def begin(self, what: str = "the service runs with its configuration") -> None:
        """The service was started anew."""
        self.told = self.machine.wait_told(lambda told: told["enabled"] and len(told["hosts"]) == len(self.round.hosts),
                                           what, PATIENCE)
        self.process = self.told["process"]

    def go(self) -> Counter[str]:
        """A round to its end; how often each node was asked."""
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
        """What lives when all is done."""
        time.sleep(QUIET)
        return self.machine.service.live()

    def failing(self, first: int, count: int = 1) -> bool:
        """A round in which that call fails, and one in which none does; whether the call was reached."""
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
                    assert node["text"] or node["meaning"], told
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


@pytest.mark.fault("13.1")
@pytest.mark.fault("13.3")
@pytest.mark.fault("13.4")
@pytest.mark.parametrize("name", ROUNDS)
def test_round(machine: TortureMachine, companion: None, serve: Serve, tmp_path: Path, name: str) -> None:
    for round in ROUNDS[name](serve, tmp_path):
        rounds = Rounds(machine, round)
        rounds.clean()
        living, threads = rounds.rest(), machine.threads()
        machine.service.arm(0)
        rounds.clean()
        rounds.rest()
        calls = machine.service.get("calls")
        assert calls > 40, "nothing was counted"
        reached = 0
        for first in strided(calls, round.stride):
            was_reached = rounds.failing(first)
            reached += was_reached
            wait_until_true(lambda: machine.service.live() == living, 2)
            assert machine.service.live() == living, f"leaked: {machine.service.told()}"
        assert reached > len(strided(calls, round.stride)) * 0.5  # a round differs a little from the one before
        wait_until(lambda: machine.threads() <= threads, "the threads ended")
        machine.stop()


# ---- starting and stopping ----


def only_silenced(machine: TortureMachine) -> bool:
    """Whether what failed is what would have told of it."""
    return any(name in machine.service.told() for name in ("RegisterEventSourceW", "ReportEventW", "event_write"))


def check_start(rounds: Rounds, first: int) -> None:
    """The service is started with that call to fail: it runs all right, or says why not and ends."""
    machine, control = rounds.machine, rounds.machine.service
    machine.status_file.unlink(missing_ok=True)
    machine.forget_events()
    error, state, code = machine.start_failing(first)
    wait_until_true(lambda: control.get("failed") > 0, QUIET)
    told = f"{control.told()}: error {error}, state {state}, exit code {code}"
    assert not control.get("exception"), told
    if state == RUNNING:
        control.disarm()
        rounds.begin(f"running after {told}")
        rounds.clean(told)
        machine.stop()
    else:
        assert state == STOPPED and (error or code), told  # an error: who started it, learns it
        assert error or only_silenced(machine) or "err" in [level for level, _ in machine.events()], f"no event: {told}"
    wait_until(lambda: not machine.processes(), f"the process ended: {told}")


@pytest.mark.fault("13.1")
@pytest.mark.fault("13.2")
@pytest.mark.fault("11.6")
def test_start(machine: TortureMachine, serve: Serve) -> None:
    server = serve()
    rounds = Rounds(machine, Round({"isp": host_at(server)}, asked_of(server), 43, {}))
    calls = machine.service.get("calls")
    assert calls > 80, "nothing was counted"
    machine.stop()
    for first in strided(calls, rounds.round.stride):
        check_start(rounds, first)


STEPS = {"CreateIoCompletionPort": "cannot create the completion port", "WSASocketW": "cannot start Windows Sockets",
         "CreateThread": "cannot watch the configuration in the registry",
         "StartServiceCtrlDispatcherW": "cannot connect to the service control manager",
         "RegisterServiceCtrlHandlerExW": "cannot register with the service control manager"}


@pytest.mark.parametrize("call", STEPS)
def test_the_event_names_the_step_that_failed(machine: TortureMachine, call: str) -> None:
    machine.fresh(start=False)
    machine.forget_events()
    machine.service.forget()
    machine.service.arm(1, only=call)
    machine.driver.numbers("start")
    wait_until(lambda: not machine.processes(), "the process ended")
    assert machine.service.get("failed") == 1
    errors = [text for level, text in machine.events() if level == "err"]
    assert errors[1:2] == [STEPS[call]] and len(errors) == 3 and errors[2], errors


@pytest.mark.fault("13.1")
def test_stop(machine: TortureMachine, serve: Serve) -> None:
    server = serve()
    rounds = Rounds(machine, Round({"isp": host_at(server)}, asked_of(server), 11, {"ProtocolLog": 1}))
    rounds.clean()
    rounds.rest()
    machine.service.arm(0)
    machine.driver.numbers("stop")
    calls = machine.service.get("calls")
    assert calls > 10, "nothing was counted"
    for first in strided(calls, rounds.round.stride):
        machine.start()
        rounds.begin()
        machine.service.arm(first)
        assert machine.driver.numbers("stop") == [0, STOPPED, 0], machine.service.told()
        wait_until(lambda: not machine.processes(), "the process ended")
        assert not machine.service.get("exception"), machine.service.told()


@pytest.mark.fault("12.5")
def test_the_event_log_is_full(machine: TortureMachine, serve: Serve) -> None:
    """Every event fails from the start on; nobody reads them, and all else goes on."""
    server = serve()
    machine.fresh(hosts={"isp": host_at(server)}, start=False)
    machine.service.forget()
    machine.service.arm(1, 1000000, only="ReportEventW")
    assert machine.driver.numbers("start")[:2] == [0, RUNNING]
    machine.wait_dequeues(1)
    machine.follow({"IntervalMinutes": 0})  # a warning
    assert machine.service.get("failed") >= 2 and not machine.service.get("exception")
    assert machine.events() == []
    machine.stop()


# ---- a change of the configuration ----


@pytest.mark.fault("13.2")
@pytest.mark.fault("11.6")
def test_change(machine: TortureMachine) -> None:
    """A value is written: it is followed at once or a little later."""
    with servers() as serve:
        rounds = Rounds(machine, Round({"isp": host_at(serve())}, Counter, 19, {}))
    port = 1000

    def change(first: int) -> None:
        nonlocal port
        port += 1
        machine.forget_events()
        machine.service.arm(first)
        assert machine.driver.numbers(rf"set {BELOW_MACHINE}\Hosts\isp Port {port}") == [0]
        try:
            machine.wait_told(lambda told: port in [each["port"] for each in told["hosts"]], "the change followed", PATIENCE)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{machine.service.told()}") from None
        assert not machine.service.get("exception"), machine.service.told()

    change(0)
    living = rounds.rest()
    calls = machine.service.get("calls")
    assert calls > 40, "nothing was counted"
    for first in strided(calls, rounds.round.stride):
        change(first)
        wait_until_true(lambda: machine.service.get("failed") > 0, QUIET)
        machine.service.disarm()
        told = machine.service.told()
        if any("watched" in text or "arm" in told for _, text in machine.events()) or " arm " in told or "watch_" in told:
            assert "err" in [level for level, _ in machine.events()], f"no event: {told}"
            machine.stop()  # it is watched again in a minute
            machine.start()
            rounds.begin()
            continue
        wait_until_true(lambda: machine.service.live() == living, 2)
        assert machine.service.live() == living, f"leaked: {told}"
    machine.stop()


# ---- etrnctl ----

BACKUP = r"C:\torture.reg"
EXIT_CODES = range(9)  # regtool/exit_code.h


@dataclass(frozen=True)
class Case:
    """A command line, and how many of its calls are left out in a usual run."""

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
    """A service that runs, settings that are there again before each command, and a file to be restored. The address of
    the hosts' server."""
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
