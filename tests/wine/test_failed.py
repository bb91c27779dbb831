"""etrnctl on a computer that fails: exit code 8, whatever the command."""

from __future__ import annotations

import subprocess

import pytest

from .machine import TOOL_EXE, Machine, helper

NETWORK, DENIED, FAILED = 4, 5, 8

ELSEWHERE = {  # what Windows answers when another computer, or a share, is at fault
    "ERROR_REM_NOT_LIST": (51, NETWORK),
    "ERROR_BAD_NETPATH": (53, NETWORK),
    "ERROR_UNEXP_NET_ERR": (59, NETWORK),
    "ERROR_NETNAME_DELETED": (64, NETWORK),
    "ERROR_BAD_NET_NAME": (67, NETWORK),
    "ERROR_SEM_TIMEOUT": (121, NETWORK),
    "RPC_S_SERVER_UNAVAILABLE": (1722, NETWORK),
    "RPC_S_SERVER_TOO_BUSY": (1723, NETWORK),
    "RPC_S_CALL_FAILED": (1726, NETWORK),
    "ERROR_NETWORK_ACCESS_DENIED": (65, DENIED),
    "ERROR_LOGON_FAILURE": (1326, DENIED),
    "ERROR_DISK_FULL": (112, FAILED),
    "ERROR_NOT_ENOUGH_MEMORY": (8, FAILED),
}


def test_another_computer_that_fails_is_not_this_one(machine: Machine) -> None:
    said = machine.run(str(helper("exit_codes")), *(str(error) for error, _ in ELSEWHERE.values())).out.split()
    assert dict(zip(ELSEWHERE, map(int, said), strict=True)) == {name: code for name, (_, code) in ELSEWHERE.items()}


@pytest.mark.parametrize("words", [["status"], ["config", "list", "--json"], ["completion"], ["--help"]], ids=" ".join)
def test_a_full_disk(machine: Machine, words: list[str]) -> None:
    machine.fresh(start=False)
    with open("/dev/full", "wb") as full:
        process = machine.prefix.popen([TOOL_EXE, *words], stdout=full, stderr=subprocess.PIPE)
        _, said = process.communicate(timeout=60)
    assert process.returncode == FAILED, said
    assert "etrnctl: cannot write to standard output: " in said
