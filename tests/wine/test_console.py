"""etrnctl used interactively: questions, colours, and the screen that refreshes."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest

from lab.scripted import Each, Script

from .console import HAS_TMUX, Console, consoles
from .machine import PARAMETERS, SERVICE_EXE, Machine, Serve, host_at, wait_until

pytestmark = pytest.mark.skipif(not HAS_TMUX, reason="needs tmux")

DONE, USAGE, NOT_FOUND, CANCELLED, INVALID = 0, 2, 3, 6, 7
EXCHANGE = r"HKLM\SYSTEM\CurrentControlSet\Services\MSExchangeIMC"
ESCAPE = "\x1b"

Open = Callable[..., Console]


@pytest.fixture(scope="module")
def console(machine: Machine) -> Iterator[Open]:
    with consoles(machine) as open_console:
        yield open_console


@pytest.fixture
def disabled(machine: Machine) -> None:
    machine.fresh({"AlwaysUseETRN": 0}, start=False)


def switch(machine: Machine) -> str:
    return machine.prefix.reg_query(PARAMETERS, "AlwaysUseETRN").split()[-1]


# The password


def test_a_password_is_typed_unseen(machine: Machine, console: Open) -> None:
    machine.fresh(hosts={"holder": {"User": "tim"}}, start=False)
    person = console("config", "set", "Password", "--host", "holder")
    person.answer("Password of tim at holder:", "s3cret-typed", "Enter")
    screen, code = person.end()
    assert screen == "Password of tim at holder:\nPassword: was empty, is now set.\n"
    assert code == DONE


def test_ctrl_c_at_the_password(machine: Machine, console: Open) -> None:
    machine.fresh(hosts={"holder": {"User": "tim"}}, start=False)
    person = console("add", "holder", "a.example", "--user", "tom")
    person.answer("Password of tom at holder:", "s3cret", "C-c")
    screen, code = person.end()
    assert "s3cret" not in screen and "Cancelled; nothing was written." in screen
    assert code == CANCELLED
    assert machine.ctl("config", "get", "User", "--host", "holder").out == "tim\n"
    assert machine.backups() == []


def test_a_typed_password_that_is_too_long_leaves_no_rest_in_the_input(machine: Machine, console: Open) -> None:
    machine.fresh(hosts={"holder": {"User": "tim"}}, start=False)
    person = console("config", "set", "Password", "--host", "holder")
    person.wait_for("Password of tim at holder:")
    for _ in range(7):
        person.type("x" * 100)
    person.type("Enter")
    screen, code = person.end()
    assert "the password is too long; expected: 1 to 255 bytes of UTF-8" in screen
    assert "xxx" not in screen and code == INVALID


# The question


def test_the_question_enables(machine: Machine, disabled: None, console: Open) -> None:
    person = console()
    person.answer("2 to disable it, or C to cancel:", "1", "Enter")
    person.answer("Enter O for OK", "o", "Enter")
    screen, code = person.end()
    assert screen == r"""ETRN is currently disabled: AlwaysUseETRN is 0.

Enter 1 to enable ETRN, 2 to disable it, or C to cancel: 1

This sets the value
  HKLM\SYSTEM\CurrentControlSet\Services\EtrnSvc\Parameters\AlwaysUseETRN
to REG_DWORD 1. A backup of the key is saved first.

