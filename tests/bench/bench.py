#!/usr/bin/python3
"""EtrnSvc beside fetchmail and msmtp, in one run on one machine: how long a round takes, what idling costs, and memory.

    bench.py [--quick]          run by `make bench`. --quick: fewer hosts, once each, for use while developing

A table for people, not a test: it fails only when something does not work, never because a machine is slow.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from lab.scripted import loopback  # noqa: E402
from lab.tidy import run_tidily  # noqa: E402
from lab.wine import WinePrefix  # noqa: E402

BUILD = TESTS.parent / "build"
PARAMETERS = r"HKLM\SYSTEM\CurrentControlSet\Services\EtrnSvc\Parameters"
DELAY = 0.05  # seconds that the server waits before each reply: one round trip
AIM = 10  # round trips, for 200 hosts
TOGETHER = 50  # msmtp processes at once
PATIENCE = 120.0
POOL = "wine_threadpool"  # Wine's own threads: their names, as far as Linux keeps them


@dataclass(frozen=True)
class Task:
    """So many hosts, each to be asked for so many domains."""

    hosts: int
    domains: int

    def __str__(self) -> str:
        return (f"{self.hosts} host{'s' * (self.hosts > 1)} x {self.domains} domain{'s' * (self.domains > 1)}")

    def plan(self) -> dict[str, list[str]]:
        return {host: [f"d{n}.example" for n in range(1, self.domains + 1)] for host in loopback(self.hosts)}


@dataclass(frozen=True)
class Round:
    """One round, seen from the server: from its first connection until the last ETRN was answered."""

    seconds: float
    began: float  # time.monotonic() of the first connection
    peak_open: int


class Server:
    """The scripted server, in a process of its own."""

    def __init__(self, task: Task) -> None:
        self.task = task
        command = [sys.executable, TESTS / "lab" / "scripted.py", "--addresses", str(task.hosts), "--port", "0",
                   "--delay", str(DELAY)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.port = int(re.search(r"port (\d+)", self._process.stdout.readline())[1])

    def end(self) -> Round:
        self._process.terminate()
        summary = json.loads(self._process.communicate(timeout=30)[0])
        wanted = self.task.hosts * self.task.domains
        if summary["etrns"] != wanted or summary["violations"]:
            raise RuntimeError(f"{self.task}: {summary['etrns']} ETRNs came instead of {wanted}, with "
                               f"{summary['violations']} violations of the protocol")
        return Round(summary["answered_seconds"], summary["began"], summary["peak_open"])


# The other programs


def ask_with_fetchmail(task: Task, directory: Path) -> Round:
    """One .fetchmailrc for all."""
    server = Server(task)
    rc = directory / "fetchmailrc"
    rc.write_text("".join(f"poll {host} protocol ETRN service {server.port} fetchdomains {' '.join(domains)}\n"
                          for host, domains in task.plan().items()))
    rc.chmod(0o600)
    command = ["fetchmail", "-f", rc, "--nodetach", "--nosyslog", "--pidfile", directory / "pid", "-i", directory / "ids"]
    env = os.environ | {"HOME": str(directory), "FETCHMAILHOME": str(directory), "LC_ALL": "C"}
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return server.end()


def ask_with_msmtp(task: Task, directory: Path) -> Round:
    """One process for each host and domain, TOGETHER at once: what a shell does with xargs -P."""
    server = Server(task)
    pairs = "".join(f"{host} {domain}\n" for host, domains in task.plan().items() for domain in domains)
    command = ["xargs", "-P", str(TOGETHER), "-L", "1", "sh", "-c",
               f'exec msmtp -C /dev/null --port={server.port} --host="$0" --rmqs="$1"']
    subprocess.run(command, input=pairs, text=True, stdout=subprocess.DEVNULL, check=True)
    return server.end()


# The service


@dataclass(frozen=True)
class Memory:
    """KiB resident."""

    before: int
    peak: int


class Service:
    """EtrnSvc on a Windows machine of its own."""

    def __init__(self, prefix: WinePrefix) -> None:
        self.prefix = prefix
        self.folder = prefix.drive_c / "etrnsvc"
        self.folder.mkdir()
        for name in ("etrnsvc.exe", "etrnctl.exe"):
            shutil.copy2(BUILD / name, self.folder)
        self.etrnctl("service", "install")
        self.etrnctl("service", "start")
        self.pid = self._find()

    def etrnctl(self, *words: str) -> str:
        result = self.prefix.run([self.folder / "etrnctl.exe", *words])
        if result.returncode != 0:
            raise RuntimeError(f"etrnctl {' '.join(words)}: {result.stdout}{result.stderr}")
        return result.stdout

    def configure(self, task: Task, port: int) -> None:
        """Switches it off, and gives it these hosts in place of those it had."""
        if "AlwaysUseETRN" in self.prefix.reg_query(PARAMETERS):
            self.etrnctl("disable")
        if self.prefix.reg_query(PARAMETERS + r"\Hosts"):
            self.prefix.reg_delete(PARAMETERS + r"\Hosts")
        self._wait_until(lambda told: not told["hosts"])
        text = f"[{_long(PARAMETERS)}]\r\n" '"MinimumGapSeconds"=dword:0\r\n"LocalPort"=dword:0\r\n\r\n'
        for host, domains in task.plan().items():
            data = "\0".join([*domains, "", ""]).encode("utf-16-le").hex(",")
            text += f"[{_long(PARAMETERS)}\\Hosts\\{host}]\r\n" f'"Port"=dword:{port:x}\r\n"Domains"=hex(7):{data}\r\n\r\n'
        self.prefix.reg_import(text)
        self._wait_until(lambda told: len(told["hosts"]) == task.hosts)

    def enable(self) -> float:
        """Sets AlwaysUseETRN, and returns when that value was written: Wine says so in etrnctl's trace."""
        tool = self.prefix.popen([self.folder / "etrnctl.exe", "enable"], env={"WINEDEBUG": "-all,+reg"})
        written = 0.0
        for line in tool.stdout:
            if not written and "NtSetValueKey" in line and "AlwaysUseETRN" in line:
                written = time.monotonic()
        if tool.wait() != 0 or not written:
            raise RuntimeError("etrnctl enable did not set the value")
        return written

    def wait_for_round(self) -> None:
        """Returns when every host has been asked, and the service has told it."""
        self._wait_until(lambda told: all(host["dequeues"] and not host["asking"] for host in told["hosts"]))

    def watch_memory(self) -> int:
        """Begins to look for the peak, and returns what is resident now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        return self._memory("VmRSS")

    def peak_memory(self) -> int:
        return self._memory("VmHWM")

    def _memory(self, field: str) -> int:
        return int(re.search(rf"{field}:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())[1])

    def _wait_until(self, condition: Callable[[dict], bool]) -> None:
        path = self.prefix.program_data / "EtrnSvc" / "status.json"
        deadline = time.monotonic() + PATIENCE
        while not condition(json.loads(path.read_text())):
            if time.monotonic() > deadline:
                raise RuntimeError(f"waited {PATIENCE:.0f} s in vain; the service says:\n{path.read_text()[:2000]}")
            time.sleep(0.1)

    def _find(self) -> int:
        for directory in Path("/proc").glob("[0-9]*"):
            try:
                if (directory / "comm").read_text().strip() == "etrnsvc.exe" and \
                        f"WINEPREFIX={self.prefix.path}\0".encode() in (directory / "environ").read_bytes():
                    return int(directory.name)
            except OSError:  # it has just ended
                pass
        raise RuntimeError("etrnsvc.exe does not run")


def _long(key: str) -> str:
    return key.replace("HKLM", "HKEY_LOCAL_MACHINE")


@dataclass(frozen=True)
class ServiceRound:
    round: Round
    reaction: float  # seconds from the value's being written to the first connection
    memory: Memory


def ask_with_service(service: Service, task: Task) -> ServiceRound:
    server = Server(task)
    service.configure(task, server.port)
    before = service.watch_memory()
    written = service.enable()
    service.wait_for_round()
    seen = server.end()
    return ServiceRound(seen, seen.began - written, Memory(before, service.peak_memory()))


# Idling


@dataclass(frozen=True)
class Idling:
    """The system calls of each thread of the service's process."""

    calls: dict[str, Counter[str]]  # a thread's name and id: how often each call


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


