"""12. Service: nowhere to write, stopped while it starts, started and stopped a thousand times."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.scripted import Script, Silence, loopback
from wine.machine import (CONTINUE, PAUSE, PAUSED, RUNNING, STOP, STOPPED, Machine, Serve, host_at, outcomes, wait_gone,
                          wait_until)

LIMIT = 2.0  # seconds, at the service
TOOL = 0.5  # seconds for the tool that asks for it to start
CANNOT_WRITE = "status.json"


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """A file system in memory at the folder, seen by these tests alone."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def folder(machine: Machine, extra_hosts: bool) -> Path:
    """Where the service writes its status."""
    if not extra_hosts:
        pytest.skip("needs mounts of its own, which only root can have")
    machine.fresh(start=False)
    return machine.status_file.parent


def delivers_without_status(machine: Machine, serve: Serve) -> None:
    """Whatever cannot be written, hosts are asked all the same, and it is told once."""
    server = serve()
    machine.configure(hosts={"isp": host_at(server)})
    machine.forget_events()
    machine.start()
    server.wait_for(1)
    machine.control(128)
    server.wait_for(2)
    warnings = wait_until(lambda: machine.warnings(), "the warning")
    assert any(CANNOT_WRITE in text for text in warnings), warnings
    assert len([text for text in warnings if CANNOT_WRITE in text]) == 1
    assert machine.state() == RUNNING


@pytest.mark.fault("12.6")
def test_disk_full(machine: Machine, serve: Serve, folder: Path) -> None:
    with mounted(folder, "size=16k"):
        (folder / "fill").write_bytes(bytes(16384 - 4096))
        with contextlib.suppress(OSError):
            (folder / "fill").open("ab").write(bytes(8192))
        delivers_without_status(machine, serve)
        (folder / "fill").unlink()  # room again
        told = machine.wait_told(lambda told: told["hosts"], timeout=15)
        assert outcomes(told, "isp") == {"a.example": "started"}
        assert [path.name for path in folder.iterdir() if path.name != "backup"] == ["status.json"]
        machine.stop()


@pytest.mark.fault("12.7")
def test_program_data_not_writable(machine: Machine, serve: Serve, folder: Path) -> None:
    with mounted(folder, "ro"):
        delivers_without_status(machine, serve)
        machine.stop()
    machine.start()
    machine.wait_dequeues(1)


@pytest.mark.fault("12.7")
def test_a_file_where_the_folder_should_be(machine: Machine, serve: Serve, folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        folder.rmdir()
    folder.write_text("in the way")
    try:
        delivers_without_status(machine, serve)
        machine.stop()
        assert folder.read_text() == "in the way"
    finally:
        machine.stop()
        folder.unlink()


@pytest.mark.fault("12.7")
def test_a_folder_where_the_file_should_be(machine: Machine, serve: Serve, folder: Path) -> None:
    machine.status_file.mkdir(parents=True)
    try:
        delivers_without_status(machine, serve)
    finally:
        machine.stop()
        machine.status_file.rmdir()


@pytest.mark.fault("12.2")
def test_stop_while_it_reads_two_thousand_hosts(machine: Machine, serve: Serve) -> None:
    server = serve(Script(greeting=Silence()), loopback(100))
    machine.fresh(hosts={f"host{n:04}": {"Host": server.addresses[n % 100], "Port": server.port, "Domains": [f"d{n}.example"]}
                         for n in range(2000)}, start=False)
    machine.control(0)  # without waiting for it to run
    pid = machine.process()
    wait_until(lambda: machine.control(STOP)[0] == 0, "it takes the stop")
    assert wait_gone(pid, LIMIT + TOOL)


@pytest.mark.fault("12.1")
@pytest.mark.parametrize("then", [STOP, PAUSE], ids=["stop", "pause"])
def test_stop_of_a_paused_service(machine: Machine, serve: Serve, then: int) -> None:
    machine.fresh(hosts={"isp": host_at(serve())})
    machine.wait_dequeues(1)
    assert machine.control(PAUSE, PAUSED) == (0, PAUSED)
    if then == PAUSE:
        assert machine.control(PAUSE, PAUSED)[1] == PAUSED  # once more is no harm
    pid = machine.process()
    machine.stop()
    assert wait_gone(pid, LIMIT + TOOL)


def handles(machine: Machine) -> tuple[int, int]:
    """File descriptors of the service and of what plays Windows' kernel."""
    counts = [len(os.listdir(f"/proc/{pid}/fd")) for pid in (machine.process(), machine.prefix.server())]
    return counts[0], counts[1]


@pytest.mark.fault("12.3")
def test_a_thousand_pauses_and_continuations(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"RunAtStart": 0}, {"isp": host_at(server)})
    machine.wait_told(bool)
    machine.cycle(PAUSE, PAUSED, CONTINUE, RUNNING, 10)
    before = handles(machine)
    machine.cycle(PAUSE, PAUSED, CONTINUE, RUNNING, 1000)
    wait_until(lambda: handles(machine) <= before, "as many handles as before")
    machine.control(128)
    server.wait_for(1)


@pytest.mark.fault("12.3")
def test_started_and_stopped_again_and_again(machine: Machine, serve: Serve) -> None:
    """A hundred times here; what is left of each would be in Windows' kernel, and in what starts services."""
    server = serve()
    machine.fresh(hosts={"isp": host_at(server)}, start=False)
    machine.cycle(0, RUNNING, STOP, STOPPED, 5)
    kernel = Path("/proc", str(machine.prefix.server()), "fd")
    wait_until(lambda: not machine.processes(), "the process gone")
    before = len(os.listdir(kernel))
    machine.cycle(0, RUNNING, STOP, STOPPED, 100)
    wait_until(lambda: not machine.processes() and len(os.listdir(kernel)) <= before + 1, "as many handles as before")
    machine.start()
    machine.wait_dequeues(1)
