#!/usr/bin/python3
"""Whether the unit tests notice when service/core is changed: each mutant is one change, and a test should fail.

    mutate.py [--sample N] [--seed S] [--file NAME ...] [--jobs N] [--at-least PERCENT]

Every mutant is compiled and the unit tests run against it, that of its own file first, until one fails or takes too long;
the cases of tests/faults are the last. What survives is tried once more with the address and undefined behaviour
sanitizers, which see leaks and reads of too much. A mutant that compiles to the same code is none. Those in
equivalents.txt are left out. Prints a line a file, the survivors, and the score.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from operators import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "service" / "core"
UNIT = ROOT / "tests" / "unit"
FAULTS = ROOT / "tests" / "faults"
EQUIVALENTS = Path(__file__).with_name("equivalents.txt")

COMMON = ["-std=c11", "-w", "-fPIC", f"-I{CORE}"]
PLAIN = [*COMMON, "-O1"]
SANITIZED = [*COMMON, "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
OUTCOMES = ("killed", "survived", "equivalent", "same", "invalid")
SLOWEST = 5.0  # times what a test takes otherwise,
AT_LEAST = 5.0  # but not less than these seconds
MEMORY = 4 << 30  # octets that a test without sanitizers may have, since a mutant may never stop asking for more


def run(command: list, **options) -> subprocess.CompletedProcess:
    return subprocess.run(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                          cwd=ROOT, **options)


def compiled(flags: list[str], source: Path, target: Path) -> bool:
    return run(["gcc", *flags, "-c", "-o", target, source]).returncode == 0


class Build:
    """service/core as a library that the tests are linked with, so that a mutant costs one compilation and one link. Tests
    that the Makefile links in a way of their own (UNIT_LINK) are linked anew with each mutant."""

    def __init__(self, folder: Path, flags: list[str]) -> None:
        self.folder, self.flags = folder, flags
        folder.mkdir()
        self.objects = self._compile(CORE.glob("*.c"))
        shared = [path for path in UNIT.glob("*.c") if not path.name.startswith("test_")]
        self._beside = list(self._compile(shared).values())
        self._tests = self._compile(UNIT.glob("test_*.c"))
        options = re.findall(r"^\$\(B\)/unit/(\w+): UNIT_LINK := (.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
        self.special = {name: words.split() for name, words in options}
        self.library(folder, self.objects)
        for name, each in self._tests.items():
            if name not in self.special:
                self._link([each, *self._beside, f"-L{folder}", "-lcore", "-lcmocka"], folder / name)
        player = self._compile(FAULTS / name for name in ("run.c", "case.c"))
        self._link([*player.values(), f"-L{folder}", "-lcore"], folder / "faults")
        self.names = [*self._tests, "faults"]
        self.cases = folder / "cases"
        with self.cases.open("w") as file:
            subprocess.run([sys.executable, FAULTS / "cases.py"], stdout=file, check=True)

    def _compile(self, sources) -> dict[str, Path]:
        found = {}
        for source in sources:
            found[source.stem] = self.folder / (source.stem + ".o")
            if not compiled(self.flags, source, found[source.stem]):
                raise SystemExit(f"{source} does not compile")
        return found

    def _link(self, words: list, target: Path) -> None:
        if run(["gcc", *self.flags, "-o", target, *words]).returncode != 0:
            raise SystemExit(f"{target.name} cannot be linked")

    def library(self, folder: Path, objects: dict[str, Path]) -> None:
        self._link(["-shared", *objects.values()], folder / "libcore.so")

    def passes(self, name: str, folder: Path, objects: dict[str, Path], timeout: float) -> bool:
        """Whether a test does with the library that is in this folder."""
        program = self.folder / name
        if name in self.special:
            program = folder / name
            self._link([self._tests[name], *self._beside, *objects.values(), *self.special[name], "-lcmocka"], program)
        words: list = [program, folder / "native"] if name == "faults" else [program]
        with (self.cases if name == "faults" else Path(os.devnull)).open() as stdin:
            return self._ends_well(words, folder, stdin, timeout)

    def _ends_well(self, words: list, folder: Path, stdin, timeout: float) -> bool:
        limit = [] if "-g" in self.flags else ["prlimit", f"--as={MEMORY}"]
        process = subprocess.Popen([*limit, *map(str, words)], stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=os.environ | {"LD_LIBRARY_PATH": str(folder)}, cwd=folder, start_new_session=True)
        try:
            return process.wait(timeout) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


class Bench:
    """Tries mutants with both builds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plain = Build(folder / "plain", PLAIN)
        self.sanitized = Build(folder / "sanitized", SANITIZED)
        self.seconds = {build: {name: self._time(build, name) for name in build.names}
                        for build in (self.plain, self.sanitized)}

    def _time(self, build: Build, name: str) -> float:
        began = time.monotonic()
        if not build.passes(name, build.folder, build.objects, 300):
            raise SystemExit(f"{name} fails without any mutant")
        return time.monotonic() - began

    def outcome(self, source: Path, text: str, mutant: Mutant) -> str:
        """killed, survived, same (code), or invalid, when it does not compile."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            folder = Path(name)
            changed = folder / source.name
            changed.write_text(mutant.apply(text))
            target = folder / (source.stem + ".o")
            if not compiled(PLAIN, changed, target):
                return "invalid"
            if target.read_bytes() == self.plain.objects[source.stem].read_bytes():
                return "same"
            for build in (self.plain, self.sanitized):
                compiled(build.flags, changed, target)
                objects = build.objects | {source.stem: target}
                build.library(folder, objects)
                if not all(build.passes(test, folder, objects, max(AT_LEAST, SLOWEST * self.seconds[build][test]))
                           for test in self._order(build, source.stem)):
                    return "killed"
        return "survived"

    def _order(self, build: Build, stem: str) -> list[str]:
        """The tests: those named for the file first, then those that are quick."""
        return sorted(build.names, key=lambda name: (not name.startswith(f"test_{stem}"), self.seconds[build][name]))


@dataclass
class Score:
    outcomes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    survivors: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.percent():5.1f} %  {self.outcomes['killed']:4} killed  {self.outcomes['survived']:3} survived"

    def percent(self) -> float:
        counted = self.outcomes["killed"] + self.outcomes["survived"]
        return 100 * self.outcomes["killed"] / counted if counted else 100.0

    def add(self, other: Score) -> None:
        for outcome, count in other.outcomes.items():
            self.outcomes[outcome] += count
        self.survivors += other.survivors


def equivalents() -> set[tuple[str, str, str]]:
    """File, line before and line after."""
    text = "".join(line for line in EQUIVALENTS.read_text().splitlines(keepends=True) if not line.startswith("#"))
    entries = [entry.splitlines() for entry in re.split(r"\n{2,}", text.strip()) if entry]
    return {(name, before.removeprefix("- "), after.removeprefix("+ ")) for name, before, after, *_ in entries}


def try_file(bench: Bench, pool: concurrent.futures.Executor, source: Path, sample: int, seed: int) -> Score:
    text = source.read_text()
    chosen = mutants(text)
    if sample and sample < len(chosen):
        chosen = sorted(random.Random(f"{seed} {source.name}").sample(chosen, sample), key=lambda each: each.start)
    known = equivalents()
    score = Score()
    changes = {mutant: mutant.before_and_after(text) for mutant in chosen}
    tried = [mutant for mutant in chosen if (source.name, *changes[mutant]) not in known]
    score.outcomes["equivalent"] = len(chosen) - len(tried)
    for mutant, outcome in zip(tried, pool.map(lambda each: bench.outcome(source, text, each), tried)):
        score.outcomes[outcome] += 1
        if outcome == "survived":
            before, after = changes[mutant]
            score.survivors.append(f"{source.name}:{mutant.line(text)}: {mutant.operator}\n- {before}\n+ {after}")
    return score


def main() -> int:
    parser = argparse.ArgumentParser(description="Mutation tests of service/core.")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="that many mutants of each file; otherwise all")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--file", action="append", metavar="NAME", help="of this file alone: planner.c; may be repeated")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    parser.add_argument("--at-least", type=float, default=0.0, metavar="PERCENT", help="fails below this score")
    options = parser.parse_args()
    os.nice(10)
    sources = [CORE / name for name in options.file] if options.file else sorted(CORE.glob("*.c"))
    folder = Path(tempfile.mkdtemp(prefix="mutation-"))
    total = Score()
    try:
        bench = Bench(folder)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for source in sources:
                score = try_file(bench, pool, source, options.sample, options.seed)
                print(f"{source.name:20} {score}", flush=True)
                for survivor in score.survivors:
                    print(survivor, flush=True)
                total.add(score)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    left = ", ".join(f"{total.outcomes[each]} {text}" for each, text in (
        ("equivalent", "known as equivalent"), ("same", "the same code"), ("invalid", "not C")))
    print(f"{'all of service/core' if not options.file else 'these files':20} {total}; left out: {left}")
    return total.percent() < options.at_least


if __name__ == "__main__":
    sys.exit(main())
