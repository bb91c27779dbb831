"""Files that another program holds, and calls on files that fail before something is cut off or deleted."""

from __future__ import annotations

from pathlib import Path

from lab.wine import windows_path

from .machine import Machine, helper

SHARING_VIOLATION, ACCESS_DENIED = 32, 5


def test_a_file_that_is_held_for_a_moment(machine: Machine, tmp_path: Path) -> None:
    said = machine.run(str(helper("held_files")), windows_path(tmp_path)).out.splitlines()
    cases = dict(line.split(": ") for line in said)
    assert cases["written"] == "0, one"
    assert cases["read while held"] == "0, one"
    assert cases["replaced while held"] == "0, two"
    assert cases["aside held"] == "0, three"
    assert cases["held for good"] in (f"{error}, three" for error in (SHARING_VIOLATION, ACCESS_DENIED))
    assert cases["aside held for good"] == f"{SHARING_VIOLATION}, three"
    assert cases["another's file aside is there"] == "1"
