"""From a folder with two programs to a running service, and back."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from lab.scripted import Script

from .machine import EVENT_SOURCE, PARAMETERS, SERVICE, SERVICE_EXE, Machine, Serve, host_at, wait_until

VERSION = re.search(r"^VERSION := (\S+)", (Path(__file__).resolve().parents[2] / "Makefile").read_text(), re.M)[1]


@pytest.mark.fault("15.1")
@pytest.mark.fault("15.5")
def test_install_start_stop_uninstall(machine: Machine) -> None:
    machine.fresh(start=False)
    assert machine.ctl("service", "uninstall").code == 0

    reply = machine.ctl("service", "install")
    assert reply.code == 0
    assert "installed" in reply.out and "etrnctl service start" in reply.out  # and what comes next
    assert f'REG_SZ    "{SERVICE_EXE}"' in machine.prefix.reg_query(SERVICE, "ImagePath")  # quoted: it has a space
    assert "0x2" in machine.prefix.reg_query(SERVICE, "Start")
    assert "LocalService" in machine.prefix.reg_query(SERVICE, "ObjectName")
    assert SERVICE_EXE in machine.prefix.reg_query(EVENT_SOURCE, "EventMessageFile")
    assert "0x7" in machine.prefix.reg_query(EVENT_SOURCE, "TypesSupported")
    assert machine.status()["state"] == "stopped"

    reply = machine.ctl("service", "start")
    assert (reply.code, reply.out) == (0, "EtrnSvc is running.\n")
    assert machine.status()["state"] == "running"
    [pid] = machine.processes()

    reply = machine.ctl("service", "start")
    assert (reply.code, reply.out) == (0, "EtrnSvc is already running.\n")
    assert machine.processes() == [pid]

    reply = machine.ctl("service", "stop")
    assert (reply.code, reply.out) == (0, "EtrnSvc is stopped.\n")
    wait_until(lambda: not machine.processes(), "the process gone")
    assert machine.ctl("service", "stop").code == 0  # what is wanted is so

    machine.ctl("service", "start")
    reply = machine.ctl("service", "uninstall")  # stops it first
    assert (reply.code, reply.out) == (0, "EtrnSvc is uninstalled.\n")
    wait_until(lambda: not machine.processes(), "the process gone")
    assert machine.prefix.reg_query(SERVICE) == ""
    assert machine.prefix.reg_query(EVENT_SOURCE) == ""
    assert not machine.status_file.parent.exists()


@pytest.mark.fault("15.8")
def test_reading_creates_nothing(machine: Machine) -> None:
    machine.fresh(start=False)
    machine.ctl("service", "uninstall")
    assert machine.status()["state"] == "not installed"
    assert not machine.status_file.parent.exists()


@pytest.mark.fault("15.7")
def test_install_puts_the_entry_right_and_keeps_the_settings(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh(hosts={"isp": host_at(server)})
    machine.wait_dequeues(1)
    machine.change_entry(4, r"C:\gone.exe", "LocalSystem")
    process = machine.process()
    assert machine.ctl("service", "install").code == 0
    assert f'REG_SZ    "{SERVICE_EXE}"' in machine.prefix.reg_query(SERVICE, "ImagePath")
    assert "0x2" in machine.prefix.reg_query(SERVICE, "Start")
    assert "LocalService" in machine.prefix.reg_query(SERVICE, "ObjectName")
    assert machine.process() == process  # it runs on, with its settings
    assert machine.prefix.reg_query(PARAMETERS + r"\Hosts\isp", "Port")


@pytest.mark.fault("15.8")
def test_uninstall_and_install_keep_no_settings(machine: Machine) -> None:
    machine.fresh({"AlwaysUseETRN": 1, "IntervalMinutes": 77}, start=False)
    machine.ctl("service", "uninstall")
    machine.ctl("service", "install")
    assert "IntervalMinutes" not in machine.prefix.reg_query(PARAMETERS)


def test_started_by_hand_it_prints_what_it_is(machine: Machine) -> None:
    reply = machine.run(SERVICE_EXE)
    assert reply.code == 2
    assert VERSION in reply.out and "ETRN" in reply.out
    assert "etrnctl service install" in reply.out
    assert "etrnsvc --console" in reply.out


@pytest.mark.parametrize("word", ["--version", "/version"])
def test_version(machine: Machine, word: str) -> None:
    assert machine.run(SERVICE_EXE, word).out.split() == ["etrnsvc", VERSION]


@pytest.mark.parametrize("words", [["--nonsense"], ["install"], ["--console", "more"]])
def test_unknown_argument(machine: Machine, words: list[str]) -> None:
    reply = machine.run(SERVICE_EXE, *words)
    assert reply.code == 2
    assert "--console" in reply.err and "--help" in reply.err


def test_console_shows_what_it_does_and_ends_on_request(machine: Machine, serve: Serve) -> None:
    server = serve(Script(etrn={"a.example": "250 Queuing started", "b.example": "459 b.example: service unavailable"}))
    machine.fresh(hosts={"mail.isp.example": host_at(server, "a.example", "b.example")}, start=False)
    console = machine.prefix.popen([SERVICE_EXE, "--console"])
    lines: list[str] = []
    assert console.stdout
    for line in console.stdout:  # its own end, or the last line that is of interest
        lines.append(line.rstrip())
        if "failed for" in line:
            break
    log = "\n".join(lines)
    for expected in (
        f"info    ETRN Mail Dequeue Service {VERSION} started.",
        "ETRN is enabled (AlwaysUseETRN is 1, from Parameters). Number of hosts: 1.",
        f"mail.isp.example: connected to 127.0.0.1 port {server.port}",
        "mail.isp.example < 220 lab.example ESMTP",
        "mail.isp.example > ETRN a.example",
        "mail.isp.example < 250 Queuing started",
        "mail.isp.example: a.example: The host has started to deliver the mail waiting for this domain.",
        "mail.isp.example < 459 b.example: service unavailable",
        "warning ETRN to host mail.isp.example failed for b.example. The host does not permit ETRN for this domain.",
        "Reply or error: 459 b.example: service unavailable",
    ):
        assert expected in log, log
    console.send_signal(signal.SIGINT)
    rest = console.stdout.read()
    assert console.wait(10) == 0, rest
    assert "stopped" in rest
