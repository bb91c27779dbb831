"""The table of the fifteen groups of faults at the end of a test run: how many cases ran, where, and how many passed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent
NATIVE = FOLDER.parents[1] / "build" / "faults" / "native"  # from run.c: an id and "passed" in each line


@dataclass
class Group:
    name: str
    native: int = 0
    cases: dict[str, bool] = field(default_factory=dict)  # by id, whether it passed wherever it was played

    def add(self, case: str, passed: bool) -> None:
        self.cases[case] = passed and self.cases.get(case, True)


def groups() -> dict[int, Group]:
    """Returns the groups by number, with their names in README.md."""
    found = re.findall(r"^(\d+)\. (.+?)[:,]", (FOLDER / "README.md").read_text(), re.MULTILINE)
    return {int(number): Group(name) for number, name in found}


def elsewhere() -> dict[str, list[str]]:
    """Returns the clauses of elsewhere.txt, by test."""
    clauses: dict[str, list[str]] = {}
    for line in (FOLDER / "elsewhere.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            clause, _, test = line.partition(" ")
            clauses.setdefault(test, []).append(clause)
    return clauses


class Table:
    """Counts every test that is marked fault("11.3") or listed in elsewhere.txt, and the results that run.c has
    written."""

    def __init__(self) -> None:
        self.groups = groups()
        self.ran = False

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        named = elsewhere()
        for item in items:
            whole = item.nodeid.partition("[")[0] if "[" in item.nodeid else ""
            for clause in named.get(item.nodeid, []) + named.get(whole, []):
                item.add_marker(pytest.mark.fault(clause))
            marks = [mark.args[0] for mark in item.iter_markers("fault")]
            for clause in marks:
                assert int(clause.partition(".")[0]) in self.groups, f"{item.nodeid}: {clause} is no clause"
            item.user_properties += [("fault", clause) for clause in marks]  # goes with the report, from process to process

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed or report.skipped:
            return
        for clause in (value for name, value in report.user_properties if name == "fault"):
            self.ran = True
            # A case has the same id wherever it is played; what else is marked is a case by its own name.
            case = clause if "test_fault[" in report.nodeid else f"{clause} {report.nodeid}"
            self._group(clause).add(case, report.passed)

    def _group(self, clause: str) -> Group:
        return self.groups[int(clause.partition(".")[0])]

    def _add_native(self) -> None:
        for line in NATIVE.read_text().splitlines() if NATIVE.exists() else []:
            case, _, told = line.rpartition(" ")
            self._group(case).add(case, told == "passed")
            self._group(case).native += 1

    def pytest_terminal_summary(self, terminalreporter) -> None:
        if not self.ran:
            return
        self._add_native()
        terminalreporter.section("faults")
        terminalreporter.write_line(f"{'':4}{'group':<16}{'cases':>6}{'passed':>8}  of them natively, in every cut")
        rows = [(f"{number:>2}", group.name, group) for number, group in self.groups.items()]
        total = [sum(len(group.cases) for _, _, group in rows), sum(sum(group.cases.values()) for _, _, group in rows),
                 sum(group.native for _, _, group in rows)]
        for number, name, group in rows:
            self._row(terminalreporter, number, name, [len(group.cases), sum(group.cases.values()), group.native])
        self._row(terminalreporter, "", "all", total)

    @staticmethod
    def _row(terminalreporter, number: str, name: str, counts: list[int]) -> None:
        cases, passed, native = counts
        terminalreporter.write_line(f"{number:<4}{name:<16}{cases:>6}{passed:>8}{native:>8}")
