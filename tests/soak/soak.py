#!/usr/bin/python3
"""The service for a long time: rounds with faults at random, starts and stops, and kills; and nothing may grow.

    soak.py [--quick] [--seed SEED] [--readme]      run by `make soak`. --quick: a small one, of two minutes; --seed: the
                                                    faults of an earlier one again; --readme: writes the table into
                                                    tests/README.md as well

Ends with exit code 1, and says what it found, when an outcome does not fit what a server did, when what is on disk is not
whole after a kill, or when handles, memory, threads or descriptors have grown.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import textwrap
import time
import traceback
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab.tidy import run_tidily  # noqa: E402
from readme import table, write  # noqa: E402
from soak.cycles import Cycles  # noqa: E402
from soak.kills import Kills  # noqa: E402
from soak.rounds import Rounds  # noqa: E402
from soak.watch import Watch, demand  # noqa: E402
from wine.machine import BUILD, Machine  # noqa: E402


@dataclass(frozen=True)
class Amount:
    """`block` rounds and one in which all is as it should be, `blocks` times."""

    blocks: int
    block: int
    cycles: int
    kills: int


WHOLE = Amount(25, 399, 1000, 200)
QUICK = Amount(4, 99, 50, 15)


class Phase(Protocol):
    def begin(self) -> None: ...
    def end(self) -> None: ...


def run(phase: Phase, step: Callable[[], None], count: int, what: str, every: int) -> float:
    """Does the step so often, says how far it is, and returns the seconds."""
    began = time.monotonic()
    phase.begin()
    try:
        for number in range(1, count + 1):
            step()
            if number % every == 0 or number == count:
                print(f"{time.monotonic() - began:7.1f} s: {number:,} of {count:,} {what}", flush=True)
    finally:
        phase.end()
    return time.monotonic() - began


def flat(watch: Watch, what: str) -> None:
    demand(not watch.growths(), lambda: f"{what}: " + "; ".join(watch.growths()))


def counts(found: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(found.items(), key=lambda item: -item[1]))


def report(rounds: Rounds, cycles: Cycles, kills: Kills, seconds: dict[str, float], seed: str) -> str:
    faults = {name: count for name, count in rounds.faults.items() if name != "none"}
    points = [
        f"{rounds.rounds:,} rounds in {seconds['rounds'] / 60:.1f} minutes, with {rounds.sessions:,} sessions and "
        f"{rounds.etrns:,} ETRNs. {rounds.outcomes:,} outcomes were compared with what the servers did.",
        f"Faults by sessions: {counts(faults)}; none {rounds.faults['none']:,}.",
        "Changes during the rounds: "
        + counts({name.strip("_").replace("_", " "): count for name, count in rounds.changes.items()}) + ".",
        f"{cycles.cycles:,} starts and stops in {seconds['cycles'] / 60:.1f} minutes; the slowest stop took "
        f"{cycles.slowest:.2f} s; Wine's StartService failed {cycles.again} times.",
        f"{kills.kills.total():,} kills in {seconds['kills'] / 60:.1f} minutes: {counts(kills.kills)}. Incomplete last "
        f"rows of a log: {kills.partial}. Wine itself failed {kills.falls} times.",
    ]
    head = ["of the service's process", "first tenth", "last tenth", "most"]
    lines = rounds.watch.lines("rounds") + cycles.watch.lines("starts")
    text = "".join(textwrap.fill("- " + each, 120, subsequent_indent="  ", break_on_hyphens=False) + "\n" for each in points)
    return f"Seed {seed}, {os.cpu_count()} processors, under Wine.\n\n{table(head, lines)}\n{text}"


def soak(amount: Amount, seed: str, directory: Path, readme: bool) -> int:
    print(f"seed {seed}", flush=True)
    machines = [Machine(directory / name) for name in ("rounds", "lives")]
    rounds = Rounds(machines[0], f"{seed}-rounds")
    cycles, kills = Cycles(machines[1], f"{seed}-cycles"), Kills(machines[1], f"{seed}-kills")
    seconds: dict[str, float] = {}

    def live_and_die() -> None:
        seconds["cycles"] = run(cycles, cycles.cycle, amount.cycles, "starts and stops", 100)
        flat(cycles.watch, "from start to start")
        seconds["kills"] = run(kills, kills.kill, amount.kills, "kills", 20)

    def go_on() -> None:
        what = f"blocks of {amount.block + 1} rounds"
        seconds["rounds"] = run(rounds, lambda: rounds.block(amount.block), amount.blocks, what, 1)
        flat(rounds.watch, "in rounds")

    both = ThreadPoolExecutor()
    work = [both.submit(each) for each in (go_on, live_and_die)]
    for each in wait(work, return_when=FIRST_EXCEPTION).done:
        if failure := each.exception():
            traceback.print_exception(failure)
            print(f"The same faults again: --seed {seed}", file=sys.stderr)
            return 1  # what is still under way is ended by run_tidily()
    for machine in machines:
        machine.prefix.kill()
    text = report(rounds, cycles, kills, seconds, seed)
    print(text, end="")
    if readme:
        write({"soak": text})
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs the service for a long time, with faults at random.")
    parser.add_argument("--quick", action="store_true", help="a small one, of two minutes")
    parser.add_argument("--seed", default=f"{random.randrange(10**8)}", help="as an earlier one printed it")
    parser.add_argument("--readme", action="store_true", help="write the table into tests/README.md as well")
    options = parser.parse_args()

    def make_directories() -> list[Path]:
        BUILD.mkdir(exist_ok=True)
        return [Path(tempfile.mkdtemp(prefix="soak-", dir=BUILD))]

    amount = QUICK if options.quick else WHOLE
    return run_tidily(make_directories, lambda directory: soak(amount, options.seed, directory, options.readme))


if __name__ == "__main__":
    sys.exit(main())
