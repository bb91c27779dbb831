#!/usr/bin/python3
"""EtrnSvc beside fetchmail and msmtp, in one run on one machine: how long a round takes, what idling costs, and memory.

    bench.py [--quick] [--readme]       run by `make bench`. --quick: fewer hosts, once each, for use while developing;
                                        --readme: writes the table into tests/README.md as well

A table for people, not a test: it fails only when something does not work, never because a machine is slow.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clients import (BUILD, CONNECT_TIMEOUT, DELAY, Round, Service, ServiceRound, Task,  # noqa: E402
                     ask_with_fetchmail, ask_with_msmtp, ask_with_service)
from lab.tidy import run_tidily  # noqa: E402
from lab.wine import WinePrefix  # noqa: E402
from readme import table, write  # noqa: E402

POOL = "wine_threadpool"  # Wine's own threads: their names, as far as Linux keeps them

Ask = Callable[[Task, Path], Round]


@dataclass(frozen=True)
class Share:
    """How many of the hosts a program is given, 0 for all, and how often: less where the whole would take too long."""

    hosts: int = 0
    times: int = 3


@dataclass(frozen=True)
class Row:
    """What is measured: all programs with one task."""

    task: Task
    times: int = 3
    msmtp: Share = Share()
    fetchmail: Share = Share()


ROWS = [
    Row(Task(1, 1)),
    Row(Task(1, 50)),
    Row(Task(200, 1), fetchmail=Share(times=1)),
    Row(Task(1000, 10, dead=True), msmtp=Share(100, 1), fetchmail=Share(20, 1)),
]
IDLE = Task(200, 1)
QUICK_ROWS = [
    Row(Task(1, 1), 1, Share(times=1), Share(times=1)),
    Row(Task(10, 1), 1, Share(times=1), Share(times=1)),
    Row(Task(100, 10, dead=True), 1, Share(20, 1), Share(10, 1)),
]


# Idling


@dataclass(frozen=True)
class Idling:
    """The system calls of each thread of the service's process."""

    calls: dict[str, Counter[str]]  # a thread's name and id: how often each call

    def count(self, of_pool: bool) -> int:
        return sum(calls.total() for thread, calls in self.calls.items() if thread.startswith(POOL) == of_pool)


def watch_idling(pid: int, seconds: float, directory: Path) -> Idling:
    output = directory / "strace"
    threads = {int(path.name): (path / "comm").read_text().strip() for path in Path(f"/proc/{pid}/task").iterdir()}
    strace = subprocess.Popen(["strace", "-f", "-q", "-ttt", "-o", output, "-p", str(pid)], stderr=subprocess.DEVNULL)
    time.sleep(1)  # being attached to interrupts a call, which then goes on: not the thread's doing
    began = time.time()
    time.sleep(seconds)
    ended = time.time()
    if strace.poll() is not None:
        raise RuntimeError(f"strace ended with {strace.returncode}")
    strace.send_signal(signal.SIGINT)
    strace.wait(10)
    calls: dict[str, Counter[str]] = {f"{name} {tid}": Counter() for tid, name in sorted(threads.items())}
    for tid, at, what in re.findall(r"^(\d+) +([\d.]+) (.*)$", output.read_text(errors="replace"), re.MULTILINE):
        if began <= float(at) <= ended:
            call = re.match(r"<\.\.\. (\w+) resumed|(\w+)\(|(.*)", what)
            calls.setdefault(f"{threads.get(int(tid), 'new')} {tid}", Counter())[call[1] or call[2] or call[3]] += 1
    return Idling(calls)


# Rounds


@dataclass(frozen=True)
class Figures:
    """One program and one row: the median of its rounds, as the whole task would have it."""

    program: str
    round: Round
    seconds: float
    how: str  # these came about


@dataclass(frozen=True)
class Result:
    row: Row
    figures: list[Figures]  # ours first
    reaction: float
    load: float  # the most that the server took of one processor