Enter O for OK, or C to cancel: o
EtrnSvc: AlwaysUseETRN was 0, is now 1.
"""
    assert code == DONE
    assert switch(machine) == "0x1"
    assert len(machine.backups()) == 1


def test_the_question_disables_and_nonsense_is_asked_again(machine: Machine, console: Open) -> None:
    machine.fresh({"AlwaysUseETRN": 1}, start=False)
    person = console()
    person.answer("or C to cancel:", "3", "Enter")
    person.answer('"3" is not one of the answers.', "Enter")
    person.answer('"" is not one of the answers.', "12", "Enter")
    person.answer('"12" is not one of the answers.', "enable", "Enter")
    person.answer('"enable" is not one of the answers.', "2", "Enter")
    person.answer("Enter O for OK", "2", "Enter")
    person.answer('"2" is not one of the answers.', "OK", "Enter")
    screen, code = person.end()
    assert (code, switch(machine)) == (DONE, "0x0")
    assert screen.startswith("ETRN is currently enabled: AlwaysUseETRN is 1.\n")
    assert screen.endswith("cancel: OK\nEtrnSvc: AlwaysUseETRN was 1, is now 0.\n")


@pytest.mark.parametrize("answers", [["c"], ["C"], ["Cancel"], ["C-c"], ["1", "c"], ["1", "CANCEL"], ["2", "C-c"], ["x", "C-c"]],
                         ids=" ".join)
def test_the_question_cancelled(machine: Machine, disabled: None, console: Open, answers: list[str]) -> None:
    person = console()
    for count, answer in enumerate(answers, 1):
        person.answer("to cancel:", answer, *([] if answer == "C-c" else ["Enter"]), times=count)
    screen, code = person.end()
    assert screen.endswith("\nCancelled; nothing was written.\n")
    assert screen.count("Cancelled") == 1
    assert (code, switch(machine)) == (CANCELLED, "0x0")
    assert machine.backups() == []


def test_the_window_closed_at_the_question(machine: Machine, disabled: None, console: Open) -> None:
    person = console()
    person.wait_for("to cancel:")
    person.close()

    def running() -> bool:
        found = subprocess.run(["pgrep", "-f", r"etrnctl\.exe$"], capture_output=True, text=True).stdout.split()
        mine = f"WINEPREFIX={machine.prefix.path}\0".encode()
        return any(mine in environment(pid) for pid in found)

    wait_until(lambda: not running(), "its end")
    assert (switch(machine), machine.backups()) == ("0x0", [])


def environment(pid: str) -> bytes:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:
        return b""


@pytest.mark.parametrize("redirection", ["< /dev/null", "| cat"])
def test_no_question_without_a_console_at_both_ends(console: Open, disabled: None, redirection: str) -> None:
    screen, code = console(redirection=redirection).end()
    assert "Exit codes:" in screen and "to cancel" not in screen
    assert code == (DONE if "cat" in redirection else USAGE)  # which is cat's


def test_the_question_without_the_service(machine: Machine, console: Open) -> None:
    machine.fresh(start=False)
    machine.ctl("service", "uninstall")
    screen, code = console().end()
    assert screen == "etrnctl: EtrnSvc is not installed; to install it: etrnctl service install\n"
    assert code == NOT_FOUND


# Yes or no


@pytest.fixture
def exchange(machine: Machine) -> Iterator[str]:
    """The key of another service that knows AlwaysUseETRN."""
    machine.prefix.reg_add(EXCHANGE + r"\Parameters", "AlwaysUseETRN", "REG_DWORD", 0)
    yield EXCHANGE + r"\Parameters"
    machine.prefix.reg_delete(EXCHANGE)


@pytest.mark.parametrize("answer, wanted", [("y", True), ("Y", True), ("yes", True), ("n", False), ("", False), ("j", False),
                                            ("C-c", False)])
def test_enable_of_another_service_asks(machine: Machine, console: Open, exchange: str, answer: str, wanted: bool) -> None:
    person = console("enable", "--service", "MSExchangeIMC")
    keys = [answer] if answer == "C-c" else [*([answer] if answer else []), "Enter"]
    screen = person.wait_for("[y/N]")
    assert rf"Set {exchange}\AlwaysUseETRN to REG_DWORD 1? [y/N]" in screen.replace("\n", "")
    person.type(*keys)
    screen, code = person.end()
    assert code == (DONE if wanted else CANCELLED)
    assert machine.prefix.reg_query(exchange, "AlwaysUseETRN").split()[-1] == ("0x1" if wanted else "0x0")
    assert ("MSExchangeIMC: AlwaysUseETRN was 0, is now 1." in screen) == wanted
    assert ("Cancelled; nothing was written." in screen) != wanted


def test_no_question_where_none_is_needed(machine: Machine, disabled: None, console: Open, exchange: str) -> None:
    assert console("disable", "--service", "MSExchangeIMC", "-y").end()[1] == DONE
    screen, code = console("enable").end()  # of EtrnSvc itself
    assert (screen, code) == ("EtrnSvc: AlwaysUseETRN was 0, is now 1.\n", DONE)


def test_restore_asks(machine: Machine, disabled: None, console: Open) -> None:
    machine.ctl("backup", r"C:\saved.reg")
    machine.configure({"AlwaysUseETRN": 1})
    person = console("restore", r"C:\saved.reg")
    person.answer(r"Restore the Parameters key of EtrnSvc from C:\saved.reg? [y/N]", "Enter")
    assert person.end()[1] == CANCELLED
    assert (switch(machine), machine.backups()) == ("0x1", [])
    person = console("restore", r"C:\saved.reg")
    person.answer("[y/N]", "y", "Enter")
    assert person.end()[1] == DONE
    assert switch(machine) == "0x0"


# What is seen


SCREEN = """Service:   running
ETRN:      enabled (AlwaysUseETRN is 1, from Parameters)
Rounds:    last {age}, next in 15 minutes
Hosts:     2, 1 failing

