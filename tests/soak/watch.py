"""What the service's process has: handles, memory, threads, descriptors; and whether that grows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Measure:
    """What is measured, and how much more of it at the end than at the beginning is no growth."""

    name: str
    unit: str
    allowance: int


# What a process pays for pages of files depends on who else has them mapped just now: 4 MiB more or less of PSS.
MEASURES = [
    Measure("handles", "", 3),
    Measure("threads", "", 2),
    Measure("descriptors", "", 3),
    Measure("memory (PSS)", " KiB", 8192),
    Measure("memory (private)", " KiB", 2048),
]


def sample(pid: int, handles: int) -> dict[str, int]:
    """One figure for each of MEASURES."""
    process = Path(f"/proc/{pid}")
    rollup = (process / "smaps_rollup").read_text()

    def kib(name: str) -> int:
        return int(re.search(rf"^{name}: +(\d+)", rollup, re.MULTILINE)[1])

    return {
        "handles": handles,
        "threads": len(list((process / "task").iterdir())),
        "descriptors": len(list((process / "fd").iterdir())),
        "memory (PSS)": kib("Pss"),
        "memory (private)": kib("Private_Dirty"),
    }


@dataclass
class Watch:
    """Samples of one kind, in order, as at rest; `most` knows the busy ones too."""

    samples: list[dict[str, int]] = field(default_factory=list)
    most: dict[str, int] = field(default_factory=dict)

    def add(self, found: Mapping[str, int], at_rest: bool = True) -> None:
        if at_rest:
            self.samples.append(dict(found))
        for name, figure in found.items():
            self.most[name] = max(figure, self.most.get(name, 0))

    def ends(self, name: str) -> tuple[int, int]:
        """The least of the first tenth, and of the last: what is there for a while only is no growth."""
        figures = [each[name] for each in self.samples]
        tenth = max(1, len(figures) // 10)
        return min(figures[:tenth]), min(figures[-tenth:])

    def growths(self) -> list[str]:
        """A sentence for each measure that grew."""
        grown = []
        for measure in MEASURES:
            if self.samples and measure.name in self.samples[0]:
                first, last = self.ends(measure.name)
                if last > first + measure.allowance:
                    grown.append(f"{measure.name} grew from {first:,} to {last:,}{measure.unit}: "
                                 f"{[each[measure.name] for each in self.samples]}")
        return grown

    def lines(self, when: str) -> list[list[str]]:
        return [[f"{measure.name}, {when}", *[f"{figure:,}{measure.unit}" for figure in
                                              (*self.ends(measure.name), self.most[measure.name])]]
                for measure in MEASURES if self.samples and measure.name in self.samples[0]]


class Failure(Exception):
    """The soak has found something; the sentence says what."""


def demand(condition: object, what: str | Callable[[], str]) -> None:
    if not condition:
        raise Failure(what if isinstance(what, str) else what())