def median(rounds: Sequence[Round]) -> Round:
    return sorted(rounds, key=lambda each: each.seconds)[len(rounds) // 2]


def ask(program: str, how: Ask, task: Task, share: Share, directory: Path) -> Figures:
    """Asks all hosts, or those of the program's share, from which the whole is then estimated."""
    part = Task(share.hosts or task.hosts, task.domains, task.dead)
    middle = median([how(part, directory) for _ in range(share.times)])
    factor = task.hosts // part.hosts
    estimate = f"estimated: {part.hosts} of the hosts took {middle.seconds:.1f} s, times {factor}"
    return Figures(program, middle, middle.seconds * factor, estimate if factor > 1 else measured(share.times))


def measured(times: int) -> str:
    return f"measured, the median of {times}" if times > 1 else "measured once"


def compare(service: Service, row: Row, directory: Path) -> Result:
    print(f"{row.task} ...", file=sys.stderr)
    ours: list[ServiceRound] = [ask_with_service(service, row.task) for _ in range(row.times)]
    own = median([each.round for each in ours])
    figures = [
        Figures("EtrnSvc", own, own.seconds, measured(row.times)),
        ask("msmtp", ask_with_msmtp, row.task, row.msmtp, directory),
        ask("fetchmail", ask_with_fetchmail, row.task, row.fetchmail, directory),
    ]
    return Result(row, figures, statistics.median(each.reaction for each in ours),
                  max(each.round.server_load for each in figures))


# The report


def version(*command: str) -> str:
    """The first x.y of what the program says of itself."""
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    return re.search(r"\d+\.\d+[\w.]*", said.stdout + said.stderr)[0]


def trips(seconds: float) -> str:
    count = seconds / DELAY
    return f"{count:.1f}" if count < 100 else f"{count:,.0f}"


def lines_of(result: Result) -> list[list[str]]:
    own = result.figures[0]
    return [[str(result.row.task), each.program, f"{each.seconds:.2f} s", trips(each.seconds),
             f"{each.seconds / own.seconds:.1f}", f"{each.round.most_open:,}", f"{each.round.memory / 1024:.1f} MiB",
             each.how] for each in result.figures]


def notes(results: Sequence[Result], idling: dict[str, Idling], seconds: float) -> list[str]:
    reactions = "; ".join(f"{result.row.task}: {result.reaction * 1000:.0f} ms" for result in results)
    crowd = results[-1]
    own = crowd.figures[0].round
    calls = "; ".join(f"{state}: {each.count(False)} by its own threads, {each.count(True)} by Wine's thread pool"
                      for state, each in idling.items())
    return [
        f"From the writing of `AlwaysUseETRN` to the first connection at the server: {reactions}. The others are started "
        "for each round: not applicable.",
        f"{crowd.row.task}: the slowest live host took EtrnSvc {own.slowest:.2f} s from that host's first connection on, "
        f"all of them together {own.seconds:.2f} s; a dead host is abandoned after {CONNECT_TIMEOUT} s.",
        f"Idle, system calls of the service's process in {seconds:.0f} s, with {IDLE} asked before: {calls}.",
        f"The server used at most {max(result.load for result in results) * 100:.0f} % of one processor in a round.",
    ]


def wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) + "\n"


def report(service: Service, results: Sequence[Result], idling: dict[str, Idling], seconds: float, load: float) -> str:
    head = ["hosts x domains", "program", "time", "round trips", "times ours", "most sessions", "peak memory", "how"]
    machine = (f"{os.cpu_count()} processors, load {load:.1f} at the beginning; EtrnSvc "
               f"{service.etrnctl('--version').split()[1]} under Wine {version('wine', '--version')}, fetchmail "
               f"{version('fetchmail', '--version')} and msmtp {version('msmtp', '--version')} native; a round trip is "
               f"{DELAY * 1000:.0f} ms.")
    lines = [line for result in results for line in lines_of(result)]
    points = "".join(wrapped("- " + note, "  ") for note in notes(results, idling, seconds))
    return f"{wrapped(machine)}\n{table(head, lines)}\n{points}"


# The run


def measure(quick: bool, readme: bool, directory: Path) -> int:
    settle, seconds = (0.5, 1.0) if quick else (8.0, 20.0)
    load = os.getloadavg()[0]
    directory.chmod(0o755)
    with WinePrefix(directory / "prefix") as prefix:
        service = Service(prefix)
        results = [compare(service, row, directory) for row in (QUICK_ROWS if quick else ROWS)]
        idling = {}
        ask_with_service(service, IDLE)  # so that no dead host is asked again meanwhile
        for state in ("enabled", "disabled"):
            print(f"idle, {state} ...", file=sys.stderr)
            if state == "disabled":
                service.etrnctl("disable")
            time.sleep(settle)
            idling[state] = watch_idling(service.pid, seconds, directory)
        text = report(service, results, idling, seconds, load)
    print(text, end="")
    if readme:
        write({"bench": text})
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures EtrnSvc beside fetchmail and msmtp.")
    parser.add_argument("--quick", action="store_true", help="fewer hosts, once each: for use while developing")
    parser.add_argument("--readme", action="store_true", help="write the table into tests/README.md as well")
    options = parser.parse_args()

    def make_directories() -> list[Path]:
        BUILD.mkdir(exist_ok=True)
        return [Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD))]

    return run_tidily(make_directories, lambda directory: measure(options.quick, options.readme, directory))


if __name__ == "__main__":
    sys.exit(main())
