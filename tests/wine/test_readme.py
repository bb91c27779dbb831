"""README.md: its tables are made from the programs' own (tests/readme.py), and are theirs now."""

from __future__ import annotations

import difflib

import readme

from .machine import TOOL_EXE, Machine


def test_the_tables_are_what_the_programs_say(machine: Machine) -> None:
    machine.fresh(start=False)
    found = (readme.ROOT / "README.md").read_text()
    written = readme.written(found, readme.tables(machine.prefix, TOOL_EXE))
    assert found == written, "\n".join(difflib.unified_diff(found.splitlines(), written.splitlines(), "README.md",
                                                            "tests/readme.py", lineterm=""))
