"""All output of etrnctl: the sessions in tests/wine/golden."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.scripted import Answer, Close, Raw, Script, Silence, free_port

from .compare import FOLDER, compare, too_wide
from .machine import (EVENT_SOURCE, PARAMETERS, PAUSE, PAUSED, POLICIES, Hold, Machine, Serve, host_at, reg_text)

EXCHANGE = r"HKLM\SYSTEM\CurrentControlSet\Services\MSExchangeIMC"
NAMES = sorted(path.stem for path in FOLDER.glob("*.txt"))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "completion"])  # which is for PowerShell to read
def test_screens_fit_80_columns(name: str) -> None:
    assert too_wide(name) == []  # an error is one line, however long, as other programs have it: scripts look for it


def test_each_golden_file_is_compared() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in NAMES if f'"{name}"' not in tests] == []


@pytest.mark.parametrize("name", ["help", "no-arguments", "usage", "completion"])
def test_what_needs_no_machine(machine: Machine, name: str) -> None:
    compare(machine, name)


def test_invalid_values(machine: Machine) -> None:
    machine.fresh({"AlwaysUseETRN": 0}, start=False)
    before = machine.prefix.reg_query(PARAMETERS)
    compare(machine, "invalid")
    assert machine.prefix.reg_query(PARAMETERS) == before
    assert machine.backups() == []


# The service


def test_not_installed(machine: Machine) -> None:
    machine.fresh(start=False)
    machine.ctl("service", "uninstall")
    compare(machine, "not-installed")
    assert not machine.status_file.parent.exists()  # to look leaves nothing behind
    assert machine.prefix.reg_query(PARAMETERS) == ""


def test_stopped(machine: Machine) -> None:
    machine.fresh({"AlwaysUseETRN": 0}, start=False)
    compare(machine, "stopped")


def test_disabled(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"AlwaysUseETRN": 0}, {"127.0.0.1": host_at(server)})
    compare(machine, "disabled")
    assert server.sessions == []


def test_no_hosts(machine: Machine) -> None:
    machine.fresh()
    compare(machine, "no-hosts")


def test_failing_and_fine(machine: Machine, serve: Serve) -> None:
    refusing = serve(Script(etrn={"c.example": "250 Queuing started", "*": "459 service unavailable"}))
    machine.fresh(hosts={"fine.example": host_at(serve(), "a.example"),
                         "mail.isp.example": host_at(refusing, "a.example", "b.example", "c.example")})
    machine.wait_dequeues(1)
    time.sleep(2)  # "2 seconds ago", up to 9, is as wide as the golden file says
    compare(machine, "failing")


def test_replies_that_differ(machine: Machine, serve: Serve) -> None:
    refusing = serve(Script(etrn={"a.example": "459 a.example: not here", "*": "459 Not allowed", "d.example": "502 No"}))
    machine.fresh(hosts={"mail.isp.example": host_at(refusing, "a.example", "b.example", "c.example", "d.example")})
    machine.wait_dequeues(1)
    time.sleep(2)
    compare(machine, "replies-differ")


def test_left_out(machine: Machine, serve: Serve) -> None:
    hold = Hold()
    server = serve(Script(greeting=[hold, "220 lab.example ESMTP"]))
    machine.fresh(hosts={"slow.example": host_at(server), "empty.example": {}, "off.example": host_at(server, Enabled=0)})
    hold.wait()
    machine.wait_told(lambda told: told["sessions"] == 1)
    compare(machine, "left-out")
    hold.release()


def test_paused(machine: Machine, serve: Serve) -> None:
    machine.fresh(hosts={"mail.isp.example": host_at(serve())})
    machine.wait_dequeues(1)
    machine.control(PAUSE, PAUSED)
    machine.wait_told(lambda told: told["paused"])
    compare(machine, "paused")


def test_service(machine: Machine) -> None:
    machine.fresh(start=False)
    machine.ctl("service", "uninstall")
    compare(machine, "service")


def test_policy(machine: Machine) -> None:
    machine.fresh({"AlwaysUseETRN": 1}, start=False, policies={"AlwaysUseETRN": 0, "MaxConnections": 9})
    machine.prefix.reg_import(reg_text(POLICIES + r"\Hosts\policy.example", {"Domains": ["a.example"]}))
    compare(machine, "policy")


# Settings


def test_values_that_are_not_used(machine: Machine) -> None:
    machine.fresh({"IntervalMinutes": 20000}, {"isp": {"Port": "smtp", "Domains": ["a.example"], "Enabled": 0}})
    machine.wait_told(lambda told: len(told["problems"]) == 2)
    compare(machine, "not-used")


def test_config(machine: Machine) -> None:
    machine.fresh(start=False, policies={"RetrySeconds": 90})
    compare(machine, "config")


def test_config_of_a_host(machine: Machine) -> None:
    machine.fresh(hosts={"mail.isp.example": {"Domains": ["a.example"]}}, start=False)
    compare(machine, "config-host")


def test_hosts(machine: Machine) -> None:
    machine.fresh({"AlwaysUseETRN": 0}, start=False)
    compare(machine, "hosts")


def test_enable_and_disable(machine: Machine) -> None:
    machine.fresh(start=False)
    machine.prefix.reg_delete(PARAMETERS)
    machine.prefix.reg_add(EXCHANGE, "DisplayName", "REG_SZ", "Microsoft Exchange Internet Mail Connector")
    try:
        compare(machine, "enable")
        assert "REG_DWORD    0x0" in machine.prefix.reg_query(PARAMETERS, "AlwaysUseETRN")
        assert "REG_DWORD    0x0" in machine.prefix.reg_query(EXCHANGE + r"\Parameters", "AlwaysUseETRN")
        assert len(machine.backups()) == 4  # one for each change, none for what was so already
    finally:
        machine.prefix.reg_delete(EXCHANGE)


def test_idn(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh(start=False)
    compare(machine, "idn", port=server.port)
    assert server.etrns() == ["xn--bcher-kva.example"]
    [key] = [line for line in machine.prefix.reg_query(PARAMETERS + r"\Hosts").splitlines() if "Hosts\\" in line]
    assert key.endswith(r"\Hosts\xn--bcher-kva.example")
    values = machine.prefix.reg_query(PARAMETERS + r"\Hosts\xn--bcher-kva.example")
    assert r"REG_MULTI_SZ    xn--bcher-kva.example\0#queue" in values
    assert "REG_SZ    mail.xn--bcher-kva.example" in values


# What is asked


def test_run(machine: Machine, serve: Serve) -> None:
    slow = serve(Script(etrn={"a.example": "459 service unavailable", "*": "250 Queuing started"}, delay=0.25))
    closed = free_port()
    down = {"Host": "127.0.0.1", "Port": closed, "Domains": ["a.example"]}
    machine.fresh({"RunAtStart": 0}, {"down.example": down, "one.example": host_at(serve(Script(delay=0.08))),
                                      "slow.example": host_at(slow, "a.example", "b.example")})
    compare(machine, "run", closed=closed)


def test_run_held_back(machine: Machine, serve: Serve) -> None:
    server = serve()
    machine.fresh({"MinimumGapSeconds": 3}, {"mail.isp.example": host_at(server)})
    machine.wait_dequeues(1)
    compare(machine, "run-gap")
    assert server.sessions[1].opened - server.sessions[0].closed > 2.9


ODD: dict[str, Answer] = {
    "close.example": Close(),
    "escape.example": Raw(b"459 no\x1b[31m\x07red\r\n"),
    "cp1252.example": Raw(b"459 \x9b31m gesperrt f\xfcr \xc2\x9b\r\n"),
}


def reply_lines() -> dict[str, Answer]:
    replies = {250: "Queuing started", 251: "No messages waiting for node", 252: "OK, pending messages for node started",
               253: "OK, 14 pending messages for node started", 451: "4.3.2 Please try again later",
               458: "Unable to queue messages", 459: "Node not allowed", 500: "Command unrecognised",
               501: "argument must begin with #", 502: "5.7.0 Sorry, we do not allow this operation",
               503: "5.5.1 Bad sequence of commands", 504: "Parameter not implemented",
               530: "5.7.0 Must issue a STARTTLS command first", 550: "5.7.1 Denied",
               554: "5.7.1 Etrn command rejected: Access denied", 421: "4.3.2 Shutting down"}
    return {f"{code}.example": f"{code} {text}" for code, text in replies.items()}


def test_replies(machine: Machine, serve: Serve) -> None:
    server = serve(Script(etrn=reply_lines() | ODD))
    compare(machine, "test-replies", port=server.port)


def test_hosts_that_answer_otherwise(machine: Machine, serve: Serve) -> None:
    scripts = {
        "127.0.0.1": Script(),
        "127.0.0.2": Script(ehlo=["250 lab.example", "STARTTLS", "AUTH PLAIN", "ETRN"]),
        "127.0.0.3": Script(ehlo=["250 lab.example", "SIZE 1000"]),
        "127.0.0.4": Script(greeting="554 5.7.1 No service for you"),
        "127.0.0.5": Script(ehlo="550 5.7.1 Access denied"),
        "127.0.0.6": Script(greeting="SSH-2.0-OpenSSH_9.2"),
        "127.0.0.7": Script(greeting=Silence()),
    }
    server = serve(scripts, list(scripts))
    compare(machine, "test-hosts", port=server.port, closed=free_port())


# doctor


@pytest.fixture
def exchange(machine: Machine) -> Iterator[None]:
    """The Internet Mail Connector of Exchange 5.5, with its ETRN switched on."""
    machine.prefix.reg_add(EXCHANGE + r"\Parameters", "AlwaysUseETRN", "REG_DWORD", 1)
    yield
    machine.prefix.reg_delete(EXCHANGE)


def test_doctor_shows_remedies_for_the_service(machine: Machine, serve: Serve) -> None:
    machine.fresh(hosts={"127.0.0.1": host_at(serve())})
    machine.change_entry(3, r"C:\Program Files\EtrnSvc\etrnsvc.exe", "LocalSystem")
    machine.prefix.reg_delete(EVENT_SOURCE)
    compare(machine, "doctor-service")


def test_doctor_shows_remedies_for_missing_parts(machine: Machine, serve: Serve) -> None:
    machine.fresh(hosts={"127.0.0.1": host_at(serve())})
    machine.change_entry(4, r'"C:\gone\etrnsvc.exe"', r"NT AUTHORITY\LocalService")
    compare(machine, "doctor-missing")


def test_doctor_shows_remedies_for_the_settings(machine: Machine, serve: Serve, exchange: None) -> None:
    machine.fresh({"AlwaysUseETRN": 0}, {"empty.example": {}, "nothing.invalid": host_at(serve(), Host="nothing.invalid")})
    machine.wait_told(bool)
    compare(machine, "doctor-settings")


# Backups


def test_backup_and_restore(machine: Machine) -> None:
    machine.fresh({"IntervalMinutes": 20}, start=False)
    head = "Windows Registry Editor Version 5.00\r\n\r\n"
    fine = reg_text(PARAMETERS, {"IntervalMinutes": 40})
    files = {
        "last-line.reg": (head + fine + '"RetrySeconds"=dword:xyz\r\n').encode(),
        "elsewhere.reg": (head + fine + reg_text(r"HKLM\SOFTWARE\Other", {"a": 1})).encode(),
        "text.txt": b"IntervalMinutes=40\r\n",
        "regedit4.reg": ("REGEDIT4\r\n\r\n" + fine).encode(),
        "latin1.reg": (head + fine + '"Name"="b\xfccher"\r\n').encode("latin-1"),
        "not-used.reg": (head + reg_text(PARAMETERS, {"IntervalMinutes": 20000})).encode("utf-16"),
    }
    for name, data in files.items():
        (machine.prefix.drive_c / name).write_bytes(data)
    compare(machine, "backup")
    assert "0x4e20" in machine.prefix.reg_query(PARAMETERS, "IntervalMinutes")


def test_another_computer(machine: Machine, serve: Serve) -> None:
    machine.fresh(hosts={"127.0.0.1": host_at(serve())})
    machine.wait_dequeues(1)
    compare(machine, "computer", computer=socket.gethostname().split(".")[0])
