"""What begins a round besides the interval: a schedule, the network, a resume; and waiting for the local mail server.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from lab.scripted import ScriptedServer, free_port, listen

from .machine import TOOL_EXE, Machine, Serve, host, host_at, outcomes, servers, wait_until

NETWORK_GREW, RESUMED = 130, 131  # stand in for Windows' own news, which Wine never sends
WRONG = "0 24 * * *"


@dataclass(frozen=True)
class Minute:
    machine: Machine
    server: ScriptedServer
    told: dict[str, Any]  # before the minute was up


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minute]:
    """A machine of its own, in Nepal, waits for the next whole minute while the other tests run."""
    with servers() as serve, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Kathmandu")
        machine, server = Machine(tmp_path_factory.mktemp("minute") / "prefix"), serve()
        soon = [datetime.now(ZoneInfo("Asia/Kathmandu")) + timedelta(minutes=n) for n in (1, 2)]
        machine.fresh({"RunAtStart": 0, "Schedule": ["0 0 31 2 *"]},
                      {"isp": host_at(server, Schedule=["# soon, and a slip", f"{soon[0]:%-M %-H} * * *", WRONG,
                                                        f"{soon[1]:%-M %-H} * * *"])})
        yield Minute(machine, server, machine.wait_told(lambda told: told["hosts"]))
        machine.prefix.kill()


def test_a_wrong_line_is_named_and_the_others_count(minute: Minute) -> None:
    [problem] = minute.told["problems"]
    expected = f'"{WRONG}" has an hour that is out of range, 0 to 23; allowed: crontab lines with five fields'
    assert problem["key"].endswith(r"Parameters\Hosts\isp") and problem["name"] == "Schedule"
    assert problem["problem"].startswith(expected)
    assert minute.machine.warnings() == [problem["key"], "Schedule", problem["problem"]]  # one event
    due = datetime.fromisoformat(host(minute.told, "isp")["next"])
    assert host(minute.told, "isp")["next_trigger"] == "schedule"
    assert timedelta(0) < due - datetime.fromisoformat(minute.told["written"]) <= timedelta(minutes=2)
    assert due.second == 0


# ---- the local mail server


@pytest.mark.parametrize("family, address", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::")])
def test_rounds_wait_for_the_local_mail_server(machine: Machine, serve: Serve, family: int, address: str) -> None:
    server, port = serve(), free_port()
    machine.fresh({"LocalPort": port}, {"isp": host_at(server)})
    told = machine.wait_told(lambda told: told["awaited_port"])
    assert told["awaited_port"] == machine.status()["service"]["awaited_port"] == port
    time.sleep(1.2)  # it has looked again
    assert server.sessions == []
    said = " ".join(machine.ctl("status").out.split())
    assert "Rounds: none yet, next now Waiting: " in said and " isp: next now (start) " in said
    assert said.endswith(" Start the mail server. If it runs on another computer: etrnctl config set LocalPort 0")
    with socket.create_server((address, port), family=family):
        server.wait_for(1)
        told = machine.wait_told(lambda told: told["awaited_port"] is None and told["hosts"][0]["dequeues"] == 1)
    assert host(told, "isp")["trigger"] == "start"


def test_run_reports_at_once_that_it_waits_for_the_local_mail_server(machine: Machine, serve: Serve) -> None:
    server, port = serve(), free_port()
    machine.fresh({"LocalPort": port}, {"isp": host_at(server)})
    machine.wait_told(lambda told: told["awaited_port"])
    began = time.monotonic()
    time.sleep(7.4)  # it has looked after 1, 3 and 7 s, and would again after 15
    run = machine.prefix.popen([TOOL_EXE, "run"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert run.stdout
    assert f"no program listens on port {port} of this computer (LocalPort)" in run.stdout.readline()
    with socket.create_server(("127.0.0.1", port)):
        server.wait_for(1)
        assert time.monotonic() - began < 14.5  # since somebody waits, it looks each second again
        assert run.wait(30) == 0
    assert "isp: a.example: The host has started to deliver" in run.stdout.read()


def test_somebody_who_is_merely_connected_does_not_listen(machine: Machine, serve: Serve) -> None:
    server = serve()
    with listen(["127.0.0.1"])[0] as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
    with client, accepted:  # from a local port on which nobody listens any more
        machine.fresh({"LocalPort": accepted.getsockname()[1]}, {"isp": host_at(server)})
        machine.wait_told(lambda told: told["awaited_port"])
        assert server.sessions == []


def test_a_mail_server_that_is_up_is_not_waited_for(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"LocalPort": server.port}, {"isp": host_at(server)})
    assert machine.wait_dequeues(1)["awaited_port"] is None


def test_without_a_local_port_it_asks_at_once(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"LocalPort": free_port()}, {"isp": host_at(server)})
    machine.wait_told(lambda told: told["awaited_port"])
    machine.configure({"LocalPort": 0})
    assert machine.wait_dequeues(1)["awaited_port"] is None


def test_nothing_due_is_nothing_to_wait_for(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"LocalPort": free_port(), "RunAtStart": 0}, {"isp": host_at(server)})
    assert machine.follow({"IntervalMinutes": 3})["awaited_port"] is None
    machine.control(128)
    assert machine.wait_told(lambda told: told["awaited_port"])
    machine.configure(hosts={"isp": {"Enabled": 0}})
    machine.wait_told(lambda told: told["awaited_port"] is None)
    assert server.sessions == []


# ---- the network comes up, the machine wakes


@pytest.mark.fault("10.4")
@pytest.mark.parametrize("control, trigger", [(NETWORK_GREW, "network"), (RESUMED, "resume")])
def test_the_network_and_waking_start_a_round(machine: Machine, serve: Serve, control: int, trigger: str) -> None:
    server = serve()
    machine.fresh({"RunAtStart": 0}, {"isp": host_at(server)})
    machine.control(control)
    assert host(machine.wait_dequeues(1), "isp")["trigger"] == trigger
    machine.follow({"MinimumGapSeconds": 3600})
    machine.control(control)
    told = machine.wait_told(lambda told: host(told, "isp")["next_trigger"] == trigger)  # told at once, held by the gap
    assert host(told, "isp")["dequeues"] == 1


@pytest.mark.parametrize("control", [NETWORK_GREW, RESUMED])
def test_they_start_no_round_if_disabled(machine: Machine, serve: Serve, control: int) -> None:
    server = serve()
    machine.fresh({"RunAtStart": 0, "RunOnNetworkChange": 0}, {"isp": host_at(server)})
    machine.control(control)
    told = machine.follow({"IntervalMinutes": 3})
    assert host(told, "isp")["next_trigger"] == "interval" and server.sessions == []


# ---- idle, and due


def system_calls(trace: str) -> list[str]:
    """What strace saw, without the calls in which it found and left the threads."""
    waits = re.compile(r"\d+ +(?:restart_syscall\(|\w+\(.*(?:<unfinished \.\.\.>|<detached \.\.\.>)$|<\.\.\.|strace:)")
    return [line for line in trace.splitlines() if not waits.match(line)]


def test_idle_with_a_schedule_it_does_nothing_at_all(machine: Machine, serve: Serve, tmp_path: Path) -> None:
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    machine.fresh({"Schedule": ["0 0 1 1 *", "@every 365d"]}, {"isp": host_at(serve(), Schedule=["0 0 31 12 *"])})
    told = machine.wait_dequeues(1)
    assert host(told, "isp")["next_trigger"] == "schedule"
    time.sleep(1)
    pid, output = machine.process(), tmp_path / "trace"
    strace = subprocess.Popen(["strace", "-f", "-q", "-o", output, "-p", str(pid)], stderr=subprocess.PIPE)
    try:
        wait_until(lambda: output.exists() and output.read_text(), "strace is attached")
        time.sleep(5)
    finally:
        strace.terminate()
        assert strace.stderr
        refused = strace.stderr.read().decode()
        strace.wait()
    if "ptrace" in refused:
        pytest.skip(refused)
    assert system_calls(output.read_text()) == []


def test_the_schedule_asks_on_the_minute_of_local_time(minute: Minute) -> None:
    minute.server.wait_for(1, timeout=90)
    told = minute.machine.wait_dequeues(1)
    assert host(told, "isp")["trigger"] == "schedule"
    assert outcomes(told, "isp") == {"a.example": "started"}
    planned = datetime.fromisoformat(host(minute.told, "isp")["next"])
    started = datetime.fromisoformat(host(told, "isp")["started"])
    assert timedelta(seconds=-1) < started - planned < timedelta(seconds=5)  # this machine is busy
    assert host(told, "isp")["next_trigger"] == "schedule"
    following = datetime.fromisoformat(host(told, "isp")["next"])
    assert following - planned > timedelta(seconds=55)  # not the same once more
