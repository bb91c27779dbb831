"""What etrnctl reports if one of its calls fails or accepts less than it was given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wine.console import HAS_TMUX, Console, consoles

from .machine import TortureMachine

DENIED, FAILED = 5, 8  # exit codes
HOSTS = 200  # their status is more than a console takes at once
BACKUP = r"C:\rights.reg"


def test_restore_reports_that_the_key_is_without_its_rights(machine: TortureMachine) -> None:
    machine.fresh({"IntervalMinutes": 30}, start=False)
    assert machine.ctl("backup", BACKUP).code == 0
    machine.configure({"IntervalMinutes": 40})
    reply = machine.tool_failing(1, "restore", BACKUP, "-y", only="RegSetKeySecurity")
    assert machine.tool.get("failed") == 1, machine.tool.told()
    assert reply.code == FAILED, reply
    assert "etrnctl: cannot set the access rights of the Parameters key: " in reply.out
    assert "etrnctl service install" in reply.out
    assert machine.ctl("config", "get", "IntervalMinutes").out == "30\n"  # restored all the same


@pytest.fixture
def open_console(machine: TortureMachine) -> Iterator:
    if not HAS_TMUX:
        pytest.skip("there is no tmux to draw a console")
    with consoles(machine) as opens:
        yield opens


def test_a_long_document_is_shown_completely_on_a_console(machine: TortureMachine, open_console) -> None:
    server = {"Host": "127.0.0.1", "Domains": ["a.example"]}
    machine.fresh({"AlwaysUseETRN": 0}, {"\U0001f4ec" * (20 + n % 2) + f"-{n}": server for n in range(HOSTS)})
    machine.wait_told(lambda told: len(told["hosts"]) == HOSTS)
    machine.tool.forget()
    console: Console = open_console("status", "--json")
    screen, code = console.end()
    assert code == 0, screen
    assert machine.tool.get("failed") == 0, machine.tool.told()
    assert screen.rstrip().endswith("}"), screen


def test_a_console_that_takes_nothing_is_a_failure(machine: TortureMachine, open_console) -> None:
    machine.fresh(start=False)
    machine.tool.forget()
    machine.tool.arm(1, only="WriteConsoleW")
    console: Console = open_console("--version", redirection="2> /dev/null")
    screen, code = console.end()
    assert machine.tool.get("failed") == 1, machine.tool.told()
    assert code == FAILED, screen
