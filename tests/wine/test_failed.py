"""etrnctl on a computer that fails: exit code 8, whatever it was to do."""

from __future__ import annotations

import subprocess

import pytest

from .machine import TOOL_EXE, Machine

FAILED = 8


@pytest.mark.parametrize("words", [["status"], ["config", "list", "--json"], ["completion"], ["--help"]], ids=" ".join)
def test_a_full_disk(machine: Machine, words: list[str]) -> None:
    machine.fresh(start=False)
    with open("/dev/full", "wb") as full:
        process = machine.prefix.popen([TOOL_EXE, *words], stdout=full, stderr=subprocess.PIPE)
        _, said = process.communicate(timeout=60)
    assert process.returncode == FAILED, said
    assert "etrnctl: cannot write to standard output: " in said
