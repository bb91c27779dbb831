"""Access rights of files, keys and processes. Wine does not enforce them: the tests check the rights that were
requested."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .machine import FOLDER, PARAMETERS, SERVICE_EXE, Machine, Serve, helper, host_at, wait_until

Ask = Callable[..., list[str]]


@pytest.fixture(scope="module")
def ask(machine: Machine) -> Ask:
    """Asks Windows: ask("key", path) for a key's access control list, ask("privileges", process)."""

    def put(*words: str) -> list[str]:
        reply = machine.run(str(helper("rights")), *words)
        assert reply.code == 0, reply
        return reply.out.split()

    return put


@pytest.fixture
def data(machine: Machine) -> Iterator[Path]:
    """The data folder, which does not exist yet; anything created in its place is removed afterwards."""
    machine.fresh(start=False)
    folder = machine.status_file.parent
    yield folder
    machine.stop()
    shutil.rmtree(folder, ignore_errors=True)


PROTECTED = re.compile(r"D:P(AI)?\(A;CI;KA;;;SY\)\(A;CI;KA;;;BA\)\(A;CI;KR;;;BU\)\(A;CI;KR;;;S-1-5-80-[-0-9]+\)")


def test_parameters_are_the_administrators_to_write_and_the_services_to_read(machine: Machine, ask: Ask) -> None:
    def rights() -> str:
        [text] = ask("key", PARAMETERS.removeprefix("HKLM\\"))
        return text

    def forget() -> None:
        machine.run("reg", "delete", PARAMETERS, "/f")

    machine.fresh(start=False)
    forget()
    machine.ctl("config", "set", "IntervalMinutes", "20")
    assert PROTECTED.fullmatch(rights())
    saved = machine.prefix.path / "drive_c" / "saved.reg"
    assert machine.ctl("backup", r"C:\saved.reg").code == 0 and saved.exists()
    forget()
    machine.run("reg", "add", PARAMETERS, "/v", "Foreign", "/d", "1")
    assert not PROTECTED.fullmatch(rights())
    assert machine.ctl("restore", r"C:\saved.reg", "-y").code == 0
    assert PROTECTED.fullmatch(rights())
    forget()
    machine.run("reg", "add", PARAMETERS, "/v", "Foreign", "/d", "1")
    assert machine.ctl("service", "install").code == 0
    assert PROTECTED.fullmatch(rights())


def test_the_service_keeps_one_privilege(machine: Machine, ask: Ask) -> None:
    machine.fresh()
    process = machine.wait_told(lambda told: told["process"])["process"]
    assert ask("privileges", str(process)) == ["SeChangeNotifyPrivilege"]
    assert len(ask("privileges")) > 1  # others do have more


@pytest.mark.parametrize("program", [SERVICE_EXE, rf"{FOLDER}\etrnctl.exe"])
def test_mitigations_are_asked_for(machine: Machine, program: str) -> None:
    said = machine.prefix.run([program, "--version"], env={"WINEDEBUG": "-all,fixme+process"})
    policies = re.findall(r"SetProcessMitigationPolicy \((\d+),", said.stderr)
    assert policies == ["2", "3", "6", "10", "10"]  # dynamic code, strict handles, extension points, image loads


def test_folders_are_closed_to_others(machine: Machine, serve: Serve, data: Path) -> None:
    machine.configure({"ProtocolLog": 1}, {"isp": host_at(serve())})
    machine.ctl("config", "set", "IntervalMinutes", "20")
    machine.start()
    wait_until(lambda: list((data / "log").glob("*.LOG")), "the log")
    modes = {name: stat.S_IMODE(os.stat(data / name).st_mode) & stat.S_IRWXO for name in ("", "log", "backup")}
    # Wine makes the owner's and everybody's rights the file's mode; users are neither.
    assert modes == {"": 0, "log": 0, "backup": 0}


def test_a_folder_that_somebody_else_made_is_not_used(machine: Machine, serve: Serve, data: Path) -> None:
    data.mkdir(parents=True)
    os.chown(data, 65534, 65534)
    reply = machine.ctl("config", "set", "IntervalMinutes", "20")
    sentence = "this folder was created by a user who is not an administrator; delete it"
    assert reply.code != 0 and sentence in reply.err
    machine.configure({}, {"isp": host_at(server := serve())})
    machine.start()
    wait_until(lambda: server.etrns(), "a round all the same")
    wait_until(lambda: machine.warnings() == ["status.json", sentence], "the warning")
    assert list(data.iterdir()) == []
