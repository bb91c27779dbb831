"""13. Torture: the service with a build in which the Nth call fails, for every N (torture.c). It must go on, and once
nothing fails any more all must be as if nothing had been."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.scripted import ScriptedServer
from wine.machine import RUNNING, Machine, Serve, host_at, wait_until

EXE = r"C:\Program Files\EtrnSvc\torture.exe"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def program(machine: Machine) -> None:
    subprocess.run(["make", "-s", "-C", ROOT, "build/faults/torture.exe"], check=True, timeout=300)
    target = machine.prefix.drive_c / "Program Files" / "EtrnSvc" / "torture.exe"
    target.write_bytes((ROOT / "build/faults/torture.exe").read_bytes())


class Tortured:
    """The service on a console, with one host, and what has failed so far."""

    def __init__(self, machine: Machine, server: ScriptedServer, kind: str) -> None:
        self.machine, self.server = machine, server
        self._log = machine.prefix.drive_c / "torture.log"
        self._log.unlink(missing_ok=True)
        (machine.prefix.drive_c / "torture.kind").write_text(kind)
        machine.fresh(hosts={"isp": host_at(server)}, start=False)
        self.console = machine.prefix.popen([EXE, "--console"], stdout=subprocess.DEVNULL)
        wait_until(lambda: machine.told(), "it runs")

    def failed(self) -> list[str]:
        return [line.split()[1] for line in self._log.read_text().splitlines()] if self._log.exists() else []

    def alive(self) -> bool:
        return self.console.poll() is None

    def end(self) -> None:
        self.console.kill()
        self.console.wait(10)


@pytest.fixture
def tortured(request: pytest.FixtureRequest, machine: Machine, serve: Serve, program: None) -> Iterator[Tortured]:
    each = Tortured(machine, serve(), request.param)
    yield each
    each.end()


def go_through(tortured: Tortured, most: int) -> list[str]:
    """Changes the settings, which starts a round, until nothing fails any more."""
    machine = tortured.machine
    for n in range(most):
        if "done" in tortured.failed():
            break
        had = len(tortured.failed())
        machine.configure({"AlwaysUseETRN": n % 2})
        with contextlib.suppress(TimeoutError):  # a round in which nothing was left to fail, or nothing was asked
            wait_until(lambda: len(tortured.failed()) > had, "a failure", timeout=0.4)
        assert tortured.alive()
    assert "done" in tortured.failed()
    machine.configure({"AlwaysUseETRN": 0})
    machine.wait_told(lambda told: not told["enabled"] and told["sessions"] == 0, timeout=15)
    asked = len(tortured.server.etrns())
    machine.configure({"AlwaysUseETRN": 1})
    tortured.server.wait_for(asked + 1)
    told = machine.wait_told(lambda told: told["sessions"] == 0 and told["hosts"][0]["nodes"][0]["outcome"] == "started")
    assert told["problems"] == []
    return tortured.failed()


@pytest.mark.fault("13.3")
@pytest.mark.parametrize("tortured", ["socket"], indirect=True)
def test_the_nth_call_of_a_socket_fails(tortured: Tortured) -> None:
    failed = go_through(tortured, 60)
    assert {"WSASocketW", "bind", "WSASend", "WSARecv"} <= set(failed) and len(failed) >= 8


@pytest.mark.fault("13.2")
@pytest.mark.fault("11.6")
@pytest.mark.parametrize("tortured", ["registry"], indirect=True)
def test_the_nth_call_of_the_registry_fails(tortured: Tortured) -> None:
    failed = go_through(tortured, 150)
    assert {"RegOpenKeyExW", "RegQueryValueExW", "RegEnumKeyExW", "RegEnumValueW"} <= set(failed) and len(failed) >= 15


@pytest.mark.fault("13.1")
@pytest.mark.parametrize("tortured", ["memory"], indirect=True)
def test_the_nth_allocation_fails(tortured: Tortured) -> None:
    failed = go_through(tortured, 150)
    assert "malloc" in failed and len(failed) >= 5


@pytest.mark.fault("12.5")
def test_the_event_log_is_full(machine: Machine, serve: Serve, program: None) -> None:
    """As the service: a program on a console reports no event."""
    server = serve()
    log = machine.prefix.drive_c / "torture.log"
    log.unlink(missing_ok=True)
    (machine.prefix.drive_c / "torture.kind").write_text("events")
    machine.fresh(hosts={"isp": host_at(server)}, start=False)
    machine.change_entry(3, f'"{EXE}"', r"NT AUTHORITY\LocalService")
    try:
        machine.start()
        server.wait_for(1)
        machine.wait_dequeues(1)
        machine.follow({"IntervalMinutes": 0})  # a warning that nobody will read
        assert log.read_text().count("ReportEventW") >= 2
        assert machine.state() == RUNNING
        machine.stop()
        assert machine.events() == []
    finally:
        machine.stop()
        machine.ctl("service", "install")
