"""The clauses of units.txt: the unit tests named there exist and pass."""

from __future__ import annotations

import functools
import re
import subprocess
from pathlib import Path

import pytest

from wine.machine import BUILD

ROWS = [line.split() for line in Path(__file__).with_name("units.txt").read_text().splitlines()
        if line and not line.startswith("#")]


@functools.cache
def passed(program: str) -> list[str]:
    """Returns the tests of a program that passed: from the output stored by `make unit`, or by running it now."""
    path = BUILD / "unit" / program
    told = path.with_suffix(".out")
    if told.exists() and told.stat().st_mtime >= path.stat().st_mtime:
        text = told.read_text(errors="replace")
    else:
        text = subprocess.run([path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False,
                              encoding="utf-8", errors="replace").stdout
    return re.findall(r"^\[       OK \] (\w+)", text, re.MULTILINE)


@pytest.mark.parametrize("program, test", [pytest.param(program, test, id=f"{clause}-{test}", marks=pytest.mark.fault(clause))
                                           for clause, program, test in ROWS])
def test_unit(program: str, test: str) -> None:
    assert test in passed(program)