mail.isp.example: FAILING, next in 15 minutes (interval)
  a.example: The host does not permit ETRN for this domain. ({age}, not
  encrypted: STARTTLS is not offered)
      459 b\xfccher
      First failed {age}. Ask the host's operator to permit it
      (Postfix: fast_flush_domains), or check the spelling of the domain.

fine.example: next in 15 minutes (interval)
  a.example: The host has started to deliver the mail waiting for this domain.
  ({age}, not encrypted: STARTTLS is not offered)
"""


@pytest.fixture
def two_hosts(machine: Machine, serve: Serve) -> None:
    """Two hosts, one of which fails."""
    refusing = serve(Script(etrn=Each("459 b\xfccher", "250 Queuing started")))
    machine.fresh(hosts={"mail.isp.example": host_at(refusing), "fine.example": host_at(serve())})
    machine.wait_dequeues(1)


def is_screen(seen: str) -> bool:
    """Whether the text is SCREEN with an age from 2 to 9 seconds."""
    return any(seen == SCREEN.replace("{age}", f"{seconds} seconds ago") for seconds in range(2, 10))


def colour_of(words: str, screen: str) -> str:
    """Returns the number of the colour in which the text begins."""
    return re.findall(ESCAPE + r"\[(\d+)m", "\x1b[39m" + screen.partition(words)[0])[-1]


def test_status_watched(machine: Machine, two_hosts: None, console: Open) -> None:
    person = console("status", "--watch")
    ages = set()
    for _ in range(2):  # it is drawn anew as ages grow
        seen = wait_until(lambda: (now := person.screen()) not in ages and is_screen(now) and now, person.screen())
        ages.add(seen)
    assert all(len(line) <= 80 for seen in ages for line in seen.splitlines())
    machine.ctl("run")
    screen = person.wait_for("Hosts:     2\n")  # and when there is news
    assert "FAILING" not in screen
    person.wait_for("fine.example")
    person.type("C-c")
    screen, code = person.end()
    assert code == DONE


def test_colours(machine: Machine, two_hosts: None, console: Open) -> None:
    person = console("status")
    person.end()
    screen = person.screen(colours=True)
    seen = [colour_of(words, screen) for words in ("Service:", "1 failing", "mail.isp.example", "  a.example", "fine.example")]
    assert seen == ["39", "31", "31", "39", "32"]  # usual, red, green
    person = console("status", NO_COLOR="1")
    person.end()
    assert ESCAPE not in person.screen(colours=True)
    assert ESCAPE not in machine.ctl("status").out  # and never into a file


def test_letters_outside_ascii(machine: Machine, disabled: None, console: Open) -> None:
    screen, code = console("remove", "b\xfccher.\u65e5\u672c").end()
    assert screen == "etrnctl: b\xfccher.\u65e5\u672c: no such host; for a list: etrnctl status\n"
    assert code == NOT_FOUND


def test_run_shows_its_progress(machine: Machine, serve: Serve, console: Open) -> None:
    machine.fresh({"RunAtStart": 0}, {"one": host_at(serve()), "slow": host_at(serve(Script(delay=0.7)))})
    person = console("run")
    person.wait_for("1 of 2 hosts")
    screen, code = person.end()
    assert code == DONE
    assert "hosts" not in screen  # it is gone


def test_the_service_on_a_console_shows_each_state_of_a_session(machine: Machine, serve: Serve) -> None:
    machine.fresh(hosts={"mail.isp.example": host_at(serve(), "a.example", "b.example")}, start=False)
    service = machine.prefix.popen([SERVICE_EXE, "--console"])
    assert service.stdout
    states = []
    for line in service.stdout:
        states += re.findall(r"mail\.isp\.example: (.* -> .*)", line.rstrip())
        if states and states[-1].endswith("end"):
            break
    service.send_signal(signal.SIGINT)
    service.stdout.read()
    assert service.wait(10) == 0
    assert states == ["greeting -> capabilities", "capabilities -> node reply", "node reply -> farewell", "farewell -> end"]
