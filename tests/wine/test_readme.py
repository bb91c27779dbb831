"""The README files: their tables and sessions match what tests/readme.py makes from the programs, and their
description of JSON matches the output."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

import pytest
import readme

from lab.scripted import Script

from .machine import TOOL_EXE, Machine, Serve, host_at


def names(told: Any) -> set[str]:
    """The names of all members, at any depth; but what "tls" and "service" hold is described in its own place."""
    if isinstance(told, list):
        return set().union(*map(names, told))
    if not isinstance(told, dict):
        return set()
    return set(told) | set().union(*(names(each) for name, each in told.items() if name not in ("tls", "service")))


def documented(block: str) -> set[str]:
    first = re.findall(r"^\| (`.*?) \|", readme.block(block), re.MULTILINE)
    return {name for cell in first for name in re.findall(r"`(\w+)`", cell)}


def test_the_tables_match_the_programs(machine: Machine) -> None:
    machine.fresh(start=False)
    for path, written in readme.rewritten(readme.blocks(machine.prefix, TOOL_EXE)).items():
        found = path.read_text()
        assert found == written, "\n".join(difflib.unified_diff(found.splitlines(), written.splitlines(), str(path),
                                                                "make readme", lineterm=""))


@pytest.fixture
def failing(machine: Machine, serve: Serve) -> int:
    """A host that refuses one of its domains, and a value that is not used."""
    server = serve(Script(etrn={"a.example": "459 not here", "*": "250 Queuing started"}))
    machine.fresh({"IntervalMinutes": 20000}, {"mail.isp.example": host_at(server, "a.example", "b.example")})
    machine.wait_dequeues(1)
    return server.port


def test_members_of_json(machine: Machine, failing: int) -> None:
    def members(*words: str) -> set[str]:
        return names(json.loads(machine.ctl(*words, "--json").out))

    assert members("status") == documented("fields etrnctl status --json")
    assert names(machine.status()["service"]) == documented("fields status")
    assert members("config", "list") == documented("fields etrnctl config list --json")
    assert members("run") == documented("fields etrnctl run --json")
    assert members("test", f"127.0.0.1:{failing}", "a.example") == documented("fields etrnctl test --json")
    assert members("doctor") == documented("fields etrnctl doctor --json")