# The table


def version(*command: str) -> str:
    """The first x.y of what the program says of itself."""
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    return re.search(r"\d+\.\d+[\w.]*", said.stdout + said.stderr)[0]


def median(rounds: Sequence[Round]) -> Round:
    return sorted(rounds, key=lambda each: each.seconds)[len(rounds) // 2]


def print_round(name: str, rounds: Sequence[Round], ours: Round) -> None:
    middle, times = median(rounds), [each.seconds * 1000 for each in rounds]
    spread = f"{min(times):.0f}..{max(times):.0f}" if len(rounds) > 1 else "once"
    print(f"  {name:<22}{middle.seconds * 1000:>7.0f}{middle.seconds / DELAY:>14.1f}"
          f"{middle.seconds / ours.seconds:>13.1f}{middle.peak_open:>11}{spread:>11}")


def print_idling(state: str, idling: Idling) -> None:
    pool = {thread: calls for thread, calls in idling.calls.items() if thread.startswith(POOL)}
    own = {thread: calls for thread, calls in idling.calls.items() if thread not in pool}
    print(f"  {state:<24} {count(own)} by the service's {len(own)} threads, {count(pool)} by Wine's pool")
    for thread, calls in idling.calls.items():
        if calls:
            print(f"    {thread}: " + ", ".join(f"{call} {times}" for call, times in calls.most_common()))


def count(calls: dict[str, Counter[str]]) -> int:
    return sum(counter.total() for counter in calls.values())


def print_memory(task: Task, first: ServiceRound) -> None:
    memory, most = first.memory, first.round.peak_open
    print(f"""
Memory resident in the service's process, Wine's own share included; the first
round of {task}
  before {memory.before} KiB, at the peak {memory.peak} KiB, with {most} sessions open
  {(memory.peak - memory.before) / most:.1f} KiB for each session, what status.json needs included""")


def print_head(quick: bool, service: Service) -> None:
    print(f"""\
EtrnSvc measured beside others, on the same server in the same run.

Machine:    {os.cpu_count()} processors, load {os.getloadavg()[0]:.2f} at the beginning{" (--quick: a look only)" * quick}
Programs:   EtrnSvc {service.etrnctl("--version").split()[1]} under Wine {version("wine", "--version")}; native are
            fetchmail {version("fetchmail", "--version")} and msmtp {version("msmtp", "--version")}
Server:     one process, which waits {DELAY * 1000:.0f} ms before each reply, the greeting too:
            that is one round trip. Connecting costs nothing here. n domains in
            one session take 2 + n round trips (greeting, EHLO, n ETRN).
Time:       from the server's first connection until the last ETRN is answered:
            the median, and the least and the most
EtrnSvc:    as by default: all hosts at once, at most 7 domains in a session,
            since servers slow down or hang up beyond that
msmtp:      one process for each host and domain (--rmqs), {TOGETHER} at once by xargs
fetchmail:  one .fetchmailrc for all; it takes one after the other
first:      from the writing of AlwaysUseETRN to the first connection
""")


def compare(service: Service, task: Task, times: int, directory: Path) -> list[ServiceRound]:
    ours: list[ServiceRound] = []
    msmtp, fetchmail = [], []
    for _ in range(times):  # in turn, so that a disturbance meets all
        ours.append(ask_with_service(service, task))
        msmtp.append(ask_with_msmtp(task, directory))
        if task.hosts == 1 or not fetchmail:
            fetchmail.append(ask_with_fetchmail(task, directory))
    own = median([each.round for each in ours])
    print(f"{str(task):<24}{'ms':>7}{'round trips':>14}{'times ours':>13}{'most open':>11}{'from..to':>11}")
    print_round("EtrnSvc", [each.round for each in ours], own)
    print_round("msmtp", msmtp, own)
    print_round("fetchmail", fetchmail, own)
    print(f"  {'EtrnSvc, first':<22}{statistics.median(each.reaction for each in ours) * 1000:>7.0f}")
    if task.hosts >= 200:
        trips = own.seconds / DELAY
        print(f"  The aim, on an idle machine: under {AIM} round trips. {'Met' if trips < AIM else 'Not met'}.")
    print()
    return ours


def measure(quick: bool, directory: Path) -> int:
    hosts, times, settle, idle_seconds = (10, 1, 0.5, 1) if quick else (200, 3, 8, 20)
    directory.chmod(0o755)
    with WinePrefix(directory / "prefix") as prefix:
        service = Service(prefix)
        print_head(quick, service)
        many = Task(hosts, 1)
        rounds = compare(service, many, times, directory)
        compare(service, Task(1, 1), times, directory)
        compare(service, Task(1, 12), times, directory)
        print(f"""\
Idle: system calls of the service's process in {idle_seconds} s, by strace -f, {settle:.0f} s after its
last work. Wine's pool, which waits for registry changes, wakes its last thread
every 5 s to see whether it may end.""")
        time.sleep(settle)
        print_idling("enabled, between rounds", watch_idling(service.pid, idle_seconds, directory))
        service.etrnctl("disable")
        time.sleep(settle)
        print_idling("disabled", watch_idling(service.pid, idle_seconds, directory))
        print_memory(many, rounds[0])
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures EtrnSvc beside fetchmail and msmtp.")
    parser.add_argument("--quick", action="store_true", help="fewer hosts, once each: for use while developing")
    quick = parser.parse_args().quick

    def make_directories() -> list[Path]:
        BUILD.mkdir(exist_ok=True)
        return [Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD))]

    return run_tidily(make_directories, lambda directory: measure(quick, directory))


if __name__ == "__main__":
    sys.exit(main())
