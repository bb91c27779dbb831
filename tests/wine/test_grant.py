"""RunService: EtrnSvc may start and stop that one service, as long as a host names it.

Wine keeps no access control list of a service. So the tool is linked here with a service manager that does: the lists
are files of SDDL, DACL\\<service>.txt, and all else is Wine's own.
"""

from __future__ import annotations

import hashlib
import shutil
import struct
from collections.abc import Iterator

import pytest

from .machine import FOLDER, PARAMETERS, TOOL_EXE, Machine, Reply, helper, reg_text

NAMES = ("FetchMail", "Retriever")
TOOL = FOLDER + r"\etrnctl-with-lists.exe"

# As services have it by default, the order of the rights as Windows prints them.
DEFAULT = "D:(A;;CCLCSWRPWPDTLOCRRC;;;SY)(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;BA)(A;;CCLCSWLOCRRC;;;IU)"


def service_sid(name: str) -> str:
    """Of NT SERVICE\\name: the SHA-1 of the name in upper case and UTF-16LE, as sc showsid prints it."""
    digest = hashlib.sha1(name.upper().encode("utf-16-le")).digest()
    return "S-1-5-80-" + "-".join(map(str, struct.unpack("<5I", digest)))


OURS = f"(A;;LCRPWP;;;{service_sid('EtrnSvc')})"


class Services:
    """The access control lists of some services, and the tool that sees them."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.folder = machine.prefix.drive_c / "dacl"
        self.folder.mkdir(exist_ok=True)
        for path in self.folder.iterdir():
            path.unlink()

    def make(self, name: str, dacl: str = DEFAULT) -> None:
        (self.folder / f"{name}.txt").write_text(dacl)

    def dacl(self, name: str) -> str:
        return (self.folder / f"{name}.txt").read_text()

    def ctl(self, *words: str) -> Reply:
        return self.machine.run(TOOL, *words)


@pytest.fixture(scope="module")
def tool(machine: Machine) -> None:
    shutil.copy2(helper("lists"), machine.prefix.drive_c / TOOL.removeprefix("C:\\").replace("\\", "/"))


@pytest.fixture(scope="module")
def installed(machine: Machine) -> Iterator[None]:
    """Two services that RunService may name; neither is ever started."""
    for name in NAMES:
        assert machine.run("sc", "create", name, "binPath=", r"C:\none.exe").code == 0
    yield
    for name in NAMES:
        machine.run("sc", "delete", name)


@pytest.fixture
def services(machine: Machine, tool: None, installed: None) -> Services:
    machine.fresh({"AlwaysUseETRN": 0}, start=False)
    each = Services(machine)
    for name in NAMES:
        each.make(name)
    return each


def test_add_and_remove(services: Services) -> None:
    reply = services.ctl("add", "isp.example", "a.example", "--run-service", "FetchMail")
    assert (reply.code, reply.out.splitlines()[0]) == (0, "EtrnSvc may now start and stop FetchMail.")
    assert services.dacl("FetchMail") == DEFAULT + OURS
    assert "FetchMail" in services.machine.prefix.reg_query(PARAMETERS + r"\Hosts\isp.example", "RunService")
    reply = services.ctl("add", "isp.example", "b.example", "--run-service", "FetchMail")
    assert "may now" not in reply.out
    assert services.dacl("FetchMail") == DEFAULT + OURS  # once
    reply = services.ctl("remove", "isp.example")
    assert (reply.code, reply.out) == (
        0, "isp.example was removed.\nEtrnSvc may no longer start and stop FetchMail.\n")
    assert services.dacl("FetchMail") == DEFAULT


def test_a_service_that_two_hosts_use(services: Services) -> None:
    for name in ("one.example", "two.example"):
        assert services.ctl("add", name, "a.example", "--run-service", "FetchMail").code == 0
    assert services.ctl("remove", "one.example").out == "one.example was removed.\n"
    assert services.dacl("FetchMail") == DEFAULT + OURS
    services.ctl("remove", "two.example")
    assert services.dacl("FetchMail") == DEFAULT


def test_entries_of_others_stay(services: Services) -> None:
    more = f"(A;;CCLCRPWP;;;{service_sid('EtrnSvc')})(D;;RPWP;;;{service_sid('Other')})"
    services.make("FetchMail", DEFAULT + more)
    services.ctl("add", "isp.example", "a.example", "--run-service", "FetchMail")
    assert services.dacl("FetchMail") == DEFAULT + more + OURS
    services.ctl("remove", "isp.example")
    assert services.dacl("FetchMail") == DEFAULT + more


def test_config_set_and_unset(services: Services) -> None:
    services.ctl("add", "isp.example", "a.example", "--run-service", "FetchMail")
    reply = services.ctl("config", "set", "RunService", "Retriever", "--host", "isp.example")
    assert (reply.code, reply.out) == (0, "EtrnSvc may now start and stop Retriever.\n"
                                          "RunService: was FetchMail, is now Retriever (Parameters).\n"
                                          "EtrnSvc may no longer start and stop FetchMail.\n")
    assert (services.dacl("FetchMail"), services.dacl("Retriever")) == (DEFAULT, DEFAULT + OURS)
    assert services.ctl("config", "unset", "RunService", "--host", "isp.example").code == 0
    assert services.dacl("Retriever") == DEFAULT


def test_restore(services: Services) -> None:
    services.ctl("add", "isp.example", "a.example", "--run-service", "FetchMail")
    services.ctl("backup", r"C:\with.reg")
    services.ctl("config", "set", "RunService", "Retriever", "--host", "isp.example")
    assert services.ctl("restore", r"C:\with.reg", "-y").code == 0
    assert (services.dacl("FetchMail"), services.dacl("Retriever")) == (DEFAULT + OURS, DEFAULT)


def test_uninstalling_takes_it_back(services: Services) -> None:
    services.ctl("add", "isp.example", "a.example", "--run-service", "FetchMail")
    reply = services.ctl("service", "uninstall")
    assert reply.out == "EtrnSvc is uninstalled.\nEtrnSvc may no longer start and stop FetchMail.\n"
    assert services.dacl("FetchMail") == DEFAULT


@pytest.mark.parametrize("words", [
    ["add", "isp.example", "a.example", "--run-service", "Nothing"],
    ["config", "set", "RunService", "Nothing", "--host", "old.example"],
])
def test_no_such_service(services: Services, words: list[str]) -> None:
    services.machine.prefix.reg_import(reg_text(PARAMETERS + r"\Hosts\old.example", {"Domains": ["a.example"]}))
    before = services.machine.prefix.reg_query(PARAMETERS)
    reply = services.ctl(*words)
    assert (reply.code, reply.out) == (3, "")
    assert reply.err == ("etrnctl: RunService: no such service: Nothing; for a list of names: sc query\n")
    assert services.machine.prefix.reg_query(PARAMETERS) == before
    assert services.machine.prefix.reg_query(PARAMETERS + r"\Hosts\isp.example") == ""
    assert services.machine.prefix.reg_query(PARAMETERS + r"\Hosts\old.example", "RunService") == ""
    assert services.machine.backups() == []


def test_a_list_that_may_not_be_changed(services: Services) -> None:
    (services.folder / "FetchMail.txt").chmod(0o444)
    reply = services.ctl("add", "isp.example", "a.example", "--run-service", "FetchMail")
    assert (reply.code, reply.out) == (5, "")
    assert reply.err == (
        "etrnctl: cannot permit EtrnSvc to start and stop FetchMail: access denied. Run this as administrator.\n"
        f'To grant it manually: add {OURS} to the D: part of the output of "sc sdshow FetchMail", and pass the result to '
        '"sc sdset FetchMail".\n')
    assert services.machine.prefix.reg_query(PARAMETERS + r"\Hosts\isp.example") == ""
    # Made by hand it is as good, and the right to change the list is not asked for.
    (services.folder / "FetchMail.txt").chmod(0o644)
    services.make("FetchMail", DEFAULT + OURS)
    (services.folder / "FetchMail.txt").chmod(0o444)
    assert services.ctl("add", "isp.example", "a.example", "--run-service", "FetchMail").code == 0
    # What cannot be taken back is told.
    reply = services.ctl("remove", "isp.example")
    assert reply.code == 5
    assert reply.err.startswith("etrnctl: cannot revoke the permission of EtrnSvc to start and stop FetchMail: access denied")
    (services.folder / "FetchMail.txt").chmod(0o644)


def test_a_service_open_to_all_needs_no_entry(services: Services) -> None:
    services.make("FetchMail", "")
    reply = services.ctl("add", "isp.example", "a.example", "--run-service", "FetchMail")
    assert (reply.code, "may now" in reply.out) == (0, False)
    assert services.dacl("FetchMail") == ""


def test_wine_has_no_lists_and_that_is_no_error(machine: Machine, installed: None) -> None:
    machine.fresh({"AlwaysUseETRN": 0}, start=False)
    reply = machine.run(TOOL_EXE, "add", "isp.example", "a.example", "--run-service", "FetchMail")
    assert reply.code == 0, reply
    assert "FetchMail" in machine.prefix.reg_query(PARAMETERS + r"\Hosts\isp.example", "RunService")
